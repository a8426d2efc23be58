"""Logs by the trial that was launched, and huge ones cut at whole lines."""

from __future__ import annotations

from pathlib import Path

from autotune.dashboard.engine_logs import (
    HEAD_BYTES,
    TAIL_BYTES,
    all_logs,
    logs_by_arm,
    shown_log,
)
from autotune.study.folder import StudyFolder

LINE = b"x" * 99 + b"\n"


def names(folder: Path, *made: str) -> dict[str, list[str]]:
    for name in made:
        (folder / name).write_text("")
    return {arm: [path.name for path in paths] for arm, paths in logs_by_arm(folder).items()}


def test_logs_of_a_confirmation_come_after_the_search_own(tmp_path: Path) -> None:
    found = names(
        tmp_path, "confirm-0011-trial-0003-b1.log", "trial-0003-b0.log", "again-trial-0003.log"
    )
    assert found == {
        "trial-0003": [
            "trial-0003-b0.log", "again-trial-0003.log", "confirm-0011-trial-0003-b1.log"
        ]
    }  # fmt: skip


def test_the_defaults_and_trials_of_five_digits_have_theirs(tmp_path: Path) -> None:
    found = names(tmp_path, "default.log", "confirm-0011-default-b2.log", "trial-12345.log")
    assert found == {
        "default": ["confirm-0011-default-b2.log", "default.log"],
        "trial-12345": ["trial-12345.log"],
    }


def test_other_files_are_nobodys(tmp_path: Path) -> None:
    assert names(tmp_path, "proxy.log", "mydefault.log", "trial-12.log", "trial-0001.txt") == {}


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert logs_by_arm(tmp_path / "absent") == {}
    assert all_logs({}) == []


def test_every_log_of_a_study_is_found(study: StudyFolder) -> None:
    found = all_logs(logs_by_arm(study.logs))
    assert sorted(found) == sorted(study.logs.glob("*.log"))
    assert len(found) == len(study.read_trials()) + 1


def test_a_log_at_the_limit_is_shown_whole(tmp_path: Path) -> None:
    path = tmp_path / "trial-0000.log"
    path.write_bytes(b"y" * (HEAD_BYTES + TAIL_BYTES))
    assert shown_log(path) == path.read_bytes()


def test_a_huge_log_is_its_whole_lines_at_both_ends(tmp_path: Path) -> None:
    """Of 20,000 lines of 100 bytes: 2,621 whole ones in 262,144 bytes, 10,485 in 1,048,576."""
    path = tmp_path / "trial-0000.log"
    path.write_bytes(LINE * 20_000)
    left_out = 100 * (20_000 - 2_621 - 10_485)
    assert left_out == 689_400
    between = f"\n[... 689,400 bytes are left out here; the whole log is {path} ...]\n\n"
    assert shown_log(path) == LINE * 2_621 + between.encode() + LINE * 10_485


def test_a_huge_log_without_lines_is_cut_where_it_must_be(tmp_path: Path) -> None:
    path = tmp_path / "trial-0000.log"
    path.write_bytes(b"z" * (HEAD_BYTES + TAIL_BYTES + 1))
    shown = shown_log(path)
    assert shown.startswith(b"z" * HEAD_BYTES + b"\n[... 1 bytes are left out")
    assert shown.endswith(b"...]\n\n" + b"z" * TAIL_BYTES)


def test_a_tail_that_is_one_long_line_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "trial-0000.log"
    path.write_bytes(b"z" * (HEAD_BYTES + TAIL_BYTES) + b"\n")
    assert shown_log(path).endswith(b"z" * (TAIL_BYTES - 1) + b"\n")


def test_a_log_that_is_gone_says_so(tmp_path: Path) -> None:
    path = tmp_path / "trial-0000.log"
    assert shown_log(path) == f"{path} cannot be read: No such file or directory\n".encode()
