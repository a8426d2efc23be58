"""From ``[nightly]`` of a file to targets, or to one line that says what is wrong and where.

``[fleet]`` of another file is written in the same words, and read by the same functions.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from autotune.errors import UserError
from autotune.export.formats import FORMATS, formats_for
from autotune.export.options import ExportOptions
from autotune.hardware.telemetry_summary import OTHER_GPU_SHARE_LIMIT
from autotune.nightly.hooks import Hook, Hooks
from autotune.nightly.idle import IdleRule
from autotune.nightly.notify import NotifySettings
from autotune.nightly.prune import MIB, PruneRule
from autotune.nightly.target_table import ExportTable, HooksTable, Table, TargetTable
from autotune.nightly.targets import CanaryRule, Export, HealthRule, Target, WorkloadRule
from autotune.paths.address import parse_address
from autotune.search.request import RunRequest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

NIGHTLY, TARGETS, FLEET = "nightly", "targets", "fleet"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SEE = "docs/nightly.md says what may stand there"
_OF_THE_REQUEST = (
    "gpu", "engine", "trials", "objective", "depth", "max_depth", "min_context",
    "max_output_tokens", "confirm_blocks", "quality", "concurrency",
)  # fmt: skip
_PROBLEMS = {
    "missing": "missing",
    "int_parsing": "{input!r} is not a whole number",
    "int_type": "{input!r} is not a whole number",
    "int_from_float": "{input!r} is not a whole number",
    "float_type": "{input!r} is not a number",
    "bool_type": "{input!r} is not true or false",
    "bool_parsing": "{input!r} is not true or false",
    "string_type": "{input!r} is not text",
    "path_type": "{input!r} is not a path",
    "tuple_type": "it is not a list of tables: write [[{where}]]",
    "model_type": "it is not a table: write [{where}]",
    "greater_than": "{input} is too small, it must be above {gt}",
    "greater_than_equal": "{input} is too small, it must be at least {ge}",
    "less_than_equal": "{input} is too large, it must be at most {le}",
    "literal_error": "{input!r} is not one of {expected}",
    "autotune": "{problem}",
}


def read_targets(path: Path, base: RunRequest) -> dict[str, Target]:
    """The targets of a file, by name, in its order; none for a file that is not there.

    `base` holds what is set for every run in that folder: a target says what differs for it. A
    relative path is relative to the file. Raises `UserError` for anything that is wrong, naming the
    file, the table and the key.
    """
    return targets_from(read_toml(path).get(NIGHTLY, {}), base, path)


def read_toml(path: Path) -> dict[str, Any]:
    """The document in `path`, empty where there is no such file. Raises `UserError`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}", "mend it, or move it away") from error


def fleet_named(path: Path) -> Path | None:
    """The file that ``fleet`` in ``[nightly]`` of `path` names; ``None`` where it names none.

    Raises `UserError` for a value that is no path.
    """
    nightly = read_toml(path).get(NIGHTLY, {})
    named = nightly.get(FLEET) if isinstance(nightly, Mapping) else None
    if named is None:
        return None
    if not isinstance(named, str) or not named:
        raise _wrong(path, NIGHTLY, f"fleet: {named!r} is not a path", 'write fleet = "fleet.toml"')
    return path.absolute().parent / Path(named).expanduser()


@dataclass(frozen=True, slots=True)
class Root:
    """The table that targets stand in, and the keys that it has besides those of a target."""

    name: str
    own: tuple[str, ...]


_NIGHTLY_ROOT = Root(NIGHTLY, (TARGETS, FLEET))


def targets_from(
    nightly: Any, base: RunRequest, path: Path, root: Root = _NIGHTLY_ROOT
) -> dict[str, Target]:
    """The targets of a ``[nightly]`` table that stood in the file `path`. Raises `UserError`.

    What stands in the table itself is for all of its targets; its keys of `root.own` are passed
    over.
    """
    how = f"write [{root.name}.{TARGETS}.NAME]; {_SEE}"
    if not isinstance(nightly, Mapping):
        raise UserError(f"{path}: {root.name} is no table", how)
    tables = nightly.get(TARGETS, {})
    if not isinstance(tables, Mapping) or not all(isinstance(t, Mapping) for t in tables.values()):
        raise UserError(f"{path}: {root.name}.{TARGETS} holds a table for each target", how)
    shared = _dashed({name: value for name, value in nightly.items() if name not in root.own})
    # By itself, so that what is wrong in [nightly] is said to stand there.
    _validated(shared, root.name, path, root.own)
    found = {name: _target(name, table, shared, base, path, root) for name, table in tables.items()}
    _check_apart(found, path)
    return found


def _target(
    name: str,
    own: Mapping[str, Any],
    shared: Mapping[str, Any],
    base: RunRequest,
    path: Path,
    root: Root,
) -> Target:
    where = f"{root.name}.{TARGETS}.{name}"
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{path}: {name!r} cannot name a target",
            "use letters, digits, dots, dashes and underscores",
        )
    _validated(_dashed(own), where, path)
    table = _validated(_laid_over(shared, _dashed(own)), where, path)
    folder = path.absolute().parent
    request = _request(table, base, folder)
    _check_request(request, where, path)
    made = Target(
        name=name,
        request=request,
        exports=tuple(_export(row, folder) for row in table.exports),
        hooks=_hooks(table.hooks),
        health=None if table.health is None else HealthRule(**_told(table.health, _HEALTH)),
        notify=NotifySettings(**_told(table.notify)),
        idle=_idle(table),
        keep=PruneRule(
            studies=table.keep.studies, nights=table.keep.nights, log_bytes=table.keep.logs * MIB
        ),
        keep_generations=table.keep.generations,
        sessions=WorkloadRule(**_told(table.sessions, {"max_age": "max_age_s"})),
        canary=CanaryRule(**_told(table.canary)),
    )
    _check(made, where, path)
    return made


_HEALTH = {"start": "start_s", "settle": "settle_s"}


def _told(table: Table, renamed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The fields of a table, some of them by another name."""
    names = renamed or {}
    return {names.get(name, name): getattr(table, name) for name in type(table).model_fields}


def _request(table: TargetTable, base: RunRequest, folder: Path) -> RunRequest:
    """What a retune of this target asks for."""
    values = {name: getattr(table, name) for name in _OF_THE_REQUEST}
    values["budget_s"] = table.budget
    for name in ("engine_path", "model", "workload"):
        values[name] = _anchored(getattr(table, name), folder)
    if table.engine is not None and table.engine.endswith(".toml"):
        values["engine"] = str(_anchored(Path(table.engine), folder))
    said = {name: value for name, value in values.items() if value is not None}
    if table.engine is not None and table.engine != base.engine and table.engine_path is None:
        said["engine_path"] = None  # the settings' program is of another engine
    pins = {**base.pins, **table.set_}
    fixes = {**base.fixes, **table.fix}
    return replace(base, **said, pins=pins, fixes=fixes)


def _anchored(path: Path | None, folder: Path) -> Path | None:
    return None if path is None else folder / path.expanduser()


def _export(row: ExportTable, folder: Path) -> Export:
    options = ExportOptions(full=row.full, name=row.name, image=row.image)
    return Export(
        format=row.format, path=folder / row.path.expanduser(), options=options, link=row.link
    )


def _hooks(table: HooksTable) -> Hooks:
    lines = [table.before, table.after]
    before, after = (None if line is None else Hook(line, table.timeout) for line in lines)
    return Hooks(before, after)


def _idle(table: TargetTable) -> IdleRule:
    idle = table.idle
    return IdleRule(
        when_busy=idle.when_busy,
        gpu_share=OTHER_GPU_SHARE_LIMIT if idle.gpu_share is None else idle.gpu_share,
        cores=idle.cores,
        person_s=idle.person,
        deadline=idle.deadline,
    )


def _check_request(request: RunRequest, where: str, path: Path) -> None:
    """What a retune cannot do without."""
    if request.model is None:
        raise _wrong(path, where, "model: missing", 'write model = "/models/coder.gguf"')
    if "," in request.engine:
        raise _wrong(
            path,
            where,
            f"engine: {request.engine!r} is more than one",
            "a target is one engine: write a target for each",
        )
    if request.workload == Path():
        raise _wrong(path, where, "workload: missing", 'write workload = "captures"')


def _check(target: Target, where: str, path: Path) -> None:
    """What fits together."""
    for row in target.exports:
        problem = _format_problem(row, target.request.engine)
        if problem is not None:
            raise _wrong(path, f"{where}.exports", *problem)
    if target.health is not None:
        try:
            parse_address(target.health.url)
        except UserError as error:
            raise _wrong(path, f"{where}.health", f"url: {error.message}", error.hint) from error


def _format_problem(row: Export, engine: str) -> tuple[str, str] | None:
    """Why a format cannot be written, with a hint."""
    if row.format not in FORMATS:
        near = _near(row.format, FORMATS)
        return f"format: there is no format {row.format!r}", near or f"formats: {_list(FORMATS)}"
    fit = formats_for(engine)
    if engine != "auto" and row.format not in fit:
        return f"format: {row.format} is not for {engine}", f"formats for it: {_list(fit)}"
    return None


def _check_apart(found: Mapping[str, Target], path: Path) -> None:
    """Two exports at one path would undo each other every night."""
    owners: dict[Path, str] = {}
    for name, target in found.items():
        for row in target.exports:
            if row.path in owners:
                raise UserError(
                    f"{path}: {row.path} is an export of {owners[row.path]} and of {name}",
                    "give each export a path of its own",
                )
            owners[row.path] = name


def _laid_over(below: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`own` over `below`, table by table; lists are not mixed."""
    both = {**below, **own}
    for name in below.keys() & own.keys():
        if isinstance(below[name], Mapping) and isinstance(own[name], Mapping):
            both[name] = {**below[name], **own[name]}
    return both


def _dashed(table: Mapping[str, Any]) -> dict[str, Any]:
    """Keys as they are written in the documents, so that both spellings of one meet.

    Flags of an engine (``set`` and ``fix``) stay as they are.
    """
    found: dict[str, Any] = {}
    for key, value in table.items():
        inner = isinstance(value, Mapping) and key not in ("set", "fix")
        found[key.replace("_", "-")] = _dashed(value) if inner else value
    return found


def _validated(
    table: Mapping[str, Any], where: str, path: Path, also: tuple[str, ...] = ()
) -> TargetTable:
    try:
        return TargetTable.model_validate(dict(table))
    except ValidationError as error:
        raise _told_error(error.errors(include_url=False)[0], where, path, also) from None


def _told_error(detail: ErrorDetails, where: str, path: Path, also: tuple[str, ...]) -> UserError:
    """The first problem, in the words of somebody who wrote the file; `also` are keys of `where`
    that are no target's."""
    place, key = _place(detail["loc"])
    table = ".".join((where, *place))
    if detail["type"] == "extra_forbidden":
        known = [name.replace("_", "-").rstrip("-") for name in _model_at(place).model_fields]
        known = [*known, *also] if table == where else known
        hint = _near(key.replace("_", "-"), known) or f"there are: {_list(known)}"
        return _wrong(path, table, f"there is no key {key!r}", hint)
    facts = {**detail.get("ctx", {}), "input": detail["input"], "where": f"{table}.{key}"}
    template = _PROBLEMS.get(detail["type"], detail["msg"].replace("{", "{{").replace("}", "}}"))
    hint = str(facts.get("hint") or _SEE)
    return _wrong(path, table, f"{key}: {template.format(**facts)}", hint)


def _place(loc: Sequence[int | str]) -> tuple[tuple[str, ...], str]:
    """The tables on the way, and the key; places in a list are left out."""
    words = [str(word) for word in loc if isinstance(word, str)]
    tables = list(_tables(words))
    return tuple(words[: len(tables)]), words[len(tables)] if words[len(tables) :] else words[-1]


def _tables(words: Sequence[str]) -> Iterator[type[BaseModel]]:
    """The models of the tables that `words` lead through, as far as they are tables."""
    model: type[BaseModel] = TargetTable
    for word in words[:-1]:
        inner = _model_of(model, word)
        if inner is None:
            return
        yield inner
        model = inner


def _model_at(place: Sequence[str]) -> type[BaseModel]:
    model: type[BaseModel] = TargetTable
    for word in place:
        model = _model_of(model, word) or model
    return model


def _model_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The table behind a key, where it is one."""
    names = {info.alias or name: name for name, info in model.model_fields.items()}
    annotation = model.model_fields[names[key]].annotation if key in names else None
    kinds = [annotation, *get_args(annotation)]
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def _wrong(path: Path, table: str, problem: str, hint: str) -> UserError:
    return UserError(f"{path}: [{table}] {problem}", hint)


def _near(word: str, known: Sequence[str] | Mapping[str, Any]) -> str | None:
    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else None


def _list(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(names)
