from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.prefix import (
    PromptHasher,
    canonical,
    common_prefix,
    identical,
    shared_objects,
)

TOOLS = ({"name": "read"},)


def message(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def test_identical_sees_what_equality_does_not() -> None:
    assert identical({"a": 1, "b": 2}, {"a": 1, "b": 2})
    assert not identical({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert not identical([1], [1.0])
    assert not identical([True], [1])
    assert not identical([1, 2], [1])


def test_prefixes() -> None:
    a, b, c = message("a"), message("b"), message("c")
    assert common_prefix((a, b), (dict(a), b, c)) == 2
    assert common_prefix((a, b), (a, c)) == 1
    assert common_prefix((), (a,)) == 0
    assert shared_objects((a, b), (a, dict(b))) == 1


def test_the_hash_is_what_it_says() -> None:
    text = b'[{"name":"read"}]\n{"role":"user","content":"a"}\n'
    expected = f"sha256:{hashlib.sha256(text).hexdigest()}"
    assert PromptHasher().digest(TOOLS, (message("a"),)) == expected


def test_canonical_keeps_key_order_unless_told() -> None:
    assert canonical({"b": 1, "a": "é"}) == b'{"b":1,"a":"\\u00e9"}'
    assert canonical({"b": 1, "a": 2}, sort_keys=True) == b'{"a":2,"b":1}'


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=5), min_size=1, max_size=6))
def test_extending_gives_what_hashing_anew_gives(prompts: list[list[str]]) -> None:
    pool = {text: message(text) for text in "abc"}
    hasher = PromptHasher()
    for number, prompt in enumerate(prompts):
        tools = TOOLS if number % 3 else ()
        messages = tuple(pool[text] for text in prompt)
        assert hasher.digest(tools, messages) == PromptHasher().digest(tools, messages)


def test_tools_in_another_order_of_keys_are_another_prompt() -> None:
    hasher = PromptHasher()
    first = hasher.digest(({"a": 1, "b": 2},), ())
    assert hasher.digest(({"b": 2, "a": 1},), ()) != first
