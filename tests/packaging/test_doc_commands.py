"""Every command in the documents is one that the program takes: parsed as it is, never run.

In a fenced shell block a command must parse whole, values included: a page that wants a number
writes one. In a line of text it may be a part of one (``autotune doctor --noise``) with names in
capitals for values, so there its words must lead to a command that has the flags.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import docs_check
from autotune.cli.commands import COMMANDS
from autotune.cli.help import doc_text
from autotune.cli.main import split_globals
from autotune.cli.parser import command_source
from autotune.cli.settings import parse_command
from autotune.cli.tree import Found, subcommands, unknown_command, walk
from autotune.config import Locations
from autotune.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
PAGES = docs_check.documents(ROOT)
IN_TEXT = re.compile(r"(?<!`)`(autotune [a-z][^`]*)`")
NOWHERE = Locations({}, Path("/nonexistent/autotune.toml"), Path("/nonexistent/config.toml"))
PAST = {"CHANGELOG.md"}
"""Pages that tell of flags as they were called then."""


def found_by(words: list[str]) -> Found | None:
    """The command that ``autotune ...`` names; ``None`` for ``autotune --help`` and the like."""
    rest = split_globals(words[1:]).words
    if not rest or rest[0] in ("-h", "--help", "--version"):
        return None
    if rest[0] not in COMMANDS:
        raise unknown_command("autotune", rest[0], COMMANDS)
    return walk(f"autotune {rest[0]}", COMMANDS[rest[0]].load(), rest[1:])


def refused(words: list[str]) -> str | None:
    """What the program would say against a command line, or ``None`` where it would run."""
    try:
        found = found_by(words)
        if found is not None and not subcommands(found.model):
            parse_command(found.prog, found.model, found.rest, NOWHERE)
    except UserError as error:
        return str(error)
    except SystemExit as leave:  # --help
        return f"exit code {leave.code}" if leave.code else None
    return None


def strange_flags(words: list[str]) -> str | None:
    """What is wrong with a part of a command line: no such command, or no such flag of it."""
    try:
        found = found_by(words)
    except UserError as error:
        return None if "needs a command" in str(error) else str(error)
    if found is None:
        return None
    known = command_source(found.prog, found.model).root_parser._option_string_actions
    asked = {word.partition("=")[0] for word in found.rest if re.match(r"--?[a-z]", word)}
    strange = sorted(asked - set(known))
    return f"{found.prog} has no flag {strange[0]}" if strange else None


def commands_of(page: Path) -> list[list[str]]:
    text = page.read_text(encoding="utf-8")
    lines = docs_check.example_lines(text)
    commands = (words for line in lines for words in docs_check.commands_in(line))
    return [words for words in commands if words[0] == "autotune"]


def parts_of(page: Path) -> list[list[str]]:
    text = docs_check.FENCE.sub("", page.read_text(encoding="utf-8"))
    return [part.split() for part in IN_TEXT.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_are_taken(page: Path) -> None:
    told = {" ".join(words): refused(words) for words in commands_of(page)}
    assert {line: problem for line, problem in told.items() if problem is not None} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_in_the_text_of_a_page_exist(page: Path) -> None:
    parts = [] if page.name in PAST else parts_of(page)
    told = {" ".join(words): strange_flags(words) for words in parts}
    assert {part: problem for part, problem in told.items() if problem is not None} == {}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_the_help_are_taken(name: str) -> None:
    examples = [e for model in _leaves(name) for e in doc_text(model).examples]
    commands = [words for line in examples for words in docs_check.commands_in(line)]
    told = {" ".join(words): refused(words) for words in commands if words[0] == "autotune"}
    assert {line: problem for line, problem in told.items() if problem is not None} == {}


def _leaves(name: str) -> list[type]:
    waiting, leaves = [COMMANDS[name].load()], []
    while waiting:
        inside = subcommands(model := waiting.pop())
        waiting += inside.values()
        leaves += [] if inside else [model]
    return list(leaves)


def test_the_guide_is_among_the_pages_and_has_commands() -> None:
    guide = [page for page in PAGES if page.parent.name == "guide"]
    assert {page.stem for page in guide} >= {
        "first-study", "captures", "engines", "reading-a-report"
    }  # fmt: skip
    assert all(commands_of(page) for page in guide)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("autotune run --workload captures/ --budget 2h", None),
        ("autotune --json study show my-study --help", None),
        ("autotune run --workload captures/ --budgets 2h", "has no flag --budgets"),
        ("autotune run --budget soon", "budget"),
        ("autotune study turns my-study --trial N", "trial"),
        ("autotune export my-study --format shel", "format"),
        ("autotune studies", "no command 'studies'"),
    ],
)
def test_a_line_that_would_not_run_is_noticed(line: str, problem: str | None) -> None:
    found = refused(line.split())
    assert found == problem if problem is None else problem in (found or "")


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ("autotune export STUDY --verify", None),
        ("autotune nightly", None),
        ("autotune study turns STUDY --trail N", "has no flag --trail"),
        ("autotune enginge check", "no command 'enginge'"),
    ],
)
def test_a_part_that_names_nothing_is_noticed(part: str, problem: str | None) -> None:
    found = strange_flags(part.split())
    assert found == problem if problem is None else problem in (found or "")


def test_links_lead_somewhere() -> None:
    assert {
        f"{page.relative_to(ROOT)}: {found}"
        for page in PAGES
        for found in docs_check.broken_links(page)
    } == set()
