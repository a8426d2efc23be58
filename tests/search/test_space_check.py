"""The linter: shipped spaces have no fault, and a space of faults has each of them named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.hardware.profile_file import shipped_files
from autotune.launchers.protocol import EngineBuild
from autotune.launchers.spelling import spell
from autotune.search.space_check import check_space, faults_of_file, standing_faults
from autotune.search.space_file import shipped_space
from autotune.search.standing import ParameterStanding, SpaceStanding

ENGINES = ["llama-server", "vllm", "sglang", "omlx", "ds4"]
FAKE_SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"

HEAD = 'schema_version = "search-space/1"\nengine = "mine"\n'
GOOD = """
[parameters.batch]
choices = [256, 512]
default = 512
ordered = true
concept = "batch size"
"""


def lines(tmp_path: Path, *parts: str) -> list[str]:
    """What is wrong with a file of `parts`, without the file's name."""
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + GOOD + "".join(parts))
    return [fault.line.removeprefix("mine.toml: ") for fault in faults_of_file(path)[1]]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_shipped_space_and_all_its_overlays_have_no_fault(engine: str) -> None:
    assert [fault.line for fault in check_space(shipped_space(engine), f"{engine}.toml")] == []


def test_every_engine_that_a_profile_speaks_of_has_a_space() -> None:
    named = {engine for file in shipped_files().values() for engine in file.engines}
    assert named <= set(ENGINES)


def test_the_space_of_the_fake_engine_has_none_either() -> None:
    assert faults_of_file(FAKE_SPACE)[1] == ()


def test_the_guides_example_has_none(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "in-house-engine.md").read_text()
    (example,) = re.findall(
        r"```toml\n(schema_version = \"search-space/1\".*?)```", guide, re.DOTALL
    )
    path = tmp_path / "space.toml"
    path.write_text(example)
    assert faults_of_file(path)[1] == ()


def test_a_good_file_has_none(tmp_path: Path) -> None:
    assert lines(tmp_path) == []


def test_what_is_no_toml_and_what_is_no_space(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("engine = ")
    assert faults_of_file(path)[0] is None
    assert "not TOML" in faults_of_file(path)[1][0].line
    path.write_text(HEAD + '[parameters.a]\nchoices = []\nconcept = 1\nhue = "red"\n')
    found = [fault.parameter for fault in faults_of_file(path)[1]]
    assert found == [
        "parameters.a.choices", "parameters.a.default", "parameters.a.concept", "parameters.a.hue"
    ]  # fmt: skip
    with pytest.raises(UserError, match="cannot read"):
        faults_of_file(tmp_path / "none.toml")


def test_a_space_without_parameters(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + "[parameters]\n")
    assert [f.reason for f in faults_of_file(path)[1]] == ["it has no parameters"]


def test_an_overlay_of_a_profile_that_is_not_there(tmp_path: Path) -> None:
    (found,) = lines(tmp_path, '[gpus.rtx-9999]\ndrop = ["batch"]\n')
    assert found.startswith("gpus.rtx-9999: there is no such profile; there are a100-40gb")


def test_flags_and_values_that_the_installed_build_has_not() -> None:
    build = EngineBuild("x", "/x", "b1", "", frozenset({"mode"}))
    rows = (
        ParameterStanding(spell("mode", build, {}), refused=("c", "d")),
        ParameterStanding(spell("gone", build, {})),
    )
    assert [f.line for f in standing_faults(SpaceStanding("x", rows), "x b1", "x.toml")] == [
        "x.toml: mode: x b1 does not take c, d",
        "x.toml: gone: x b1 has no such flag (unknown)",
    ]
