"""Help pages of the top level and of groups, and how a docstring becomes help."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

from autotune.cli.commands import COMMANDS

EXAMPLES_HEADING = "Examples:"

GLOBAL_OPTIONS = (
    ("--json", "answer with JSON on stdout"),
    ("--debug", "show tracebacks"),
)

_TOP_EXAMPLES = (
    "autotune captures synthesize demo.jsonl",
    "autotune run --gpu 3090 --workload captures/ --budget 2h",
    "autotune export my-study --format shell",
)

EXIT_CODES = (
    ("0", "done"),
    ("1", "finished, and nothing beats the config in use"),
    ("2", "usage, config or input is wrong"),
    ("3", "machine or engine unusable"),
    ("4", "no feasible trial"),
    ("75", "stopped early, resumable"),
    ("130", "interrupted"),
)


@dataclass(frozen=True, slots=True)
class DocText:
    """A command's docstring in parts: first line, the whole description, example lines."""

    line: str
    description: str
    examples: tuple[str, ...]


def doc_text(model: type) -> DocText:
    """The parts of a model's own docstring; what follows ``Examples:`` are examples."""
    text = inspect.cleandoc(model.__doc__ or "")
    description, _, examples = text.partition(EXAMPLES_HEADING)
    lines = tuple(line.strip() for line in examples.splitlines() if line.strip())
    return DocText(text.partition("\n")[0].rstrip("."), description.strip(), lines)


def examples_block(examples: Sequence[str]) -> str:
    """The examples at the end of a help page."""
    return "\n".join(["examples:", *(f"  {line}" for line in examples)]) if examples else ""


def top_help() -> str:
    """What ``autotune --help`` prints. Costs no import."""
    parts = [
        "usage: autotune COMMAND [options]",
        "Finds the serving settings that make your coding agent feel fast on your GPU.",
        _rows("commands:", [(spec.name, spec.line) for spec in COMMANDS.values()]),
        _rows(
            "options (before or after the command):",
            [
                ("-h, --help", "show help and exit"),
                ("--version", "print the version"),
                *GLOBAL_OPTIONS,
            ],
        ),
        examples_block(_TOP_EXAMPLES),
        _rows("exit codes:", EXIT_CODES),
        "'autotune COMMAND --help' tells more of one command.",
    ]
    return "\n\n".join(parts) + "\n"


def group_help(prog: str, text: DocText, commands: Sequence[tuple[str, str]]) -> str:
    """What ``autotune GROUP --help`` prints."""
    parts = [
        f"usage: {prog} COMMAND [options]",
        text.description,
        _rows("commands:", commands),
        examples_block(text.examples),
        f"'{prog} COMMAND --help' tells more of one command.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(title: str, rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join([title, *(f"  {name:<{width}}  {line}" for name, line in rows)])
