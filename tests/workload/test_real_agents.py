"""Real documents of agents, against figures that were measured on them by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.workload.load import load_workload
from autotune.workload.model import PromptFidelity, Session, Turn, Workload
from autotune.workload.writer import write_capture

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures"
FORMATS = ("atif", "swe-agent", "mini-swe-agent", "openhands")


def loaded(name: str) -> Workload:
    folder = CAPTURES / name
    if not folder.is_dir():
        pytest.skip("the real captures are not here")
    return load_workload(folder)


def only(name: str) -> Session:
    (session,) = loaded(name).sessions
    return session


def depths(session: Session) -> list[int]:
    known = (turn.recorded.prompt_tokens for turn in session.turns)
    return [tokens for tokens in known if tokens is not None]


def chars(turn: Turn) -> int:
    return sum(len(str(message.get("content") or "")) for message in turn.messages)


@pytest.mark.parametrize("name", FORMATS)
def test_every_file_is_read_without_damage(name: str) -> None:
    workload = loaded(name)
    assert workload.formats == (name,)
    assert workload.damage == ()


@pytest.mark.parametrize("name", FORMATS)
def test_prompts_are_append_only_and_share_their_messages(name: str) -> None:
    for session in loaded(name).sessions:
        for before, after in zip(session.turns, session.turns[1:], strict=False):
            assert after.keep == len(before.messages)
            assert after.messages[after.keep - 1] is before.messages[-1]
            assert after.boundary is None


@pytest.mark.parametrize("name", FORMATS)
def test_the_reply_is_the_message_that_the_next_prompt_carries(name: str) -> None:
    for session in loaded(name).sessions:
        for before, after in zip(session.turns, session.turns[1:], strict=False):
            assert before.response == after.messages[after.keep]


def test_atif() -> None:
    """80 of its 81 requests were counted: the converter cut replies into 92 steps."""
    session = only("atif")
    assert len(session.turns) == 81
    counted = depths(session)
    assert (len(counted), counted[0], max(counted)) == (80, 22006, 157107)
    assert session.turns[0].fidelity.missing == ("tools", "thinking")
    shares = [
        (t.recorded.cached_tokens or 0) / t.recorded.prompt_tokens
        for t in session.turns
        if t.recorded.prompt_tokens
    ]
    assert round(sorted(shares)[40], 3) == pytest.approx(0.986, abs=0.001)


def test_swe_agent() -> None:
    """One prompt a step; a step's own messages also hold its reply and its result."""
    session = only("swe-agent")
    assert len(session.turns) == 22
    assert [len(turn.messages) for turn in session.turns] == list(range(2, 46, 2))
    assert {turn.fidelity.prompt for turn in session.turns} == {PromptFidelity.EXACT}
    assert session.turns[0].origin["api_calls"] == 22
    assert all(turn.delay_ms is not None for turn in session.turns[1:])
    assert chars(session.turns[0]) // 4 < 1129
    assert chars(session.turns[-1]) // 4 < 14589


def test_mini_swe_agent() -> None:
    session = only("mini-swe-agent")
    assert [len(turn.messages) for turn in session.turns] == list(range(2, 22, 2))


def test_openhands() -> None:
    sessions = {s.session_id: s for s in loaded("openhands").sessions}
    found = {
        name.removeprefix("ponylang__ponyc-"): (len(s.turns), depths(s)[0], max(depths(s)))
        for name, s in sessions.items()
    }
    assert found == {
        "4595": (23, 5920, 33459),
        "4593": (33, 5549, 19391),
        "4588": (49, 5282, 27127),
    }
    for session in sessions.values():
        assert session.turns[0].fidelity.missing == ()
        assert all(turn.recorded.latency_ms is not None for turn in session.turns)
        assert all(turn.delay_ms is not None for turn in session.turns[1:])
        assert len(session.turns[0].tools) == 4


@pytest.mark.parametrize("name", FORMATS)
def test_the_way_through_capture_1(name: str, tmp_path: Path) -> None:
    workload = loaded(name)
    write_capture(workload.sessions, tmp_path / "out")
    back = load_workload(tmp_path / "out")
    assert back.sessions == workload.sessions
    assert back.digest == workload.digest
