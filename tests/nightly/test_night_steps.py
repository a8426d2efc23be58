"""What a night that was cut short leaves in the journal, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from night_world import BEGUN
from prints import A_PRINT

from autotune.nightly.journal import Journal
from autotune.nightly.night_page import NightPage, free_stamp
from autotune.nightly.night_record import Outcome
from autotune.nightly.night_steps import (
    NIGHT,
    TUNING,
    begin_tuning,
    digest_of_tuning,
    give_up_tunings,
    record_cut_short,
)
from autotune.nightly.nights import Nights, stamp_of

STAMP = stamp_of(BEGUN)


def test_a_tuning_is_named_by_what_it_is_of() -> None:
    mine = digest_of_tuning(A_PRINT, 3)
    assert mine == digest_of_tuning(replace(A_PRINT), 3)
    assert mine != digest_of_tuning(A_PRINT, 4)
    assert mine != digest_of_tuning(replace(A_PRINT, driver="581"), 3)


def test_a_tuning_is_gone_on_with_while_it_is_the_same(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    first = begin_tuning(journal, "coder", STAMP, "a")
    assert (first.study, first.resumed) == (f"nightly-coder-{STAMP}", False)
    again = begin_tuning(journal, "coder", "2026-11-24T02-30-00Z", "a")
    assert (again.study, again.resumed, again.step.number) == (first.study, True, 1)
    other = begin_tuning(journal, "coder", "2026-11-25T02-30-00Z", "b")
    assert (other.study, other.resumed) == ("nightly-coder-2026-11-25T02-30-00Z", False)
    assert [step.number for step in journal.open_steps()] == [other.step.number]
    give_up_tunings(journal)
    assert journal.open_steps() == ()


def test_a_night_that_was_killed_gets_a_page(tmp_path: Path) -> None:
    journal, nights = Journal(tmp_path / "journal.jsonl"), Nights.of(tmp_path)
    journal.begin(NIGHT, stamp=STAMP)
    journal.begin(TUNING, study="nightly-coder-x", of_what="a")
    (night,) = record_cut_short("coder", journal, nights)
    assert night.outcome is Outcome.STOPPED
    assert night.why == "it was cut short: killed, or the machine went down"
    assert night.notes == ("its study is nightly-coder-x; the next night goes on with it",)
    assert nights.read(STAMP).why == night.why
    assert [step.kind for step in journal.open_steps()] == [TUNING]
    assert record_cut_short("coder", journal, nights) == ()


def test_one_that_had_its_page_keeps_it(tmp_path: Path) -> None:
    journal, nights = Journal(tmp_path / "journal.jsonl"), Nights.of(tmp_path)
    journal.begin(NIGHT, stamp=STAMP)
    page = NightPage("coder", STAMP, BEGUN, lambda: BEGUN)
    kept = page.ended(Outcome.PROMOTED, "it won")
    nights.write(kept)
    assert record_cut_short("coder", journal, nights) == ()
    assert nights.read(STAMP) == kept
    assert journal.open_steps() == ()
    assert free_stamp(nights, BEGUN) == "2026-11-23T02-30-01Z"
