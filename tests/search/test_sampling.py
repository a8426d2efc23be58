"""Which sessions of a folder a study replays: as many as fit, the same when it goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.models.metadata import read_model
from autotune.search import sampling
from autotune.search.sampling import (
    Expected,
    SampleWish,
    load_sample,
    sample_limit_s,
    stored_ids,
)
from autotune.workload.load import load_workload
from autotune.workload.model import Message, Recorded, Session, Turn
from autotune.workload.summary import summarize
from autotune.workload.writer import write_capture

SPEED = Expected(prefill_tps=1000.0, decode_tps=100.0)


def session(number: int, turns: int = 4, depth: int = 2_000) -> Session:
    """Starts at `depth`, grows by 500 a turn, 50 tokens a reply; one after the other."""
    messages: tuple[Message, ...] = ()
    made = []
    for index in range(turns):
        keep = len(messages)
        messages = (*messages, {"role": "user", "content": f"{number} {index}"})
        made.append(
            Turn(
                f"s{number}",
                index,
                messages,
                keep=keep,
                output_tokens=50,
                timestamp_ms=1e6 * number + index,
                recorded=Recorded(prompt_tokens=depth + 500 * index),
            )
        )
    return Session(f"s{number}", tuple(made))


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    """Twelve sessions in three files."""
    folder = tmp_path / "captures"
    for part in range(3):
        sessions = [session(4 * part + n, depth=2_000 if part < 2 else 20_000) for n in range(4)]
        write_capture(sessions, folder / f"{part}.jsonl")
    return folder


def names(folder: Path, wish: SampleWish) -> list[str]:
    return [s.session_id for s in load_sample(folder, SPEED, wish).workload.sessions]


def test_what_a_session_costs_is_worked_out_by_hand() -> None:
    # 2,000 and three times 500 tokens to prefill, 200 to decode, four turns of overhead.
    assert SPEED.seconds(summarize(session(0))) == pytest.approx(3.5 + 2.0 + 0.2)


def test_half_of_a_twentieth_of_the_budget_is_a_trial() -> None:
    assert sample_limit_s(1800.0) == 180.0
    assert sample_limit_s(None) is None


def test_everything_is_taken_where_there_is_time(captures: Path) -> None:
    found = load_sample(captures, SPEED, SampleWish(limit_s=1e6))
    assert found.workload == load_workload(captures)
    assert (found.ids, found.notes, found.whole_sessions) == (None, (), 12)
    assert load_sample(captures, SPEED, SampleWish()).ids is None


def test_a_sample_stands_for_all_depths_and_says_how_well(captures: Path) -> None:
    found = load_sample(captures, SPEED, SampleWish(limit_s=70.0))
    taken = found.workload.sessions
    assert 4 <= len(taken) < 12
    depths = {s.turns[0].recorded.prompt_tokens for s in taken}
    assert depths == {2_000, 20_000}
    assert f"{len(taken)} of 12 sessions" in found.notes[0]
    assert "turns 0-10k" in found.notes[1]
    assert len({len(names(captures, SampleWish(limit_s=s))) for s in (40.0, 70.0, 110.0)}) == 3


def test_a_number_of_sessions_is_kept(captures: Path) -> None:
    assert len(names(captures, SampleWish(most=5))) == 5
    assert len(names(captures, SampleWish(most=50))) == 12


def test_a_large_folder_is_read_twice_and_gives_the_same(
    captures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = SampleWish(limit_s=70.0, seed=3)
    whole = load_sample(captures, SPEED, wish)
    monkeypatch.setattr(sampling, "IN_MEMORY_BYTES", 1)
    again = load_sample(captures, SPEED, wish)
    assert again.workload == whole.workload
    assert load_sample(captures, SPEED, SampleWish()).workload == load_workload(captures)


def test_a_study_goes_on_with_the_sessions_it_began_with(captures: Path) -> None:
    began = load_sample(captures, SPEED, SampleWish(limit_s=70.0))
    write_capture([session(77)], captures / "new.jsonl")
    again = load_sample(captures, SPEED, SampleWish(ids=stored_ids(began.to_json())))
    assert again.workload.digest == began.workload.digest
    assert again.notes == ()
    assert stored_ids(None) is None
    assert stored_ids({"sessions": None}) is None


def test_sessions_that_are_gone_are_an_error_and_not_a_smaller_workload(captures: Path) -> None:
    with pytest.raises(UserError, match="1 of 2 sessions"):
        load_sample(captures, SPEED, SampleWish(ids=("s1", "elsewhere")))


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing could be read"):
        load_sample(tmp_path, SPEED, SampleWish(limit_s=1.0))


def test_a_larger_model_is_expected_to_be_slower(fake_model: Path) -> None:
    model = replace(read_model(fake_model), n_params=10**8, weights_bytes=10**8)
    larger = replace(model, n_params=model.n_params * 10, weights_bytes=model.weights_bytes * 10)
    for gpu in (False, True):
        fast, slow = Expected.of(model, gpu=gpu), Expected.of(larger, gpu=gpu)
        assert slow.prefill_tps == pytest.approx(fast.prefill_tps / 10)
        assert slow.decode_tps == pytest.approx(fast.decode_tps / 10)
