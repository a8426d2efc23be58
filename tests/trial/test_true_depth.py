"""Transcripts brought to their recorded depth, by an engine whose tokens are words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from transcripts import as_exact, tokens_of, transcript

from autotune.candidate import Candidate
from autotune.launchers.process import launch
from autotune.launchers.protocol import CacheArm, LaunchContext, Launcher, Server
from autotune.replay.driver import replay
from autotune.replay.endpoint import Endpoint, Rendering
from autotune.replay.plan import History, Order
from autotune.replay.planning import make_plan
from autotune.replay.prompts import replayed_prompts
from autotune.trial.true_depth import TrueDepth, find_true_depth
from autotune.workload.load import workload_of
from autotune.workload.model import Boundary, Message, Session
from autotune.workload.padding import HEAD, Pad, apply_pads, pad_sessions
from autotune.workload.prefix import shared_objects


def lengths(sessions: Sequence[Session], longest: int = 10**6) -> dict[tuple[str, int], int]:
    return {
        (s.session_id, t.index): min(t.output_tokens or 1, longest)
        for s in sessions
        for t in s.turns
    }


def found(
    *sessions: Session,
    history: History = History.CLOSED_LOOP,
    count: Callable[..., int] = tokens_of,
    longest: int = 10**6,
) -> TrueDepth:
    return find_true_depth(sessions, lengths(sessions, longest), history, Rendering.NATIVE, count)


def depths(result: TrueDepth, name: str) -> list[int]:
    return [depth for (session, _), depth in result.depths.items() if session == name]


@pytest.mark.parametrize("history", list(History))
def test_a_transcript_replays_at_its_recorded_depth(history: History) -> None:
    session = transcript("a", [1000, 1129, 1258, 1400])
    result = found(session, history=history)
    assert depths(result, "a") == [1002, 1131, 1260, 1402]  # a system message costs 2 by itself
    padded = apply_pads(session, result.pads["a"])
    sent = replayed_prompts(padded.turns, history, [5] * 4)
    assert [tokens_of(prompt) for prompt in sent] == depths(result, "a")
    for before, after in pairwise(padded.turns):
        assert shared_objects(before.messages, after.messages) == len(before.messages)


def test_the_length_of_replies_is_not_padded_a_second_time() -> None:
    """40 tokens of reply are on record and 5 are seen: in closed loop the engine speaks them."""
    session = transcript("a", [1000, 1064, 1128], completion=40)
    closed = found(session, history=History.CLOSED_LOOP)
    recorded = found(session, history=History.RECORDED)
    assert [p.place for p in closed.pads["a"].pads] == [HEAD]
    assert [(p.turn, p.place, p.words) for p in recorded.pads["a"].pads[1:]] == [
        (1, 2, 35),
        (2, 4, 35),
    ]
    assert depths(closed, "a") == depths(recorded, "a") == [1002, 1066, 1130]


def test_replies_that_are_cut_short_are_made_up() -> None:
    session = transcript("a", [1000, 1064, 1128], completion=40)
    assert depths(found(session, longest=8), "a") == [1002, 1066, 1130]


def test_exact_prompts_are_counted_and_left_alone() -> None:
    session = as_exact(transcript("a", [1000, 1129], model="x"))
    result = found(session)
    assert (depths(result, "a"), result.pads) == ([32, 61], {})
    assert result.scales["fmt x"].value == pytest.approx(0.043, abs=0.001)


def test_sessions_of_one_agent_share_their_head() -> None:
    one, two = transcript("a", [1000]), transcript("b", [1400])
    result = found(one, two)
    assert {n: p.pads for n, p in result.pads.items()} == {
        "a": (Pad(0, HEAD, 968, 968),),
        "b": (Pad(0, HEAD, 1368, 968),),
    }
    first, second = pad_sessions([one, two], result.pads)
    heads = [str(s.turns[0].messages[0]["content"]).split() for s in (first, second)]
    assert heads[0] == heads[1][:968]


def test_a_sub_agent_shares_what_it_has_with_its_parent() -> None:
    parent, child = transcript("a", [1000]), transcript("b", [400])
    child = Session(child.session_id, child.turns, "a")
    result = found(parent, child)
    assert result.pads["b"].pads == (Pad(0, HEAD, 368, 368),)
    assert result.pads["a"].pads == (Pad(0, HEAD, 968, 968),)
    assert result.pads["a"].agent == result.pads["b"].agent


def double(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> int:
    """An engine with half a word a token, and 30 tokens more for a prompt of its own."""
    has_system = messages[0]["role"] == "system"
    return 2 * tokens_of(messages, tools) + (0 if has_system else 30)


def test_filler_is_measured_in_the_engines_own_tokens() -> None:
    session = transcript("a", [1000, 1300, 1700])
    result = found(session, count=double)
    assert depths(result, "a") == pytest.approx([1000, 1300, 1700], abs=12)
    assert result.pads["a"].tokens_per_word == 2.0
    assert result.scales["fmt m"].value == 1.0


def test_recorded_tokens_are_scaled_where_results_tell_by_how_much() -> None:
    recorded = [1000 + 340 * at for at in range(12)]  # results of 360 words, recorded as 300
    session = transcript("a", recorded, completion=40, result=360)
    result = found(session, history=History.RECORDED)
    assert result.scales["fmt m"].value == 1.2
    assert depths(result, "a") == pytest.approx([1.2 * r for r in recorded], rel=0.01)


def test_hidden_edits_and_compactions_keep_the_record() -> None:
    cut = {4: Boundary.COMPACTION}
    recorded = [1000, 1129, 1258, 1120, 1080, 1150]
    session = transcript("a", recorded, boundaries=cut)
    for history in History:
        result = found(session, history=history)
        assert depths(result, "a") == pytest.approx(recorded, abs=10)
        padded = apply_pads(session, result.pads["a"])
        assert [t.boundary for t in padded.turns][3:5] == [Boundary.EDIT, Boundary.COMPACTION]


# On a real engine.


def endpoint_of(launcher: Launcher, server: Server) -> Endpoint:
    return Endpoint(
        base_url=server.base_url,
        model_name=launcher.model_name,
        request_fields=lambda tokens: launcher.request_fields(CacheArm.ON, tokens),
        alive=lambda: server.process.poll() is None,
    )


def test_a_transcript_that_shows_a_quarter_replays_whole_on_the_reference_engine(
    reference_launcher: Launcher,
    smollm2: Path,
    launch_context: Callable[..., LaunchContext],
    stop_later: Callable[[Server], Server],
) -> None:
    """200 of 800 tokens are visible; the engine reports how deep it really was."""
    session = transcript("a", [600, 700, 800], reply=10, result=40, task=20, completion=10)
    settings: dict[str, Any] = {"ctx-size": 1024, "parallel": 1, "cache-ram": 0}
    server = stop_later(launch(reference_launcher, Candidate(settings), launch_context(smollm2)))

    def count(messages: Any, tools: Any) -> int:
        tokens = reference_launcher.count_tokens(server, messages, tools)
        assert tokens is not None
        return tokens

    closed = History.CLOSED_LOOP
    result = find_true_depth([session], lengths([session]), closed, Rendering.NATIVE, count)
    assert depths(result, "a") == pytest.approx([600, 700, 800], rel=0.01)
    padded = apply_pads(session, result.pads["a"])
    assert padded.turns[-1].fidelity.pad_tokens > 560
    plan = make_plan(
        workload_of([padded]), history=closed, order=Order.SEQUENTIAL, concurrency=1,
        max_output_tokens=None, default_output_tokens=10,
    )  # fmt: skip
    records = replay(
        plan, endpoint_of(reference_launcher, server), arm="t", block=0, nonce="",
        sink=lambda record: None,
    )  # fmt: skip
    assert all(r.ok for r in records)
    assert [r.depth_tokens for r in records] == pytest.approx([600, 700, 800], rel=0.02)
    assert (records[2].cached_tokens or 0) > 0.95 * (records[1].depth_tokens or 0)
