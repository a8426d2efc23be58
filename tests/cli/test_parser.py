"""Flags made from a model: values stay whole, help is tidy, typos are met."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field
from pydantic_settings import CliPositionalArg, CliSubCommand

from autotune.cli.help import doc_text
from autotune.cli.parser import command_source, flag_values, literal_choices
from autotune.cli.run import Run
from autotune.cli.settings import flag_of, parse_command, section_fields
from autotune.cli.tree import command_lines, subcommands, walk
from autotune.config import Locations, StudiesSettings
from autotune.errors import UserError


class Sample(BaseModel):
    """Try things.

    More of it.

    Examples:
        autotune sample a b
    """

    paths: CliPositionalArg[list[Path]] = Field(description="files")
    mode: Literal["fast", "slow"] = Field("fast", description="how")
    rate: float | None = Field(None, description="a rate")
    again: bool = Field(False, description="once more")
    tags: list[str] = Field([], description="labels")


class Inner(StudiesSettings):
    """Inside."""

    seed: int = 1


class Outer(BaseModel):
    """A group."""

    inner: CliSubCommand[Inner]


NOWHERE = Locations({}, Path("/nonexistent/autotune.toml"), Path("/nonexistent/config.toml"))


def values(*argv: str) -> dict[str, Any]:
    return flag_values(command_source("autotune sample", Sample), argv)


def test_values_with_commas_and_brackets_stay_whole() -> None:
    found = parse_command(
        "x", Sample, ["a,b.jsonl", "[c].jsonl", "--tags", "1,2", "--tags", "{x"], NOWHERE
    )
    assert found.paths == [Path("a,b.jsonl"), Path("[c].jsonl")]
    assert found.tags == ["1,2", "{x"]


def test_only_what_was_given_is_set() -> None:
    assert values("a") == {"paths": ["a"]}
    assert values("a", "--again", "--mode=slow")["again"] is True


def test_pins_keep_their_commas_and_may_be_repeated() -> None:
    argv = ["--set", "tensor-split=3,1", "--set=--batch-size=512"]
    found = parse_command("autotune run", Run, argv, NOWHERE)
    assert found.set_ == {"tensor-split": "3,1", "batch-size": 512}


def test_flags_merge_with_the_pins_of_the_environment() -> None:
    places = Locations({"AUTOTUNE_SET": "a=1 b=2"}, NOWHERE.project_file, NOWHERE.user_file)
    found = parse_command("autotune run", Run, ["--set", "b=3"], places)
    assert found.set_ == {"a": 1, "b": 3}


def test_only_fields_of_sections_come_from_outside() -> None:
    env = {"AUTOTUNE_STUDIES_DIR": "there", "AUTOTUNE_SEED": "9"}
    places = Locations(env, NOWHERE.project_file, NOWHERE.user_file)
    found = parse_command("autotune outer inner", Inner, [], places)
    assert (found.studies_dir, found.seed) == (Path("there"), 1)
    assert section_fields(Inner) == {"studies_dir"}
    assert section_fields(Sample) == set()


def test_a_command_without_sections_reads_no_file(tmp_path: Path) -> None:
    (tmp_path / "autotune.toml").write_text("not toml")
    places = Locations.of({}, tmp_path)
    assert parse_command("x", Sample, ["a"], places).paths == [Path("a")]


def test_help_says_what_a_value_is() -> None:
    text = command_source("autotune sample", Sample).root_parser.format_help()
    assert text.startswith("usage: autotune sample PATHS [PATHS ...] [options]\n\nTry things.")
    assert "--mode {fast,slow}" in text
    assert "--rate X " in text
    assert text.rstrip().endswith("examples:\n  autotune sample a b")
    assert "None" not in text
    assert "False" not in text


def test_help_of_run_has_sections_and_no_stray_flags() -> None:
    text = command_source("autotune run", Run).root_parser.format_help()
    headings = [line for line in text.splitlines() if line.endswith(":") and line[0] != " "]
    expected = ["options:", "engine:", "workload:", "search:", "studies:", "display:", "global:"]
    assert headings == [*expected, "examples:"]
    assert "--set FLAG=VALUE" in text
    assert "--set-" not in text
    assert "--budget TIME" in text


def test_literal_choices_are_found_behind_none() -> None:
    class Maybe(BaseModel):
        kind: Literal["a", "b"] | None = None
        free: str = ""

    assert literal_choices(Maybe.model_fields["kind"]) == ["a", "b"]
    assert literal_choices(Maybe.model_fields["free"]) == []


def test_words_lead_to_a_command() -> None:
    found = walk("autotune outer", Outer, ("inner", "--seed", "3"))
    assert (found.prog, found.model, found.rest) == (
        "autotune outer inner",
        Inner,
        ("--seed", "3"),
    )
    assert walk("autotune outer", Outer, ("--help",)).model is Outer
    assert subcommands(Outer) == {"inner": Inner}
    assert command_lines(Outer) == [("inner", "Inside")]
    with pytest.raises(UserError, match="has no command 'iner'"):
        walk("autotune outer", Outer, ("iner",))


def test_docstrings_come_apart() -> None:
    text = doc_text(Sample)
    assert text.line == "Try things"
    assert text.description == "Try things.\n\nMore of it."
    assert text.examples == ("autotune sample a b",)


def test_a_validator_of_the_whole_command_speaks_plainly() -> None:
    from pydantic import model_validator

    class Pair(BaseModel):
        """A pair."""

        a: int = 0

        @model_validator(mode="after")
        def _check(self) -> Pair:
            raise ValueError("A and b exclude each other")

    with pytest.raises(UserError, match=r"^a and b exclude each other$"):
        parse_command("x", Pair, [], NOWHERE)


def test_a_missing_value_names_its_flag() -> None:
    class Needs(BaseModel):
        """Needs."""

        url_of: str

    with pytest.raises(UserError, match=r"^--url-of: missing$"):
        parse_command("x", Needs, [], NOWHERE)


def test_settings_as_flags() -> None:
    assert flag_of("studies_dir") == "--studies-dir"
