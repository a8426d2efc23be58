"""What a worker on another host is told: one plain JSON document, checked where it arrives.

It holds settings and nothing else: no code, no command line, no environment, no password. What the
worker then executes is built there, by the launcher of the engine that the settings name.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePath
from typing import Any

from autotune import __version__
from autotune.errors import UserError
from autotune.search.request import ANY, GUARD, KEEP, RunRequest
from autotune.study.storage import HEARTBEAT_S

SCHEMA_VERSION = "worker-settings/1"

_OF_THE_DRIVER = frozenset(
    {"dry_run", "assume_gpu", "new_study", "noise_cache", "host_bytes", "partners"}
)
"""What is decided, or lies, where the workers are started from, or is of one host alone."""

_CHOICES = {
    "objective": {"turn", "ttft", "decode"},
    "history": {"closed-loop", "recorded"},
    "order": {"interleaved", "sequential"},
    "quality": {KEEP, GUARD, ANY},
    "sample": {"auto", "all"},
}
_PATHS = ("workload", "engine_path", "model", "studies_dir", "incumbent")
_BAD = "the settings that came for this worker cannot be used"
_HINT = "start it with the same autotune on every host: autotune --version"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """One worker's work: what to search, in which study of which storage.

    Paths are those of the worker's host. `storage` is an address without a password, `until` the
    moment (seconds since 1970) at which the time of the whole run is over, `heartbeat_s` how often
    a worker says that it lives, `slot` which of the run's workers it is, from 1.
    """

    request: RunRequest
    storage: str
    study: str
    artifacts: str | None = None
    until: float | None = None
    heartbeat_s: int = HEARTBEAT_S
    slot: int = 1

    def to_json(self) -> str:
        """The document."""
        rows = {f.name: getattr(self.request, f.name) for f in fields(RunRequest)}
        request = {name: _plain(v) for name, v in rows.items() if name not in _OF_THE_DRIVER}
        rest = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "request"}
        document = {
            "schema_version": SCHEMA_VERSION,
            "autotune_version": __version__,
            "request": request,
            **rest,
        }
        return json.dumps(document, allow_nan=False, ensure_ascii=False)


def read_settings(text: str) -> WorkerSettings:
    """The settings in a document. Raises `UserError` for one that `to_json` does not write."""
    document = _object(text)
    if document.pop("schema_version", None) != SCHEMA_VERSION:
        raise UserError(f"{_BAD}: they are not {SCHEMA_VERSION}", _HINT)
    version = document.pop("autotune_version", None)
    if version != __version__:
        raise UserError(f"{_BAD}: they are of autotune {version}, this is {__version__}", _HINT)
    request = _checked(RunRequest, document.pop("request", None), but=_OF_THE_DRIVER)
    _check_request(request)
    made: WorkerSettings = _checked(WorkerSettings, {**document, "request": request})
    return made


def absolute(request: RunRequest) -> RunRequest:
    """`request` with whole paths: a worker's own folder is another one."""
    rows: dict[str, Any] = {n: _whole(p) for n in _PATHS if (p := getattr(request, n)) is not None}
    if request.engine.endswith(".toml"):
        rows["engine"] = str(_whole(Path(request.engine)))
    return replace(request, **rows, also_model=tuple(map(_whole, request.also_model)))


def _whole(path: Path) -> Path:
    return path.expanduser().absolute()


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except ValueError:
        raise UserError(f"{_BAD}: they are not JSON", _HINT) from None
    if not isinstance(document, dict):
        raise UserError(f"{_BAD}: they are not a JSON object", _HINT)
    return document


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _checked(kind: type[Any], rows: object, but: frozenset[str] = frozenset()) -> Any:
    """A dataclass of `kind`, with nothing in `rows` that it does not have."""
    from pydantic import TypeAdapter, ValidationError

    if not isinstance(rows, dict):
        raise UserError(f"{_BAD}: {kind.__name__} is missing", _HINT)
    unknown = sorted(set(rows) - ({f.name for f in fields(kind)} - but))
    if unknown:
        raise UserError(f"{_BAD}: {', '.join(unknown)} is not one of them", _HINT)
    try:
        return TypeAdapter(kind).validate_python(rows)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, detail["loc"]))
        raise UserError(f"{_BAD}: {place}: {detail['msg']}", _HINT) from None


def _check_request(request: RunRequest) -> None:
    for name, allowed in _CHOICES.items():
        if getattr(request, name) not in allowed:
            raise UserError(f"{_BAD}: {name} is not one of {', '.join(sorted(allowed))}", _HINT)
    numbers = (getattr(request, f.name) for f in fields(request))
    if any(isinstance(n, (int, float)) and (not math.isfinite(n) or n < 0) for n in numbers):
        raise UserError(f"{_BAD}: a number in them is below zero or not finite", _HINT)


def _plain(value: Any) -> Any:
    """`value` as JSON has it."""
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "items"):
        return {name: _plain(one) for name, one in value.items()}
    return value
