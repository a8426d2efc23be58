"""The in-house engine's manifest: everything autotune must know about an engine, as TOML.

The format is documented field by field in ``docs/in-house-engine.md``. Nothing in a manifest is
evaluated: placeholders are replaced, regular expressions are matched, dotted paths are followed.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.launchers.failure import FailureKind

PLACEHOLDERS = frozenset(
    {"python", "engine", "manifest_dir", "model", "host", "port", "settings", "work_dir"}
)
"""What may stand in braces in `Command.argv`, `Command.env` and `ReadyCheck.equals`."""

FRESH = "{fresh}"
"""In a request's texts: a word that no other request has."""

_BRACES = re.compile(r"\{([a-z_]+)\}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with every ``{name}`` of `values` replaced; other braces stay as they are."""
    return _BRACES.sub(lambda m: values.get(m[1], m[0]), text)


def _known_placeholders(text: str) -> str:
    if unknown := set(_BRACES.findall(text)) - PLACEHOLDERS:
        known = ", ".join(sorted(PLACEHOLDERS))
        raise ValueError(f"unknown placeholder {{{min(unknown)}}}; known: {known}")
    return text


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text


Template = Annotated[str, AfterValidator(_known_placeholders)]
Regex = Annotated[str, AfterValidator(_regex)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Command(_Part):
    """How the engine is started."""

    argv: list[Template] = Field(min_length=1)
    """The command; ``{settings}``, alone in its item, becomes the candidate's flags."""
    env: dict[str, Template] = {}
    """Variables for the engine."""
    inherit: list[str] = []
    """Environment variables handed through besides the built-in allow-list."""
    gpu_env: str = "CUDA_VISIBLE_DEVICES"
    """The variable that gets the GPU's UUID when a study names one."""
    version: list[Template] = []
    """A command that prints the engine's version on stdout or stderr."""
    help: list[Template] = []
    """A command that prints ``--flags``; without it any setting name is let through."""
    always: dict[str, Setting] = {}
    """Settings stated on every launch unless the candidate sets them."""
    cache_off: dict[str, Setting] = {}
    """Settings laid over the candidate in the cold arm."""

    @model_validator(mode="after")
    def _one_settings_item(self) -> Command:
        if sum("{settings}" in a for a in self.argv) != 1 or "{settings}" not in self.argv:
            raise ValueError('argv needs exactly one item "{settings}", by itself')
        return self


class Flags(_Part):
    """How a setting becomes arguments; ``{name}`` is the flag's name, ``{value}`` its value."""

    assign: Literal["space", "equals"] = "space"
    """``equals`` writes ``--name=value`` as one argument."""
    prefix: str = "--"
    """What stands in front of a flag's name."""
    negative: str = "no-"
    """What stands in front of the name of a switch that is off."""
    names: dict[str, str] = {}
    """Setting name -> the flag's own name, where they differ."""
    aliases: dict[str, list[str]] = {}
    """Setting name -> names that other builds have for its flag; tried in order."""
    off: dict[str, list[str]] = {}
    """Setting name -> arguments that switch it off, where ``--no-NAME`` is not it."""
    forbidden: list[str] = []
    """Settings that are refused: globs."""


class Address(_Part):
    """Where the engine listens: announced in its log, or on a port that we choose."""

    log: Regex | None = None
    """A pattern whose first group is the base URL, or the port when it is all digits."""
    port: int | Literal["free"] = 0
    """What ``{port}`` becomes; ``free`` is a port that was free a moment before."""

    @model_validator(mode="after")
    def _knowable(self) -> Address:
        if self.log is None and self.port == 0:
            raise ValueError('give a log pattern, or port = "free", or a fixed port')
        return self


class ReadyCheck(_Part):
    """One JSON answer that proves it is our server with our model."""

    path: str
    """A path answering JSON."""
    json_path: str
    """Dotted path in the JSON."""
    equals: Template | int | float | bool | None = None
    """What stands there."""
    above: float | None = None
    """What the number there is greater than."""
    kind: FailureKind = FailureKind.WRONG_SERVER
    """What a check that fails is called."""

    @model_validator(mode="after")
    def _one_test(self) -> ReadyCheck:
        if (self.equals is None) == (self.above is None):
            raise ValueError("give either equals or above")
        return self


class Ready(_Part):
    """When the engine may be asked."""

    path: str = "/health"
    """Polled until it answers `status`."""
    status: int = 200
    """The HTTP status of an engine that is ready."""
    checks: list[ReadyCheck] = []
    """What must hold then."""


class Health(_Part):
    """How an engine that still runs is told from one that has given up inside."""

    path: str | None = None
    """Asked after a reply that failed; without it the process being alive is enough."""
    status: int = 200
    """Any other status, or no answer, and the engine has crashed."""
    timeout_s: float = Field(default=5.0, gt=0)
    """How long it may take to answer, in seconds."""


class Stop(_Part):
    """How the engine is ended."""

    timeout_s: float = Field(default=10.0, gt=0)
    """How long after SIGTERM it is killed, in seconds."""


class Request(_Part):
    """What the body of a chat completion carries.

    ``{fresh}`` in a text becomes a word that no other request has.
    """

    output_tokens: list[str] = ["max_tokens"]
    """Fields that take the pinned reply length."""
    pinned: dict[str, Any] = {}
    """Fields sent with a pinned length, such as ``ignore_eos = true``."""
    always: dict[str, Any] = {"stream_options": {"include_usage": True}, "temperature": 0}
    """Fields of every request."""
    cache_on: dict[str, Any] = {}
    """Fields of a request that may reuse a prefix."""
    cache_off: dict[str, Any] = {}
    """Fields of a request in the cold arm, such as ``cache_salt = "{fresh}"``."""


class Replies(_Part):
    """What is unusual about the engine's replies."""

    pins_length: bool = True
    """False for an engine that may end a reply before the asked length, whatever is sent."""
    bursts: bool = False
    """True for an engine whose tokens leave in bursts."""


class Tokens(_Part):
    """Where token counts are."""

    cached: str | None = None
    """Of the reused prompt tokens in a stream's last chunks; without it the usual places."""
    count_path: str | None = None
    """POST here with ``messages`` and ``tools`` and it says how long the prompt is."""
    count: str = "input_tokens"
    """Dotted path of that number in the answer; a list counts its items."""
    tokenize_path: str | None = None
    """POST here with ``messages``, ``tools`` and the request's fields: the prompt's tokens."""
    tokens: str = "tokens"
    """Dotted path of their numbers in the answer."""


class Timings(_Part):
    """Where the engine says how long it worked, in a stream's last chunks."""

    prefill: str | None = None
    """Dotted path of the time spent reading the prompt; without it the usual places."""
    decode: str | None = None
    """Dotted path of the time spent generating; without it the usual places."""
    unit: Literal["s", "ms", "us"] = "ms"
    """What both are in."""

    @property
    def unit_s(self) -> float:
        """Seconds in one unit."""
        return {"s": 1.0, "ms": 1e-3, "us": 1e-6}[self.unit]

    @property
    def paths(self) -> dict[str, tuple[str, float]]:
        """``prefill`` and ``decode``, those that are given: dotted path, seconds in its unit."""
        both = {"prefill": self.prefill, "decode": self.decode}
        return {name: (path, self.unit_s) for name, path in both.items() if path is not None}


class ReadBack(_Part):
    """Where the value of settings can be read from a running engine."""

    path: str | None = None
    """A path answering JSON."""
    log: Regex | None = None
    """A pattern in the log; the last match counts, its first group is the value or JSON."""
    json_path: str | None = None
    """Dotted path in the JSON; without it the JSON itself is used."""
    setting: str | None = None
    """The setting it gives; without it the JSON is an object of settings by name."""
    values: dict[str, Setting] = {}
    """What the engine says -> what the flag would be, such as ``enabled = "on"``."""

    @model_validator(mode="after")
    def _one_source(self) -> ReadBack:
        if (self.path is None) == (self.log is None):
            raise ValueError("give either path or log")
        return self


class FailurePattern(_Part):
    """A log line that says why the engine would not run. The first that matches wins."""

    regex: Regex
    """Searched in the log, line by line."""
    kind: FailureKind
    """What the failure is called."""
    message: str = ""
    """What a person is told; the line itself, if this is empty."""


class Export(_Part):
    """What a person would type: like `Command`, for keeps."""

    argv: list[Template] = []
    """Like ``[command] argv``, without what only a trial needs."""
    env: dict[str, Template] = {}
    """Like ``[command] env``."""


class Manifest(_Part):
    """One engine, described for autotune."""

    schema_version: Literal["engine-manifest/1"]
    """Which format this file is in."""
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    """Stands in studies and exports."""
    model_name: str = "local"
    """What the ``model`` field of a request says."""
    hint: str = ""
    """What to do when the engine is not installed; one line."""
    search_space: str | None = None
    """Name or path of the search space to use when the user gives none."""
    command: Command
    flags: Flags = Flags()
    address: Address
    ready: Ready = Ready()
    health: Health = Health()
    stop: Stop = Stop()
    request: Request = Request()
    replies: Replies = Replies()
    tokens: Tokens = Tokens()
    timings: Timings = Timings()
    effective: list[ReadBack] = []
    """Where settings can be read from the running engine; later ones win."""
    log_family: Literal["llama.cpp"] | None = None
    """Whose log the engine writes: its failures and its settings are then known already."""
    failure: list[FailurePattern] = []
    """Why the engine would not run; the first that matches wins."""
    export: Export = Export()


def manifest_schema() -> str:
    """The JSON schema of a manifest, as it is published: two spaces, a newline at the end."""
    schema = Manifest.model_json_schema()
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def read_manifest(path: Path) -> Manifest:
    """The manifest in `path`. Raises `UserError` naming the first thing that is wrong."""
    hint = "see docs/in-house-engine.md for the format"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the manifest {path}: {error.strerror}", hint) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text", hint) from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not TOML: {error}", hint) from error
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        raise UserError(f"{path}: {_first(error)}", hint) from error


def _first(error: ValidationError) -> str:
    """The first complaint of pydantic, in one line."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
