"""A command's model from flags, environment, files and defaults, in that order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_settings import CliSettingsSource

from autotune.cli.errors import invalid
from autotune.cli.parser import command_source, flag_values
from autotune.config import SECTIONS, Layer, Layers, Locations, read_layers
from autotune.config.layers import key_of

M = TypeVar("M", bound=BaseModel)


def parse_command(prog: str, model: type[M], argv: Sequence[str], places: Locations) -> M:
    """The command `model` with every field set.

    Only fields that come from a section of `autotune.config` are looked up outside `argv`, and the
    files are only read when there is one. Raises `UserError`; ``--help`` prints and raises
    ``SystemExit(0)``.
    """
    source = command_source(prog, model)
    flags = _flag_layer(model, source, argv)
    layers = _outside(model, places).over(flags)
    return validated(model, layers, prog)


def validated(model: type[M], layers: Layers, prog: str) -> M:
    """`model` from `layers`. Raises `UserError` that names where the bad value was written."""
    try:
        return model.model_validate(layers.merged())
    except ValidationError as error:
        raise invalid(error, model, layers, prog) from error


def section_fields(model: type[BaseModel]) -> set[str]:
    """The fields of `model` that may be written in a file or the environment."""
    mine = [section for section in SECTIONS if issubclass(model, section)]
    return {name for section in mine for name in section.model_fields}


def _outside(model: type[BaseModel], places: Locations) -> Layers:
    fields = section_fields(model)
    return read_layers(places).only(fields) if fields else Layers(())


def _flag_layer(
    model: type[BaseModel], source: CliSettingsSource[Any], argv: Sequence[str]
) -> Layer:
    values = flag_values(source, argv)
    names = {info.alias or name: name for name, info in model.model_fields.items()}
    labels = _labels(source)
    return Layer(
        "flag",
        {names.get(key, key): value for key, value in values.items()},
        {names.get(dest, dest): label for dest, label in labels.items()},
    )


def _labels(source: CliSettingsSource[Any]) -> Mapping[str, str]:
    """How each destination is written on the command line."""
    return {
        action.dest: action.option_strings[-1] if action.option_strings else str(action.metavar)
        for action in source.root_parser._actions
    }


def flag_of(name: str) -> str:
    """A setting as a flag: ``studies_dir`` is ``--studies-dir``."""
    return f"--{key_of(name)}"
