"""``autotune nightly log`` on nights that are on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from autotune.cli.main import main
from autotune.cli.nightly_log import night_row
from autotune.nightly.night_record import Night, Outcome, TuningNote
from autotune.nightly.nights import Nights, stamp_of
from autotune.nightly.prune import state_folder
from autotune.nightly.summary import night_markdown

BEGUN = datetime(2026, 11, 23, 2, 30, 11, tzinfo=UTC)

Keep = Callable[..., Night]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", cli_env["HOME"])
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Keeps a night of a target, `day` days after the first."""

    def write(target: str = "coder", day: int = 0, **fields: Any) -> Night:
        begun = BEGUN + timedelta(days=day)
        usual: dict[str, Any] = {"outcome": Outcome.STEADY, "why": f"night {day} of {target}"}
        night = Night(
            target=target,
            stamp=stamp_of(begun),
            started_at=begun,
            ended_at=begun + timedelta(minutes=3),
            **{**usual, **fields},
        )
        Nights.of(state_folder(tmp_path / "studies", target)).write(night)
        return night

    return write


def test_no_night_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nightly", "log"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "no night yet" in err
    assert main(["nightly", "log", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"nights": [], "unread": []}


def test_a_row_a_night_the_last_first(keep: Keep, capsys: pytest.CaptureFixture[str]) -> None:
    for day in range(3):
        keep(day=day)
    assert main(["nightly", "log", "--rows", "2"]) == 0
    out = capsys.readouterr().out
    assert "target" not in out
    assert out.index("night 2 of coder") < out.index("night 1 of coder")
    assert "night 0 of coder" not in out


def test_of_several_targets_it_says_whose(keep: Keep, capsys: pytest.CaptureFixture[str]) -> None:
    keep("coder")
    keep("chat", day=1)
    assert main(["nightly", "log"]) == 0
    out = capsys.readouterr().out
    assert out.index("night 1 of chat") < out.index("night 0 of coder")
    assert "target" in out
    assert main(["nightly", "log", "coder", "--json"]) == 0
    (night,) = json.loads(capsys.readouterr().out)["nights"]
    assert (night["target"], night["outcome"]) == ("coder", "steady")


@pytest.mark.parametrize("asked", ["last", "2026-11-24"])
def test_one_night_is_its_page(keep: Keep, capsys: pytest.CaptureFixture[str], asked: str) -> None:
    keep()
    night = keep(day=1)
    assert main(["nightly", "log", "--night", asked]) == 0
    assert capsys.readouterr().out == night_markdown(night)
    assert main(["nightly", "log", "--night", asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"nights": [night.to_json()]}


def test_a_night_of_every_target_that_had_one(
    keep: Keep, capsys: pytest.CaptureFixture[str]
) -> None:
    coder, chat = keep("coder"), keep("chat")
    keep("other", day=1)
    assert main(["nightly", "log", "--night", "2026-11-23"]) == 0
    assert capsys.readouterr().out == f"{night_markdown(chat)}\n{night_markdown(coder)}"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--night", "2025"], "there is no night 2025"),
        (["coderr"], "there is no target 'coderr'"),
    ],
)
def test_what_is_not_there_is_told(
    keep: Keep, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    keep()
    assert main(["nightly", "log", *argv]) == 2
    error, hint, *_ = capsys.readouterr().err.splitlines()
    assert error == f"error: {said}" or error.startswith(f"error: {said}")
    assert hint.startswith("hint: ")


def test_a_row_has_the_gain_where_it_was_tuned(keep: Keep) -> None:
    assert night_row(keep())["speed-up"] == "–"
    tuned = keep(day=1, tuning=TuningNote(study="s", speedup=1.314))
    assert night_row(tuned)["speed-up"] == "1.31x"
    assert night_row(tuned)["took"] == "3m 00s"


def test_a_page_that_is_damaged_hides_no_other(
    keep: Keep, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, damaged = keep(), keep(day=1)
    folder = Nights.of(state_folder(tmp_path / "studies", "coder")).path(damaged.stamp)
    (folder / "night.json").write_text('{"schema_version": "night/1", "targ')
    assert main(["nightly", "log"]) == 3
    out, err = capsys.readouterr()
    assert "night 0 of coder" in out
    assert f"{damaged.stamp}/night.json is damaged" in err
    assert main(["nightly", "log", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert [night["stamp"] for night in told["nights"]] == [whole.stamp]
    assert len(told["unread"]) == 1


def test_a_night_that_was_killed_while_its_page_was_written_is_no_night(
    keep: Keep, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, killed = keep(), keep(day=1)
    (
        Nights.of(state_folder(tmp_path / "studies", "coder")).path(killed.stamp) / "night.json"
    ).unlink()
    assert main(["nightly", "log", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [night["stamp"] for night in told["nights"]] == [whole.stamp]
