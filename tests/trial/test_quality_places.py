"""Positions inside replies and calls, found in a prompt that a template wrote."""

from __future__ import annotations

import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.trial.next_token import Tokens
from autotune.trial.quality_places import (
    INSIDE,
    NAME,
    START,
    SYNTAX,
    TEXT,
    calls,
    chosen,
    places,
    spread,
)
from autotune.workload.model import Message

CALL = '{"path": "src/app.py"}'
MESSAGES: tuple[Message, ...] = (
    {"role": "user", "content": "Read the file please."},
    {"role": "assistant", "content": "I will look.", "tool_calls": [
        {"id": "1", "function": {"name": "read_file", "arguments": CALL}}]},
    {"role": "tool", "content": "print(1)", "tool_call_id": "1"},
    {"role": "assistant", "content": "It prints one."},
    {"role": "user", "content": "Continue."},
)  # fmt: skip
TEXT_OF = (
    "<u>Read the file please.</u><a>I will look."
    f'<tool_call>{{"name": "read_file", "arguments": {CALL}}}</tool_call></a>'
    "<t>print(1)</t><a>It prints one.</a><u>Continue.</u><a>"
)


def tokens(text: str) -> Tokens:
    """Words, blanks and single signs, as a tokenizer might cut them."""
    pieces = re.findall(r"\w+|\s+|.", text)
    return Tokens(tuple(range(len(pieces))), tuple(p.encode() for p in pieces))


def pieces_of(
    kind: str, text: str = TEXT_OF, messages: tuple[Message, ...] = MESSAGES
) -> list[str]:
    prompt = tokens(text)
    return [prompt.pieces[p.at].decode() for p in places(prompt, messages) if p.kind == kind]


def test_every_kind_of_place_is_where_it_should_be() -> None:
    assert pieces_of(START) == ["I", "It"]
    assert pieces_of(NAME) == ["read_file"]
    syntax = "".join(pieces_of(SYNTAX))
    assert syntax.count("{") == 2
    assert syntax.endswith("}}")
    assert {"path", "src", "arguments"} <= set(pieces_of(INSIDE))
    assert {"will", "look", "prints", "one"} <= set(pieces_of(TEXT))
    asked = {"please", "print", "Continue"}
    assert not asked & {w for kind in (START, NAME, SYNTAX, INSIDE, TEXT) for w in pieces_of(kind)}


def test_replies_are_told_apart_and_positions_are_in_order() -> None:
    found = places(tokens(TEXT_OF), MESSAGES)
    assert [p.at for p in found] == sorted(p.at for p in found)
    assert {p.reply for p in found} == {0, 1}
    assert len({p.at for p in found}) == len(found)


def test_a_call_begins_at_the_brace_before_its_name() -> None:
    prompt = tokens(TEXT_OF)
    (call,) = calls(prompt, MESSAGES)
    assert call.name == "read_file"
    text = b"".join(prompt.pieces[call.at :]).decode()
    assert text.startswith('{"name": "read_file"')
    assert b"".join(prompt.pieces[call.at : call.at + call.tokens]).decode().endswith("}}")


def test_a_name_outside_of_the_json_begins_the_arguments_after_it() -> None:
    text = TEXT_OF.replace(f'{{"name": "read_file", "arguments": {CALL}}}', f"read_file{CALL}")
    prompt = tokens(text)
    (call,) = calls(prompt, MESSAGES)
    assert b"".join(prompt.pieces[call.at :]).decode().startswith(CALL)


def test_calls_that_were_written_as_text_are_found_by_their_marks() -> None:
    written = f'On it.\n<tool_call>\n{{"name": "grep", "arguments": {CALL}}}\n</tool_call>'
    messages = ({"role": "user", "content": "Go on."}, {"role": "assistant", "content": written})
    text = f"<u>Go on.</u><a>{written}</a>"
    assert pieces_of(NAME, text, messages) == ["grep"]
    (call,) = calls(tokens(text), messages)
    assert call.name == "grep"


def test_a_call_without_words_before_it_starts_at_its_brace() -> None:
    messages: tuple[Message, ...] = (
        {"role": "user", "content": "Go on."},
        {"role": "assistant", "content": None, "tool_calls": [
            {"function": {"name": "grep", "arguments": CALL}}]},
    )  # fmt: skip
    text = f'<u>Go on.</u><a>{{"name": "grep", "arguments": {CALL}}}</a>'
    assert pieces_of(START, text, messages) == ["{"]
    assert len(calls(tokens(text), messages)) == 1


def test_what_a_template_rewrote_is_left_out() -> None:
    assert places(tokens("<u>nothing of it</u>"), MESSAGES) == []
    assert calls(tokens("<u>nothing of it</u>"), MESSAGES) == []


def test_positions_are_chosen_by_kind_and_by_seed() -> None:
    # Two replies a hundred times over, so that each kind has more than its share.
    messages = MESSAGES * 100
    prompt = tokens(TEXT_OF * 100)
    found = places(prompt, messages)
    picked = chosen(found, 100, "seed")
    assert picked == chosen(found, 100, "seed")
    assert picked != chosen(found, 100, "other")
    kinds = [p.kind for p in picked]
    assert len(picked) == 100
    assert {kind: kinds.count(kind) for kind in (SYNTAX, NAME, INSIDE, START, TEXT)} == {
        SYNTAX: 35, NAME: 15, INSIDE: 15, START: 15, TEXT: 20,
    }  # fmt: skip
    half = sum(p.at < len(prompt.ids) / 2 for p in picked)
    assert 45 <= half <= 55


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_spread_takes_as_many_as_wanted_each_once_and_in_order(have: int, wanted: int) -> None:
    items = list(range(have))
    taken = spread(items, wanted, random.Random(0))
    assert len(taken) == min(have, wanted)
    assert taken == sorted(set(taken))
