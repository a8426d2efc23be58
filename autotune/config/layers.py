"""The places a setting can be written, read in order of precedence, with their origins.

Flags > ``AUTOTUNE_*`` > ``./autotune.toml`` > ``~/.config/autotune/config.toml`` > defaults.
Nothing here looks at the process: environment and directories are passed in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic_core import PydanticCustomError

from autotune.config.settings import Settings
from autotune.config.values import (
    EVERY_ENGINE,
    parse_engine_paths,
    parse_pins,
    parse_tables,
)
from autotune.errors import UserError

ENV_PREFIX = "AUTOTUNE_"

_NOT_SETTINGS = {"AUTOTUNE_TRIAL", "AUTOTUNE_STORAGE_PASSWORD"}
"""What autotune leaves in the environment of the engines it starts, and a secret that no file and
no flag may hold."""

OWN_TABLES = ("nightly",)
"""Tables of a file that hold no settings: the commands that they are for read them."""


@dataclass(frozen=True, slots=True)
class Locations:
    """Where to look: the environment, and the two files (which need not exist)."""

    env: Mapping[str, str]
    project_file: Path
    user_file: Path

    @classmethod
    def of(cls, env: Mapping[str, str], cwd: Path) -> Locations:
        """The usual places for a process with this environment and working directory."""
        config_home = env.get("XDG_CONFIG_HOME")
        home = Path(config_home) if config_home else Path(env.get("HOME", "~")) / ".config"
        return cls(env, cwd / "autotune.toml", home.expanduser() / "autotune" / "config.toml")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one value was written: how a person would say it, and the place's kind."""

    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Layer:
    """Raw values by setting name (``studies_dir``), and where each was written."""

    kind: str
    values: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)

    def only(self, names: set[str]) -> Layer:
        """This layer with nothing but the settings in `names`."""
        kept = {name: value for name, value in self.values.items() if name in names}
        return Layer(self.kind, kept, self.labels)


@dataclass(frozen=True, slots=True)
class Layers:
    """Layers, the strongest first."""

    layers: tuple[Layer, ...]

    def over(self, layer: Layer) -> Layers:
        """These layers with a stronger one on top."""
        return Layers((layer, *self.layers))

    def only(self, names: Iterable[str]) -> Layers:
        """These layers with nothing but the settings in `names`."""
        keep = set(names)
        return Layers(
            tuple(
                Layer(
                    layer.kind, {k: v for k, v in layer.values.items() if k in keep}, layer.labels
                )
                for layer in self.layers
            )
        )

    def merged(self) -> dict[str, Any]:
        """The winning raw value of each setting; tables are merged key by key.

        A value that stands alone is as it was written: a command's own ``--model`` is one path.
        """
        state: dict[str, Any] = {}
        for layer in reversed(self.layers):
            for name, value in layer.values.items():
                alone = name not in state
                state[name] = value if alone else _merged(name, state[name], value)
        return state

    def origin(self, name: str) -> Origin:
        """Where the winning value of `name` was written."""
        for layer in self.layers:
            if name in layer.values:
                return Origin(layer.kind, layer.labels.get(name, name))
        return Origin("default", "default")


def _merged(name: str, below: Any, value: Any) -> Any:
    low, high = _as_table(name, below), _as_table(name, value)
    if name == "space" and isinstance(low, dict) and isinstance(high, dict):
        return {key: _laid_over(low.get(key, {}), table) for key, table in high.items()}
    return _laid_over(low, high)


def _laid_over(below: Any, value: Any) -> Any:
    """`value`, and what `below` says of keys that it does not have, where both are tables.

    A path for every engine is the last word: nothing is left of those below it.
    """
    both = isinstance(below, dict) and isinstance(value, dict)
    return {**below, **value} if both and EVERY_ENGINE not in value else value


_TABLES = {
    "set_": parse_pins, "fix": parse_pins, "space": parse_tables,
    "model": parse_engine_paths, "engine_path": parse_engine_paths,
}  # fmt: skip


def _as_table(name: str, value: Any) -> Any:
    """What is kept by flag or by engine as a table, so that layers merge.

    Nonsense is left for validation to refuse.
    """
    if name not in _TABLES:
        return value
    try:
        return _TABLES[name](value)
    except PydanticCustomError:
        return value


def key_of(name: str) -> str:
    """How a setting is written in a file or as a flag: ``studies_dir`` is ``studies-dir``."""
    return name.rstrip("_").replace("_", "-")


def env_name(name: str) -> str:
    """The environment variable of a setting."""
    return ENV_PREFIX + name.rstrip("_").upper()


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def read_layers(places: Locations) -> Layers:
    """Environment, project file and user file, the strongest first.

    Raises `UserError` for a file that is no TOML and for a key that is no setting.
    """
    return Layers(
        (
            env_layer(places.env),
            file_layer(places.project_file, "project"),
            file_layer(places.user_file, "user"),
        )
    )


def env_layer(env: Mapping[str, str]) -> Layer:
    """What ``AUTOTUNE_*`` says; an empty variable counts as unset."""
    names = {n: env_name(n) for n in Settings.model_fields}
    values = {n: env[var] for n, var in names.items() if env.get(var)}
    return Layer("env", values, {n: names[n] for n in values})


def unknown_env(env: Mapping[str, str]) -> dict[str, str]:
    """Variables that look like a misspelt setting, with the one that was probably meant."""
    known = {env_name(n) for n in Settings.model_fields}
    strange = [
        var for var in env if var.startswith(ENV_PREFIX) and var not in known | _NOT_SETTINGS
    ]
    near = {var: get_close_matches(var, known, n=1, cutoff=0.85) for var in sorted(strange)}
    return {var: found[0] for var, found in near.items() if found}


def file_layer(path: Path, kind: str) -> Layer:
    """What a TOML file says; a file that is not there says nothing."""
    data = _read_toml(path)
    names = {key_of(n): n for n in Settings.model_fields}
    settings = {key: value for key, value in data.items() if key not in OWN_TABLES}
    for key in settings:
        if key.replace("_", "-") not in names:
            raise _unknown_key(key, path, (*names, *OWN_TABLES))
    values: dict[str, Any] = {}
    labels: dict[str, str] = {}
    for key, value in settings.items():
        name = names[key.replace("_", "-")]
        if name in values:
            raise UserError(f"{path}: {key} is set twice", "keep one of the two spellings")
        values[name] = _anchored(name, value, path.parent)
        labels[name] = f"{key} in {path}"
    return Layer(kind, values, labels)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"cannot read {path}: {error}", "make it readable, or move it away"
        ) from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(
            f"{path} is not TOML: {error}", 'write settings as: budget = "2h"'
        ) from error


def _unknown_key(key: str, path: Path, names: Iterable[str]) -> UserError:
    near = closest(key.replace("_", "-"), names)
    hint = f"did you mean {near}?" if near else "autotune config show lists every setting"
    return UserError(f"{path}: there is no setting {key!r}", hint)


def _anchored(name: str, value: Any, directory: Path) -> Any:
    """A relative path in a file is relative to that file, wherever autotune is started."""
    if name in {"model", "engine_path"}:
        return _anchored_paths(_as_table(name, value), directory)
    annotation = Settings.model_fields[name].annotation
    if not isinstance(value, str) or Path not in (annotation, *get_args(annotation)):
        return value
    return str(directory / Path(value).expanduser())


def _anchored_paths(paths: Any, directory: Path) -> Any:
    if not isinstance(paths, Mapping):
        return paths
    return {engine: str(directory / Path(path).expanduser()) for engine, path in paths.items()}
