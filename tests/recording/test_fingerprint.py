from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autotune.recording.fingerprint import Fingerprint, fingerprint
from autotune.workload.prefix import PromptHasher, common_prefix, shared_chain

MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.just("user"), "content": st.sampled_from("abc")}), max_size=6
)


def made(messages: list[dict[str, Any]], tools: tuple[Any, ...] = ()) -> Fingerprint:
    return fingerprint(messages, tools, lambda: None)


@given(MESSAGES, MESSAGES)
def test_what_two_prompts_share_is_told_by_their_hashes(
    left: list[dict[str, Any]], right: list[dict[str, Any]]
) -> None:
    assert made(left).shared(made(right)) == common_prefix(left, right)


@given(MESSAGES)
def test_the_hash_is_that_of_the_capture_format(messages: list[dict[str, Any]]) -> None:
    tools = ({"type": "function", "function": {"name": "caf\u00e9"}},)
    assert made(messages, tools).sha256 == PromptHasher().digest(tools, messages)


def test_chains_share_what_they_begin_with() -> None:
    assert shared_chain((b"1", b"2", b"3"), (b"1", b"2", b"x", b"y")) == 2
    assert shared_chain((), (b"1",)) == 0


def test_a_conversation_keeps_its_talk_when_its_prompt_is_edited() -> None:
    call = {"id": "c1", "function": {"name": "read", "arguments": "{}"}}
    before = made(
        [
            {"role": "system", "content": "10:00"},
            {"role": "user", "content": [{"type": "text", "text": "fix"}]},
            {"role": "assistant", "reasoning_content": "hm", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "long"},
        ]
    )
    after = made(
        [
            {"role": "system", "content": "10:01"},
            {"role": "system", "content": "more"},
            {"role": "user", "content": "fix"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "cleared"},
        ]
    )
    assert before.talk == after.talk
    assert (before.lead, after.lead) == (1, 2)
    assert before.shared(after) == 0


def test_odd_shapes_have_fingerprints_too() -> None:
    odd: list[dict[str, Any]] = [
        {"role": "assistant", "tool_calls": [5, {"id": 7}, {}]},
        {"role": "tool", "tool_call_id": ["x"], "content": [None, {"text": 3}, "s"]},
        {"role": "user", "content": {"a": 1}},
    ]
    print_ = made(odd, ({"type": "web_search"}, {"function": 3, "name": "x"}))
    assert len(print_.talk) == 3
    assert print_.tool_names == ("None", "x")
