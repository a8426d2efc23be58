"""The words of explained reuse."""

from __future__ import annotations

from autotune.scoring.reuse_model import Cause, Displaced, EngineNote, Loss, SentPrompt
from autotune.scoring.reuse_tokens import Tokens


def test_the_last_token_of_a_reply_is_not_kept() -> None:
    prompt = SentPrompt(session_id="a", turn=2, tokens=Tokens.of([1]), reply=Tokens.of([2, 3]))
    assert prompt.key == ("a", 2)
    assert prompt.kept_reply == Tokens.of([2])


def test_a_prompt_from_host_memory_counts_where_it_is_longer() -> None:
    note = EngineNote(prompt_tokens=9, cached_tokens=5, slot_shared=2, loaded_shared=5)
    assert note.held_tokens == 5
    assert EngineNote(prompt_tokens=9, cached_tokens=0).held_tokens is None


def test_a_loss_as_plain_data() -> None:
    loss = Loss(Cause.BLOCKS, 1088, 1100, seconds=0.01)
    assert loss.to_json() == {"cause": "block-alignment", "tokens": 12, "seconds": 0.01}


def test_what_is_held_again_is_not_displaced() -> None:
    displaced = Displaced()
    displaced.mark(("a", 0), Cause.EVICTED, "b")
    displaced.kept(("a", 0))
    assert displaced.why == {}
