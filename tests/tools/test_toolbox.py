from __future__ import annotations

import sys
from pathlib import Path

import pytest

import toolbox


def test_the_cache_follows_xdg(tmp_path: Path) -> None:
    assert toolbox.cache_dir({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "autotune"


@pytest.mark.parametrize("environ", [{}, {"XDG_CACHE_HOME": ""}, {"XDG_CACHE_HOME": "relative"}])
def test_the_cache_is_in_the_home_folder_otherwise(environ: dict[str, str]) -> None:
    assert toolbox.cache_dir(environ) == Path.home() / ".cache" / "autotune"


def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    toolbox.demand_sha256(path, digest)
    with pytest.raises(toolbox.ToolError, match=r"abc has sha256 ba7816bf.*expected 0000"):
        toolbox.demand_sha256(path, "0000")


def test_replacing_shows_the_target_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"
    with toolbox.replacing(target) as partial:
        partial.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_replacing_leaves_the_old_file_when_the_writer_fails(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def write_half() -> None:
        with toolbox.replacing(target) as partial:
            partial.write_text("half")
            raise toolbox.ToolError("out of luck")

    with pytest.raises(toolbox.ToolError, match="out of luck"):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_run_names_the_program_and_its_exit_code() -> None:
    toolbox.run([sys.executable, "-c", "pass"])
    with pytest.raises(toolbox.ToolError, match="exit code 3"):
        toolbox.run([sys.executable, "-c", "raise SystemExit(3)"])


def test_run_says_which_program_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(toolbox.ToolError, match="nowhere is not installed"):
        toolbox.run([tmp_path / "nowhere"])


def test_what_a_command_prints_does_not_mix_with_the_answer(
    capfd: pytest.CaptureFixture[str],
) -> None:
    toolbox.run([sys.executable, "-c", "print('noise')"])
    toolbox.answer(Path("/the/answer"))
    captured = capfd.readouterr()
    assert captured.out == "/the/answer\n"
    assert "noise" in captured.err
