"""The targets as they are written: ``[nightly.targets.NAME]`` in ``autotune.toml``, key by key.

Keys are written with dashes or underscores. What stands in ``[nightly]`` itself is for all targets.
"""

from __future__ import annotations

import re
from datetime import time as wall_time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from autotune.config.values import Duration, Pins, Share, Tokens

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def complaint(problem: str, hint: str) -> PydanticCustomError:
    """An error with a hint of its own, as the values of settings have."""
    return PydanticCustomError("autotune", "{problem}", {"problem": problem, "hint": hint})


def _clock(value: Any) -> Any:
    """``06:30``, or a TOML time."""
    if isinstance(value, wall_time):
        return value
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise complaint(f"{value!r} is no time of day", 'write it like "06:30"')
    return wall_time(int(found[1]), int(found[2]))


def _line(value: Any) -> Any:
    """A line for the shell that says something."""
    if isinstance(value, str) and not value.strip():
        raise complaint("an empty command does nothing", "leave the key out")
    return value


def _variable(value: Any) -> Any:
    """A variable's name. What looks like none may be the secret itself: it is not shown."""
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        raise complaint(
            "that is no name of an environment variable",
            "write the variable's name here, and its value into nightly.env",
        )
    return value


def _off(value: Any) -> Any:
    """``"off"`` and ``false`` are that it does not count."""
    return None if value in ("off", "never") or value is False else value


Clock = Annotated[wall_time, BeforeValidator(_clock)]
Line = Annotated[str, BeforeValidator(_line)]
Variable = Annotated[str, BeforeValidator(_variable)]


class Table(BaseModel):
    """Base of all tables here: unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=lambda name: name.rstrip("_").replace("_", "-"),
        validate_by_name=True,
        validate_by_alias=True,
    )


class ExportTable(Table):
    """One ``[[nightly.targets.NAME.exports]]``."""

    format: str
    path: Path
    full: bool = False
    name: str | None = None
    image: str | None = None
    link: bool = True


class HooksTable(Table):
    """``hooks``: lines for the shell around whatever stops and starts what serves."""

    before: Line | None = None
    after: Line | None = None
    timeout: Annotated[Duration, Field(gt=0)] = 300.0


class HealthTable(Table):
    """``health``: where what serves is asked after a promotion."""

    url: str
    model: str | None = None
    key_env: Variable | None = None
    start: Annotated[Duration, Field(gt=0)] | None = None
    settle: Annotated[Duration, Field(ge=0)] | None = None


class NotifyTable(Table):
    """``notify``: who is told how a night went."""

    command: Line | None = None
    webhook_env: Variable | None = None
    token_env: Variable | None = None
    form: Literal["json", "slack", "discord", "text"] = "json"
    when: Literal["always", "news", "trouble", "never"] = "always"


class IdleTable(Table):
    """``idle``: when the machine is free for a night."""

    when_busy: Literal["wait", "skip"] = "wait"
    gpu_share: Annotated[Share, Field(ge=0, le=1)] | None = None
    cores: Annotated[float, Field(ge=0)] | None = None
    person: Annotated[Annotated[Duration, Field(ge=0)] | None, BeforeValidator(_off)] = 900.0
    deadline: Clock | None = None


class KeepTable(Table):
    """``keep``: how much of the past stays on disk; `logs` is in MiB."""

    studies: Annotated[int, Field(ge=1)] = 7
    nights: Annotated[int, Field(ge=1)] = 60
    generations: Annotated[int, Field(ge=2)] = 10
    logs: Annotated[int, Field(ge=1)] = 256


class SessionsTable(Table):
    """``sessions``: which of the captures are replayed."""

    most: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_off)] = 60
    max_age: Annotated[Annotated[Duration, Field(gt=0)] | None, BeforeValidator(_off)] = (
        30 * 86_400.0
    )
    share: Annotated[Share, Field(ge=0, le=1)] = 0.2


class CanaryTable(Table):
    """``canary``: the nights on which nothing has changed."""

    turns: Annotated[int, Field(ge=4, le=100)] = 8
    every: Annotated[int, Field(ge=0)] = 1


class TargetTable(Table):
    """One ``[nightly.targets.NAME]``. What is absent of the first block is as in the settings."""

    gpu: str | None = None
    engine: str | None = None
    engine_path: Path | None = None
    model: Path | None = None
    workload: Path | None = None
    budget: Annotated[Duration, Field(gt=0)] | None = None
    trials: Annotated[int, Field(ge=1)] | None = None
    objective: Literal["turn", "ttft", "decode"] | None = None
    depth: str | None = None
    max_depth: Annotated[Tokens, Field(ge=1)] | None = None
    min_context: Annotated[Tokens, Field(ge=1)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    confirm_blocks: Annotated[int, Field(ge=1)] | None = None
    quality: Literal["keep", "guard", "any"] | None = None
    concurrency: Annotated[int, Field(ge=1)] | None = None
    set_: Pins = Field(default_factory=dict)
    fix: Pins = Field(default_factory=dict)

    exports: tuple[ExportTable, ...] = ()
    hooks: HooksTable = HooksTable()
    health: HealthTable | None = None
    notify: NotifyTable = NotifyTable()
    idle: IdleTable = IdleTable()
    keep: KeepTable = KeepTable()
    sessions: SessionsTable = SessionsTable()
    canary: CanaryTable = CanaryTable()
