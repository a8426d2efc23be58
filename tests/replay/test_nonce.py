"""The mark at the front of the system prompt."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.replay.nonce import make_nonce, with_nonce


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(), arm=st.text(max_size=20), block=st.integers(0, 99))
def test_every_mark_has_the_same_shape(seed: int, arm: str, block: int) -> None:
    assert re.fullmatch(r"\d( \d){15}", make_nonce(seed, arm, block))


def test_a_mark_names_its_trial() -> None:
    marks = {make_nonce(s, a, b) for s in range(3) for a in ("default", "t1") for b in range(3)}
    assert len(marks) == 18
    assert make_nonce(1, "t1", 0) == make_nonce(1, "t1", 0)


def test_it_stands_before_every_other_word() -> None:
    user = {"role": "user", "content": "hi"}
    assert with_nonce((user,), "1 2") == ({"role": "system", "content": "1 2"}, user)
    system = {"role": "system", "content": "be good", "name": "x"}
    marked = with_nonce((system, user), "1 2")
    assert marked == ({"role": "system", "content": "1 2\n\nbe good", "name": "x"}, user)
    parts = {"role": "developer", "content": [{"type": "text", "text": "be good"}]}
    content = with_nonce((parts,), "1 2")[0]["content"]
    assert [part["text"] for part in content] == ["1 2\n\n", "be good"]
    assert with_nonce(({"role": "system", "content": None},), "1 2")[0]["content"] == "1 2"


def test_no_mark_changes_nothing() -> None:
    messages = ({"role": "user", "content": "hi"},)
    assert with_nonce(messages, "") == messages
