"""What a replay sent, as it is kept for later questions."""

from __future__ import annotations

from autotune.replay.outcome import Reply
from autotune.replay.plan import PlannedTurn
from autotune.replay.sent import SentTurn
from autotune.workload.model import Turn


def test_it_holds_the_very_messages_that_went_out() -> None:
    messages = ({"role": "user", "content": "Where is it?"},)
    turn = Turn(session_id="s", index=0, messages=messages, output_tokens=4)
    sent = SentTurn(PlannedTurn(0, turn, 4), messages, Reply(content="There."))
    assert sent.messages is turn.messages
    assert sent.reply is not None
    assert sent.reply.as_message() == {"role": "assistant", "content": "There."}
