"""New sessions join, old ones age out, and one more is no reason to tune again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import MachineError
from autotune.nightly.grown_workload import chosen_sessions, grown, write_sessions
from autotune.nightly.session_index import SessionFact, indexed
from autotune.nightly.targets import DAY_S, WorkloadRule
from autotune.workload.load import load_workload
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

NOW = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
ANY = WorkloadRule(most=None, max_age_s=None)


def fact(
    name: str, days: float = 0.0, deepest: int = 1000, root: str = "", content: str = ""
) -> SessionFact:
    """A session that ended so many days ago."""
    at = NOW - timedelta(days=days)
    return SessionFact(
        session_id=name, root=root or name, content=content or name, start_ms=None,
        at_s=at.timestamp(), turns=3, deepest=deepest,
    )  # fmt: skip


def many(count: int, start: int = 0) -> list[SessionFact]:
    """Session ``s00`` ended today, the one after it a day before, and so on."""
    return [fact(f"s{n:02d}", days=n) for n in range(start, start + count)]


def names(sessions: Sequence[SessionFact]) -> list[str]:
    return [session.session_id for session in sessions]


def test_at_first_all_of_them_join() -> None:
    found = grown(many(3), None, ANY, NOW)
    assert (names(found.sessions), found.joined) == (["s00", "s01", "s02"], ("s00", "s01", "s02"))
    assert (found.aged_out, found.waiting, found.why) == ((), 0, None)


def test_what_is_older_ages_out() -> None:
    rule = WorkloadRule(most=None, max_age_s=6.5 * DAY_S)
    assert names(chosen_sessions(many(10), rule, NOW)) == [f"s{n:02d}" for n in range(7)]


def test_a_month_without_work_ages_nothing() -> None:
    rule = WorkloadRule(most=None, max_age_s=30 * DAY_S)
    kept = many(10)
    later = NOW + timedelta(days=45)
    assert grown(kept, kept, rule, later).why is None
    assert len(chosen_sessions(kept, rule, later)) == 10


@pytest.mark.parametrize("days", [-20_000, -3, 4000])
def test_a_clock_that_is_wrong_for_a_night_changes_nothing(days: int) -> None:
    rule = WorkloadRule(most=None, max_age_s=30 * DAY_S)
    kept = many(10)
    assert grown(kept, kept, rule, NOW + timedelta(days=days)).why is None


def test_a_session_of_tomorrow_ages_nothing() -> None:
    rule = WorkloadRule(most=None, max_age_s=30 * DAY_S)
    assert len(chosen_sessions([fact("t", days=-400), *many(10)], rule, NOW)) == 11


def test_as_many_as_a_proof_needs_stay_however_old() -> None:
    rule = WorkloadRule(most=None, max_age_s=1.0)
    old = [fact(f"s{n}", days=100 + n) for n in range(6)]
    assert names(chosen_sessions(old, rule, NOW)) == ["s0", "s1", "s2", "s3"]


def test_the_newest_are_taken_and_sub_agents_stay_with_theirs() -> None:
    there = [fact("a", 0), fact("b", 1), fact("b1", 5, root="b"), fact("c", 2)]
    assert names(chosen_sessions(there, WorkloadRule(most=3, max_age_s=None), NOW)) == [
        "a", "b", "b1",
    ]  # fmt: skip
    assert names(chosen_sessions(there, WorkloadRule(most=2, max_age_s=None), NOW)) == ["a"]


def test_one_family_is_taken_however_large() -> None:
    there = [fact("a"), *(fact(f"a{n}", root="a") for n in range(5))]
    assert len(chosen_sessions(there, WorkloadRule(most=2), NOW)) == 6


def test_a_few_new_ones_wait() -> None:
    kept = many(10, start=1)
    rule = WorkloadRule(most=None, max_age_s=None, share=0.2)
    found = grown([fact("s00"), *kept], kept, rule, NOW)
    assert found.sessions == tuple(kept)
    assert (found.waiting, found.joined, found.why) == (1, (), None)


def test_when_a_fifth_is_new_they_join_and_the_old_leave() -> None:
    kept = many(10, start=2)
    rule = WorkloadRule(most=10, max_age_s=None, share=0.2)
    found = grown([*many(2), *kept], kept, rule, NOW)
    assert names(found.sessions) == [f"s{n:02d}" for n in range(10)]
    assert (found.joined, found.aged_out) == (("s00", "s01"), ("s10", "s11"))
    assert found.why == "2 sessions joined and 2 sessions left, of 10 that it had"
    assert found.waiting == 0


def test_a_deeper_one_joins_at_once() -> None:
    kept = many(10, start=1)
    rule = WorkloadRule(share=1.0)
    assert grown([fact("s00", deepest=1100), *kept], kept, rule, NOW).why is None
    found = grown([fact("s00", deepest=1101), *kept], kept, rule, NOW)
    assert found.joined == ("s00",)
    assert found.why == "sessions have become deeper: 1101 tokens, where it was tuned for 1000"
    assert found.deepest == 1101


def test_a_session_that_went_on_is_another_one() -> None:
    kept = many(4)
    longer = [fact("s00", content="longer"), *kept[1:]]
    found = grown(longer, kept, ANY, NOW)
    assert (found.joined, found.aged_out) == (("s00",), ("s00",))
    assert found.why == "1 session joined and 1 session left, of 4 that it had"


def test_captures_that_are_gone_are_replayed_on_until_enough_of_them_are() -> None:
    kept = many(10)
    assert grown(kept[:9], kept, ANY, NOW).sessions == tuple(kept)
    fewer = grown(kept[:8], kept, ANY, NOW)
    assert len(fewer.sessions) == 8
    assert fewer.why == "0 sessions joined and 2 sessions left, of 10 that it had"


@given(st.integers(1, 30), st.integers(0, 30), st.floats(0.01, 1.0))
def test_the_same_folder_is_the_same_workload_next_night(
    count: int, more: int, share: float
) -> None:
    rule = WorkloadRule(most=20, max_age_s=10 * DAY_S, share=share)
    first = grown(many(count), None, rule, NOW)
    second = grown(many(count + more), first.sessions, rule, NOW)
    third = grown(many(count + more), second.sessions, rule, NOW)
    assert third.digest == second.digest
    assert third.why is None
    assert (second.why is None) == (second.digest == first.digest)


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    folder = tmp_path / "captures"
    spec = SynthesisSpec(sessions=3, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), folder / "a.jsonl")
    return folder


def test_what_is_written_is_what_was_chosen(captures: Path, tmp_path: Path) -> None:
    there = indexed(captures, tmp_path / "index.json")
    chosen = grown(there[:2], None, ANY, NOW)
    path = write_sessions(captures, chosen.sessions, tmp_path / "state" / chosen.file_name)
    assert load_workload(path).digest == chosen.digest
    assert len(load_workload(path).sessions) == 2
    stamp = path.stat().st_mtime_ns
    assert write_sessions(captures, chosen.sessions, path).stat().st_mtime_ns == stamp


def test_a_session_that_goes_on_meanwhile_is_said(captures: Path, tmp_path: Path) -> None:
    there = indexed(captures, tmp_path / "index.json")
    changed = [*there[:2], fact("another")]
    with pytest.raises(MachineError, match=r"1 session of .* changed while .* or are gone"):
        write_sessions(captures, changed, tmp_path / "w.jsonl.gz")
    assert not (tmp_path / "w.jsonl.gz").exists()
