"""Which prompts are walked through: the deepest, the last before an edit, and as many as fit."""

from __future__ import annotations

from autotune.replay.endpoint import Rendering
from autotune.trial.quality_walks import CLOSING, plan_walks
from autotune.workload.model import Message, Turn


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def session(name: str, turns: int, edit_at: int | None = None) -> list[Turn]:
    """Turns that extend each other, but for one that rewrites the first message."""
    found, messages = [], [user(f"task of {name}")]
    for index in range(turns):
        if index == edit_at:
            messages = [user(f"summary of {name}")]
        found.append(Turn(name, index, tuple(messages), response=assistant(f"reply {index}")))
        messages = [*messages, assistant(f"reply {index}"), user(f"more {index}")]
    return found


def depths(turns: list[Turn], tokens: int) -> dict[tuple[str, int], int]:
    return {(t.session_id, t.index): tokens * (t.index + 1) for t in turns}


def test_a_session_is_walked_in_its_last_prompt_with_its_own_reply() -> None:
    turns = session("a", 3)
    (walk,) = plan_walks(turns, depths(turns, 100), Rendering.NATIVE, seed=0)
    assert (walk.key, walk.depth_tokens) == ("a#2", 300)
    assert walk.plain == turns[2].messages
    assert walk.whole == (*turns[2].messages, assistant("reply 2"), CLOSING)


def test_an_edit_makes_two_walks_in_their_order() -> None:
    turns = session("a", 4, edit_at=2)
    walks = plan_walks(turns, depths(turns, 100), Rendering.NATIVE, seed=0)
    assert [walk.key for walk in walks] == ["a#1", "a#3"]


def test_the_deepest_session_comes_first_and_others_while_they_fit() -> None:
    shallow = [t for name in "bcdef" for t in session(name, 2)]
    deep = session("a", 8)
    turns = [*shallow, *deep]
    known = depths(turns, 1000)

    def names(most: int, seed: int = 0) -> list[str]:
        found = plan_walks(turns, known, Rendering.NATIVE, seed=seed, most_tokens=most)
        return [walk.session_id for walk in found]

    assert names(100) == ["a"]  # deeper than what may be read, and walked all the same
    assert len(names(12_000)) == 3  # 8000 and twice 2000
    assert names(12_000)[0] == "a"
    assert sorted(names(10**9)) == list("abcdef")
    assert names(12_000) == names(12_000)
    assert len({tuple(names(12_000, seed)) for seed in range(8)}) > 1


def test_messages_are_rendered_as_they_are_sent() -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [
        {"id": "1", "function": {"name": "ls", "arguments": "{}"}}]}  # fmt: skip
    tools = ({"type": "function", "function": {"name": "ls"}},)
    turn = Turn("a", 0, (user("go"), call, {"role": "tool", "content": "x"}), tools=tools)
    (walk,) = plan_walks([turn], {("a", 0): 10}, Rendering.PLAIN, seed=0)
    assert "<tool_call>" in walk.plain[2]["content"]
    assert walk.tools == ()
    assert walk.definitions == tools
    assert walk.whole == walk.plain  # nothing was recorded for its reply


def test_no_turns_are_no_walks() -> None:
    assert plan_walks([], {}, Rendering.NATIVE, seed=0) == ()
