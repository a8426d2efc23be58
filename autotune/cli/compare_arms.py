"""From arms as they were typed to what can be measured: studies, files, keys, engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.cli.replay_paths import Asked, make_paths, tuned
from autotune.errors import UserError

if TYPE_CHECKING:
    from autotune.compare.grammar import ArmWords
    from autotune.compare.request import CompareArm
    from autotune.export.model import ExportConfig
    from autotune.paths.spec import LaunchedPath, ServingPath
    from autotune.replay.dialect import Api
    from autotune.search.contest.request import EngineWords


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmsAsked:
    """What the command line says of all arms. `env` is the environment that keys come from."""

    engine: str
    words: EngineWords
    studies_dir: Path
    env: Mapping[str, str]
    api: Api | None = None
    endpoint_model: str | None = None
    key_env: str | None = None
    max_cost_usd: float | None = None


def resolve_arms(arms: Sequence[ArmWords], asked: ArmsAsked) -> tuple[CompareArm, ...]:
    """Every arm with its engine or endpoint. Raises `UserError` that says which arm is wrong.

    ``default`` runs on the engine and model that the command line names, else on those of the
    first arm that was tuned.
    """
    from autotune.compare.grammar import Kind
    from autotune.compare.request import CompareArm
    from autotune.paths.spec import LaunchedPath

    paths: dict[str, ServingPath] = {
        arm.name: _path(arm, asked) for arm in arms if arm.base.kind is not Kind.DEFAULT
    }
    first = next((path for path in paths.values() if isinstance(path, LaunchedPath)), None)
    found = []
    for arm in arms:
        is_default = arm.base.kind is Kind.DEFAULT
        path = _default(arm.name, asked, first) if is_default else paths[arm.name]
        made = CompareArm(
            name=arm.name, path=path, defaults=is_default, cache=arm.cache, history=arm.history
        )
        _check(made)
        found.append(made)
    return tuple(found)


def _check(arm: CompareArm) -> None:
    if arm.cache is not None and arm.attached is not None:
        raise UserError(
            f"{arm.name}: the cache of an endpoint is not ours to switch",
            "name an engine that autotune starts: default,cache=off or STUDY,cache=off",
        )


def _path(arm: ArmWords, asked: ArmsAsked) -> ServingPath:
    """The endpoint or tuned engine of an arm that is not ``default``."""
    from dataclasses import replace

    from autotune.compare.grammar import Kind

    if arm.base.kind is Kind.ENDPOINT:
        (path,) = make_paths(_words(asked, endpoint=arm.base.text))
        return replace(path, name=arm.name)
    config, source = _config(arm, asked)
    engine = config.provenance.engine
    return _resolved(tuned(config, source, _words(asked, engine=engine)), arm.name)


def _config(arm: ArmWords, asked: ArmsAsked) -> tuple[ExportConfig, str]:
    """The tuned config of a file or study, and where it comes from."""
    from autotune.cli.find import find_study
    from autotune.compare.grammar import Kind
    from autotune.export.from_study import trial_config, winner_config
    from autotune.export.json_config import read_config

    base = arm.base
    if base.kind is Kind.CONFIG:
        return read_config(Path(base.text)), base.text
    try:
        folder = find_study(asked.studies_dir, base.text)
    except UserError as error:
        raise UserError(error.message, _study_hint(base.text, error.hint)) from None
    if base.trial is None:
        return winner_config(folder), f"study {folder.name}"
    return trial_config(folder, base.trial), f"study {folder.name}, trial {base.trial}"


def _study_hint(name: str, hint: str) -> str:
    """A study that is not there may be a word that was meant otherwise."""
    from autotune.compare.grammar import DEFAULT
    from autotune.config.layers import closest

    return f"did you mean {DEFAULT}?" if closest(name, [DEFAULT]) else hint


def _words(asked: ArmsAsked, engine: str | None = None, endpoint: str | None = None) -> Asked:
    """What was said, for one arm, as ``autotune replay`` takes it."""
    model, engine_path = (None, None) if engine is None else _of_engine(engine, asked.words)
    named = asked.endpoint_model if endpoint is not None else None
    return Asked(
        endpoints=[] if endpoint is None else [endpoint],
        configs=[],
        studies=[],
        engines=[],
        env=asked.env,
        studies_dir=asked.studies_dir,
        api=asked.api,
        model=str(model) if model is not None else named,
        engine_path=engine_path,
        settings={},
        key_env=asked.key_env,
        headers=[],
        provider=None,
        prices=None,
        max_cost_usd=asked.max_cost_usd,
        rendering=None,
    )


def _of_engine(engine: str, words: EngineWords) -> tuple[Path | None, Path | None]:
    """The model and the program that were named for `engine`."""
    from dataclasses import replace

    from autotune.search.contest.request import make_request
    from autotune.search.request import RunRequest

    found = make_request(RunRequest(workload=Path()), replace(words, engines=(engine,)))
    assert isinstance(found, RunRequest)
    return found.model, found.engine_path


def _default(name: str, asked: ArmsAsked, tuned_path: LaunchedPath | None) -> LaunchedPath:
    """The engine with its own defaults."""
    from autotune.paths.spec import LaunchedPath

    engine = asked.engine
    if engine == "auto" and tuned_path is not None:
        engine = tuned_path.engine
    model, program = _of_engine(engine, asked.words)
    if tuned_path is not None and tuned_path.engine == engine:
        model, program = model or tuned_path.model, program or tuned_path.engine_path
    if model is None:
        raise UserError(
            f"no model is named for {name}",
            "give a GGUF file, or the folder of a Hugging Face model: --model model.gguf",
        )
    return _resolved(LaunchedPath(name=name, engine=engine, engine_path=program, model=model), name)


def _resolved(path: LaunchedPath, name: str) -> LaunchedPath:
    """`path` called `name`, its model's and its program's place written out."""
    from dataclasses import replace

    program = None if path.engine_path is None else path.engine_path.expanduser().absolute()
    model = path.model.expanduser().resolve()
    return replace(path, name=name, model=model, engine_path=program)
