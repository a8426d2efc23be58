"""All that nights leave, bounded in one go."""

from __future__ import annotations

from pathlib import Path

import pytest
from nightly_site import draft
from prints import A_PRINT

from autotune.nightly import tidy as module
from autotune.nightly.generations import Generations
from autotune.nightly.journal import Journal
from autotune.nightly.live import point_live
from autotune.nightly.prune import PruneRule, schedule_log, state_folder, study_name
from autotune.nightly.session_files import FOLDER
from autotune.nightly.settled import Settled, write_settled
from autotune.nightly.tidy import Tidied, kept_studies, tidy

NOTHING = PruneRule(studies=0, nights=0, log_bytes=0)


@pytest.fixture
def studies_dir(tmp_path: Path) -> Path:
    return tmp_path / "studies"


@pytest.fixture
def generations(studies_dir: Path) -> Generations:
    """Four, of which the third is live and followed the first."""
    found = Generations(state_folder(studies_dir, "coder"))
    found.stage(draft("1"))
    point_live(found.state, 1)
    found.stage(draft("2"))
    found.stage(draft("3"))
    point_live(found.state, 3)
    found.stage(draft("4"))
    return found


def test_the_live_one_and_the_one_before_it_keep_their_studies(generations: Generations) -> None:
    assert kept_studies(generations) == {"study-1", "study-3"}


def test_so_does_the_last_one_that_came_to_its_end(generations: Generations) -> None:
    write_settled(generations.state, Settled(fingerprint=A_PRINT, sessions=(), study="last"))
    assert kept_studies(generations) == {"study-1", "study-3", "last"}
    (generations.state / "settled.json").write_text("{")
    assert kept_studies(generations) == {"study-1", "study-3"}


def test_captures_go_with_the_study_that_was_measured_on_them(
    studies_dir: Path, generations: Generations
) -> None:
    files = generations.state / FOLDER
    files.mkdir()
    for day in (1, 2):
        folder = studies_dir / study_name("coder", f"2026-11-0{day}T02-30-11Z")
        folder.mkdir()
        (folder / "provenance.json").write_text(f'{{"workload": "{files}/{day}.jsonl.gz"}}')
        (files / f"{day}.jsonl.gz").write_bytes(b"x" * 100)
    rule = PruneRule(studies=1, nights=9, log_bytes=10**9)
    dry = tidy(studies_dir, "coder", rule, 9, dry_run=True)
    assert (dry.captures, dry.captures_bytes) == (("1.jsonl.gz",), 100)
    assert len(list(files.iterdir())) == 2
    done = tidy(studies_dir, "coder", rule, 9)
    assert done.captures == ("1.jsonl.gz",)
    assert [path.name for path in files.iterdir()] == ["2.jsonl.gz"]


def test_before_the_first_nothing_is_kept(tmp_path: Path) -> None:
    assert kept_studies(Generations(tmp_path)) == frozenset()


def test_all_is_bounded(
    studies_dir: Path, generations: Generations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SCHEDULE_LOG_BYTES", 4)
    old = study_name("coder", "2026-11-01T02-30-11Z")
    (studies_dir / old).mkdir()
    schedule_log(studies_dir).write_text("old\nnew\n")
    journal = Journal(generations.state / "journal.jsonl")
    journal.append("night")
    dry = tidy(studies_dir, "coder", NOTHING, 1, dry_run=True)
    assert dry.pruned.studies == (old,)
    assert (dry.generations, dry.schedule_log_bytes) == ((), 4)
    assert generations.numbers() == (1, 2, 3, 4)
    done = tidy(studies_dir, "coder", NOTHING, 1)
    assert done.pruned.studies == (old,)
    assert done.generations == (2,)  # 3 is live, 1 was before it, 4 is the newest
    assert generations.numbers() == (1, 3, 4)
    assert done.freed_bytes >= 4
    assert schedule_log(studies_dir).read_text() == "new\n"
    assert len(journal.lines()) == 1


def test_a_target_that_had_no_night_has_nothing(studies_dir: Path) -> None:
    tidied = tidy(studies_dir, "coder", NOTHING, 1)
    assert (tidied.pruned.studies, tidied.generations, tidied.freed_bytes) == ((), (), 0)
    assert isinstance(tidied, Tidied)
