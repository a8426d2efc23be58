"""Prompts of a replay as tokens, and how one stands to the one before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from autotune.records import TurnRecord
from autotune.replay.endpoint import Endpoint, Rendering
from autotune.replay.outcome import Reply
from autotune.replay.plan import PlannedTurn
from autotune.replay.sent import SentTurn
from autotune.scoring.reuse_model import Follows, SentPrompt
from autotune.scoring.reuse_tokens import Tokens
from autotune.trial.reuse_prompts import Spent, estimate, relation, sent_body
from autotune.workload.model import Boundary, Message, Turn

USER: Message = {"role": "user", "content": "Where is it?"}
ANSWER = Reply(content="There.")
NEXT: Message = {"role": "user", "content": "Look again."}


def sent(*messages: Message, index: int = 0, reply: Reply | None = ANSWER, **turn: Any) -> SentTurn:
    planned = PlannedTurn(index, Turn("s", index, messages, **turn), 4)
    return SentTurn(planned, messages, reply)


def test_a_turn_extends_the_one_before_with_its_reply() -> None:
    first = sent(USER)
    second = sent(USER, ANSWER.as_message(), NEXT, index=1)
    assert relation(None, first) == (Follows.FIRST, None)
    assert relation(first, second) == (Follows.EXTENDS, None)


def test_a_recorded_reply_is_another_one() -> None:
    other = sent(USER, {"role": "assistant", "content": "Here."}, NEXT, index=1)
    assert relation(sent(USER), other) == (Follows.OTHER_REPLY, None)


def test_an_edit_is_named() -> None:
    edited = sent({"role": "user", "content": "Where?"}, NEXT, index=1)
    follows, why = relation(sent(USER), edited)
    assert (follows, why) == (Follows.EDITED, "message rewritten")
    cut = replace(edited.planned.turn, boundary=Boundary.COMPACTION)
    compacted = SentTurn(PlannedTurn(1, cut, 4), edited.messages, None)
    assert relation(sent(USER), compacted) == (Follows.EDITED, "compaction")


def test_the_body_is_what_went_out() -> None:
    tool = {"type": "function", "function": {"name": "ls", "parameters": {}}}

    def fields(tokens: int | None) -> dict[str, Any]:
        return {"max_tokens": tokens, "chat_template_kwargs": {"enable_thinking": False}}

    endpoint = Endpoint("http://127.0.0.1:1", "m", fields, rendering=Rendering.PLAIN)
    body = sent_body(endpoint, sent(USER, tools=(tool,)))
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    assert "tools" not in body


def test_estimated_prompts_are_as_deep_as_the_engine_said() -> None:
    record = TurnRecord(
        arm="a", block=0, order=0, session_id="s", turn=0, started_at="", asked_output_tokens=4,
        depth_tokens=12,
    )  # fmt: skip
    bare = SentPrompt(session_id="s", turn=0, tokens=Tokens())
    one = estimate(bare, sent(USER), record)
    assert round(len(one.tokens) * one.scale) == 12
    longer = estimate(bare, sent(USER, NEXT), record)
    assert longer.tokens.first(len(one.tokens)) == one.tokens


def test_what_tokenizing_took() -> None:
    spent = Spent()
    assert spent.to_json() == {"seconds": 0.0, "tokens": 0}
    spent.add(0.5, 50_000)
    assert spent.to_json() == {"seconds": 0.5, "tokens": 50_000, "s_per_100k": 1.0}
