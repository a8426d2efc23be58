"""A command's argparse parser, made by pydantic-settings from its model and then tidied.

pydantic-settings turns fields into flags; what it leaves rough is smoothed here: unknown flags get
a "did you mean", help shows sections, plain metavars and examples, and values with commas stay
whole.
"""

from __future__ import annotations

import json
import re
from argparse import SUPPRESS, Action, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, CliSettingsSource, SettingsConfigDict

from autotune.cli.help import GLOBAL_OPTIONS, doc_text, examples_block
from autotune.config.layers import closest
from autotune.config.settings import SECTIONS
from autotune.errors import UserError

_DEFAULT_NOISE = re.compile(
    r" ?\((?:ifdef: )?(?:required|default: (?:None|False|True)|default factory: [^)]*)\)"
)


class TidyParser(ArgumentParser):
    """An argument parser that raises `UserError` instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        """What argparse found wrong, as one line and a hint."""
        raise UserError(message.removeprefix("argument "), f"see {self.prog} --help")

    def words(self, argv: Sequence[str]) -> dict[str, Any]:
        """`argv` parsed, by destination. Raises `UserError` for anything unknown."""
        known, strange = self.parse_known_args(list(argv))
        if strange:
            raise self._unknown(strange)
        return vars(known)

    def _unknown(self, strange: Sequence[str]) -> UserError:
        flag = next((word for word in strange if word.startswith("-")), None)
        if flag is None:
            return UserError(f"unexpected argument {strange[0]!r}", f"see {self.prog} --help")
        near = closest(flag.partition("=")[0], self._option_string_actions)
        hint = f"did you mean {near}?" if near else f"see {self.prog} --help"
        return UserError(f"{self.prog} has no flag {flag.partition('=')[0]}", hint)


def command_source(
    prog: str, model: type[BaseModel], parser: ArgumentParser | None = None
) -> CliSettingsSource[Any]:
    """The pydantic-settings source of a command; its parser is ``.root_parser``.

    With `parser` the flags are added to that one (completion builds a whole tree so).
    """
    parser = parser or TidyParser(allow_abbrev=False)
    _describe(parser, prog, model)
    # By alias only: else the field `set_` with the alias `set` gets a flag --set- as well.
    config = SettingsConfigDict(validate_by_name=False, validate_by_alias=True)
    body = {"model_config": config, "__module__": model.__module__}
    settings_class = type(f"{model.__name__}Settings", (BaseSettings, model), body)
    source: CliSettingsSource[Any] = CliSettingsSource(
        settings_class,
        root_parser=parser,
        cli_kebab_case=True,
        cli_implicit_flags="toggle",
        cli_hide_none_type=True,
        cli_avoid_json=True,
        case_sensitive=True,
    )
    _tidy(parser, model)
    return source


def flag_values(source: CliSettingsSource[Any], argv: Sequence[str]) -> dict[str, Any]:
    """What `argv` sets, by field name or alias, undecoded enough for the model to validate."""
    parser: TidyParser = source.root_parser
    words = {dest: _whole(value) for dest, value in parser.words(argv).items()}
    loaded: Any = source(parsed_args=words)
    values: dict[str, Any] = loaded()
    return values


def _whole(value: Any) -> Any:
    """A repeated flag as JSON: pydantic-settings would split its values at commas."""
    return json.dumps(value) if isinstance(value, list) else value


def _describe(parser: ArgumentParser, prog: str, model: type[BaseModel]) -> None:
    text = doc_text(model)
    parser.prog = prog
    parser.description = text.description
    parser.epilog = examples_block(text.examples)
    parser.formatter_class = RawDescriptionHelpFormatter


def _tidy(parser: ArgumentParser, model: type[BaseModel]) -> None:
    fields = _fields_by_dest(model)
    for action in parser._actions:
        if (info := fields.get(action.dest)) is not None:
            _tidy_action(action, info)
    _group_sections(parser, model)
    _add_globals(parser, fields)
    parser.usage = _usage(parser)


def _fields_by_dest(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _tidy_action(action: Action, info: FieldInfo) -> None:
    action.help = _DEFAULT_NOISE.sub("", action.help or "").strip()
    if action.option_strings and action.nargs != 0:
        action.metavar = _metavar(info)
        _let_stand_alone(action, info)
    if any(Path in (member, *get_args(member)) for member in _members(info.annotation)):
        action.complete = "file"  # type: ignore[attr-defined]  # read by cli/completion.py


def _let_stand_alone(action: Action, info: FieldInfo) -> None:
    """A flag that may come without its value, which is then what the field says."""
    extra = info.json_schema_extra
    if isinstance(extra, dict) and "without_value" in extra:
        action.nargs, action.const = "?", extra["without_value"]


def _metavar(info: FieldInfo) -> str:
    """What stands for a value in help: its choices, or what kind of thing it is."""
    members = _members(info.annotation)
    if isinstance(info.json_schema_extra, dict) and "metavar" in info.json_schema_extra:
        return str(info.json_schema_extra["metavar"])
    if choices := literal_choices(info):
        return "{" + ",".join(choices) + "}"
    if any(get_origin(member) is dict for member in members):
        return "FLAG=VALUE"
    for kind, name in ((Path, "PATH"), (int, "N"), (float, "X")):
        if kind in members:
            return name
    return "TEXT"


def literal_choices(info: FieldInfo) -> list[str]:
    """The choices of a ``Literal`` field; empty for other fields."""
    literals = [m for m in _members(info.annotation) if get_origin(m) is Literal]
    return [str(choice) for literal in literals for choice in get_args(literal)]


def _members(annotation: Any) -> list[Any]:
    """A union's members without their ``Annotated`` wrapping; else the annotation itself."""
    if hasattr(annotation, "__metadata__"):
        return _members(annotation.__origin__)
    if get_origin(annotation) in (Literal, dict, list, tuple) or not get_args(annotation):
        return [annotation]
    return [inner for member in get_args(annotation) for inner in _members(member)]


def _group_sections(parser: ArgumentParser, model: type[BaseModel]) -> None:
    """Moves each section's flags under a heading of their own."""
    for section in SECTIONS:
        if not issubclass(model, section):
            continue
        dests = set(_fields_by_dest(section))
        group = parser.add_argument_group(_heading(section))
        for action in [a for a in parser._optionals._group_actions if a.dest in dests]:
            parser._optionals._group_actions.remove(action)
            group._group_actions.append(action)


def _heading(section: type[BaseModel]) -> str:
    return section.__name__.removesuffix("Settings").lower()


def _add_globals(parser: ArgumentParser, fields: Mapping[str, FieldInfo]) -> None:
    """Shows the global flags; they are taken out of argv before this parser sees it."""
    group = parser.add_argument_group("global")
    for flag, text in GLOBAL_OPTIONS:
        if flag.removeprefix("--") not in fields:
            group.add_argument(flag, action="store_true", default=SUPPRESS, help=text)


def _usage(parser: ArgumentParser) -> str:
    words = [parser.prog]
    for action in parser._positionals._group_actions:
        name = str(action.metavar or action.dest)
        words.append(
            {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(
                str(action.nargs), name
            )
        )
    return " ".join([*words, "[options]"])
