"""The kinds of failure are the ones the rest of autotune knows."""

from __future__ import annotations

from autotune.launchers.failure import FailureKind
from autotune.replay.outcome import Reply, TurnFailure


def test_every_turn_failure_is_a_failure_kind() -> None:
    assert {kind.value for kind in TurnFailure} <= {kind.value for kind in FailureKind}


def test_a_crash_or_a_hang_ends_the_replay_and_nothing_else_does() -> None:
    ending = {kind for kind in TurnFailure if kind.ends_the_replay}
    assert ending == {TurnFailure.CRASH, TurnFailure.HANG}


def test_a_reply_as_message_has_only_what_was_said() -> None:
    assert Reply("hi").as_message() == {"role": "assistant", "content": "hi"}
    call = {"id": "a", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    message = Reply("", "think", tool_calls=(call,)).as_message()
    assert message["reasoning_content"] == "think"
    assert message["tool_calls"] == [call]
