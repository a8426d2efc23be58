"""``autotune nightly status``: what is installed, what was, what is live."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from nightly_site import draft

from autotune.cli.main import main
from autotune.cli.nightly_machine import make_plan, this_machine
from autotune.cli.nightly_status import look_at_schedule
from autotune.nightly.generations import Generations
from autotune.nightly.gpu_lock import state_lock
from autotune.nightly.journal import Journal
from autotune.nightly.live import point_live
from autotune.nightly.night_record import Night, Outcome
from autotune.nightly.nights import Nights, stamp_of
from autotune.nightly.prune import state_folder
from autotune.nightly.schedule.cron import Cron
from autotune.nightly.schedule.record import Installed, write_record

BEGUN = datetime(2026, 11, 23, 2, 30, 11, tzinfo=UTC)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AUTOTUNE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", cli_env["HOME"])
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)
    crontab = tmp_path / "bin" / "crontab"
    crontab.parent.mkdir()
    crontab.write_text('#!/bin/sh\nif [ "$1" = - ]; then /bin/cat > t; else /bin/cat t; fi\n')
    crontab.chmod(0o755)
    (tmp_path / "t").touch()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return state_folder(tmp_path / "studies", "coder")


@pytest.fixture
def night(state: Path) -> Night:
    night = Night(
        target="coder",
        stamp=stamp_of(BEGUN),
        started_at=BEGUN,
        ended_at=BEGUN + timedelta(minutes=3),
        outcome=Outcome.FAILED,
        why="no engine",
        hint="install one",
    )
    Nights.of(state).write(night)
    return night


def install(tmp_path: Path) -> Installed:
    plan = make_plan(tmp_path, Path("studies"), (), time(2, 30), (), 18000)
    Cron(this_machine()).install(plan)
    installed = Installed("cron", plan, BEGUN)
    write_record(this_machine(), installed)
    return installed


def test_nothing_yet_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nightly", "status"]) == 0
    out = capsys.readouterr().out
    assert "no nights are scheduled for this folder: autotune nightly install" in out
    assert main(["nightly", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schedule": None, "targets": []}


def test_a_target_without_a_night_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "autotune.toml").write_text(
        'model = "m.gguf"\nworkload = "captures"\n[nightly.targets.chat]\n'
    )
    assert main(["nightly", "status"]) == 0
    out = capsys.readouterr().out
    assert "chat" in out
    assert "no night yet" in out


def test_the_schedule_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    installed = install(tmp_path)
    main(["nightly", "status"])
    out = capsys.readouterr().out
    assert out.startswith("every night at 02:30 by cron, next on ")
    assert f"output: {installed.plan.log}" in out
    main(["nightly", "status", "--json"])
    told = json.loads(capsys.readouterr().out)["schedule"]
    assert (told["kind"], told["at"], told["in_place"]) == ("cron", "02:30", True)
    assert "T02:30" in told["next"]


def test_a_schedule_that_is_gone_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path)
    (tmp_path / "t").write_text("")
    main(["nightly", "status"])
    assert "no night will begin: its line is not in the crontab any more" in capsys.readouterr().out
    look = look_at_schedule(this_machine(), tmp_path)
    assert look is not None
    assert look.to_json()["next"] is None
    assert look_at_schedule(this_machine(), tmp_path / "bin") is None


def test_the_last_night_and_what_to_do(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nightly", "status", "coder"]) == 0
    out, err = capsys.readouterr()
    assert "failed" in out
    assert "coder: no engine; install one\n" in err
    main(["nightly", "status", "--json"])
    (row,) = json.loads(capsys.readouterr().out)["targets"]
    assert row["last_night"] == night.to_json()
    assert (row["live"], row["open_steps"], row["running"]) == (None, [], None)


def test_a_night_that_runs_is_told_from_one_that_was_cut_short(
    state: Path, night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    Journal(state / "journal.jsonl").begin("promote")
    main(["nightly", "status"])
    said = capsys.readouterr().err
    assert "coder: a night was cut short in promote; the next one mends it" in said
    with state_lock(state, "coder"):
        main(["nightly", "status"])
    said = capsys.readouterr().err
    assert f"the night of coder (process {os.getpid()}, since " in said
    assert "cut short" not in said


def test_what_is_live_and_what_it_was_worth(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    staged = Generations(state).stage(draft("a"))
    point_live(state, staged.number)
    main(["nightly", "status"])
    out, err = capsys.readouterr()
    assert "generation 1" in out
    assert "1.50x" in out
    assert err == ""
    (staged.exports / "serve.sh").write_text("by hand")
    main(["nightly", "status"])
    assert "coder: generation 1: exports/serve.sh was changed\n" in capsys.readouterr().err
    main(["nightly", "status", "--json"])
    live = json.loads(capsys.readouterr().out)["targets"][0]["live"]
    assert (live["generation"], live["study"], live["gain"]) == (1, "study-a", {"speedup": 1.5})
    assert live["damage"] == ["exports/serve.sh was changed"]


def test_a_line_of_the_journal_that_was_cut_short_is_left_out(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(state / "journal.jsonl")
    journal.begin("night", stamp="x")
    journal.begin("pause", why="tuning")
    whole = journal.path.read_bytes()
    # Killed anywhere in the line that would have ended the pause.
    for torn in (b"{", b'{"n": 3, "at": "2026-11-23T02:31:00+00:00", "kind": "pause", "pha'):
        journal.path.write_bytes(whole + torn)
        assert main(["nightly", "status", "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)["targets"]
        assert (row["open_steps"], row["problems"]) == (["night", "pause"], [])
    main(["nightly", "status"])
    assert "coder: a night was cut short in night, pause; " in capsys.readouterr().err


def test_one_target_that_is_damaged_hides_no_other(
    tmp_path: Path, state: Path, night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    live = Generations(state).stage(draft("a"))
    point_live(state, live.number)
    (state / "journal.jsonl").write_text("no line of a journal\n")
    other = state_folder(tmp_path / "studies", "chat")
    staged = Generations(other).stage(draft("b"))
    point_live(other, staged.number)
    (staged.folder / "generation.json").write_text('{"schema_version": "generation/9"}')
    assert main(["nightly", "status"]) == 3
    out, err = capsys.readouterr()
    assert "generation 1" in out
    assert "cannot be told" in out
    assert "coder: studies/nightly/coder/journal.jsonl is damaged in line 1" in err
    assert "chat: " in err
    assert "is not of this version; use the autotune that wrote it\n" in err
    assert main(["nightly", "status", "--json"]) == 3
    rows = {row["target"]: row for row in json.loads(capsys.readouterr().out)["targets"]}
    assert rows["coder"]["live"]["generation"] == 1
    assert rows["coder"]["last_night"] == night.to_json()
    assert rows["chat"]["live"] is None
    assert [len(rows[name]["problems"]) for name in ("coder", "chat")] == [1, 1]
