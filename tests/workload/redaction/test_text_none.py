from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from autotune.workload.filler import WORDS
from autotune.workload.model import Recorded, Session, Turn
from autotune.workload.prefix import common_prefix
from autotune.workload.redaction.blank import Blank
from autotune.workload.redaction.options import Knowledge, RedactionOptions, full_scanner
from autotune.workload.redaction.text_none import PIXEL, TextNone
from autotune.workload.redaction.tokenizer import Counter

Options = Callable[..., RedactionOptions]


class OneAWord:
    """A tokenizer for which every word with its space is a token, and every other mark."""

    def tokens(self, text: str) -> list[int]:
        import re

        parts = re.findall(r" ?[A-Za-z0-9]+|\s|[^\sA-Za-z0-9]", text)
        return [sum(map(ord, part)) for part in parts]


def never(word: str) -> bool:
    return False


def text_none(options: RedactionOptions, tokenizer: Any = None) -> TextNone:
    counter = None if tokenizer is None else Counter(tokenizer)
    return TextNone(options, never, full_scanner(options, Knowledge()), counter)


def one(blank: TextNone, *messages: dict[str, Any], **turn: Any) -> Turn:
    turns = tuple(Turn("s", n, messages[: n + 1], **turn) for n in range(len(messages)))
    (session,) = blank.over([Session("s", turns)])
    return session.turns[-1]


def test_filler_is_as_long_as_the_text() -> None:
    blank = Blank(b"s", never)
    for size in (1, 3, 4, 6, 7, 400):
        assert len(blank.text("x" * size).split()) == max(1, round(size / 4))
    assert blank.text("") == ""
    counted = Blank(b"s", never, Counter(OneAWord()))
    assert len(counted.text("one two, three").split()) == 4


def test_texts_that_begin_alike_have_filler_that_does_just_as_far() -> None:
    counted = Blank(b"s", never, Counter(OneAWord()))
    text = "the quick brown fox jumps over the lazy dog and then"
    made = counted.text(text).split()
    longer = counted.text(f"{text} some more").split()
    other = counted.text(text.replace("lazy", "busy")).split()
    assert longer[: len(made)] == made
    assert common_prefix(made, other) == 7
    assert made[8:] != other[8:]


def test_the_salt_decides_and_words_may_be_kept_out() -> None:
    text = "some text that is long enough to differ"
    assert Blank(b"s", never).text(text) == Blank(b"s", never).text(text)
    assert Blank(b"s", never).text(text) != Blank(b"t", never).text(text)
    vowels = Blank(b"s", lambda word: word[0] not in "aeiou").text(text * 20).split()
    assert {word[0] for word in vowels} <= set("aeiou")


def test_short_texts_stay_apart() -> None:
    blank = Blank(b"s", never)
    texts = [f"t{n}" for n in range(200)]
    assert len({blank.text(text) for text in texts}) == 200
    assert blank.text("t7") == blank.text("t7")


def test_more_texts_than_words_are_filler_all_the_same() -> None:
    blank = Blank(b"s", never)
    assert all(blank.text(f"{n}").strip() in WORDS for n in range(len(WORDS) + 20))


def test_messages_keep_their_shape(options: Options) -> None:
    call = {
        "id": "call_Ab12",
        "type": "function",
        "function": {
            "name": "read_file",
            "arguments": '{"path": "/x/y", "limit": 2000, "all": true}',
        },
    }
    turn = one(
        text_none(options()),
        {"role": "system", "content": "You are an agent."},
        {"role": "user", "content": [{"type": "text", "text": "hello there"}]},
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm so"},
        {"role": "tool", "tool_call_id": "call_Ab12", "content": ""},
    )
    system, user, assistant, tool = turn.messages
    assert [m["role"] for m in turn.messages] == ["system", "user", "assistant", "tool"]
    assert len(system["content"].split()) == round(17 / 4)
    assert list(user["content"][0]) == ["type", "text"]
    assert user["content"][0]["type"] == "text"
    assert assistant["content"] is None
    assert assistant["reasoning_content"].split()
    (made,) = assistant["tool_calls"]
    assert made["id"] == tool["tool_call_id"] != "call_Ab12"
    assert made["type"] == "function"
    arguments = json.loads(made["function"]["arguments"])
    assert [type(value) for value in arguments.values()] == [str, int, bool]
    assert 1000 <= list(arguments.values())[1] <= 9999
    assert tool["content"] == ""


def test_tools_keep_their_schema_and_calls_their_names(options: Options) -> None:
    parameters = {
        "type": "object",
        "properties": {"path": {"type": "string", "description": "where", "pattern": "^/x"}},
        "required": ["path"],
        "$defs": {"mode": {"enum": ["slow", "fast"]}},
        "additionalProperties": False,
    }
    function = {"name": "read_file", "description": "Reads a file.", "parameters": parameters}
    call = {"function": {"name": "read_file", "arguments": '{"path":"/x"}'}}
    turn = one(
        text_none(options()),
        {"role": "assistant", "tool_calls": [call]},
        tools=({"type": "function", "function": function},),
    )
    made = turn.tools[0]["function"]
    schema = made["parameters"]
    (name,) = schema["properties"]
    assert name != "path"
    assert schema["required"] == [name]
    assert schema["properties"][name]["type"] == "string"
    assert schema["properties"][name]["pattern"] == "^.*$"
    assert schema["additionalProperties"] is False
    assert not {"slow", "fast"} & set(next(iter(schema["$defs"].values()))["enum"])
    called = turn.messages[0]["tool_calls"][0]["function"]
    assert called["name"] == made["name"] != "read_file"
    assert list(json.loads(called["arguments"])) == [name]


def test_fields_keep_numbers_and_words_of_protocols(options: Options) -> None:
    turn = one(
        text_none(options()),
        {"role": "user", "content": "x"},
        params={
            "model": "qwen",
            "temperature": 0.2,
            "stop": ["STOP HERE"],
            "tool_choice": "auto",
            "metadata": {"user_id": "u-123", "api_key": "abc123"},
        },
        recorded=Recorded(prompt_tokens=7, model="/home/ada/qwen.gguf"),
        origin={"format": "x", "file": "sha256:ab", "line": 3},
        extra={"note": "private words here"},
    )
    assert turn.params["model"] == "qwen"
    assert turn.params["temperature"] == 0.2
    assert turn.params["tool_choice"] == "auto"
    assert "STOP" not in turn.params["stop"][0]
    assert turn.params["metadata"]["user_id"] != "u-123"
    assert turn.params["metadata"]["api_key"] != "abc123"
    assert turn.recorded.prompt_tokens == 7
    assert "ada" not in (turn.recorded.model or "")
    assert {k: turn.origin[k] for k in ("format", "file", "line")} == {
        "format": "x",
        "file": "sha256:ab",
        "line": 3,
    }
    assert "private" not in turn.extra["note"]


def test_images_become_a_pixel(options: Options) -> None:
    url = "data:image/jpeg;base64,aGVsbG8="
    part = {"type": "image_url", "image_url": {"url": url}}
    blank = text_none(options())
    turn = one(blank, {"role": "user", "content": [part]})
    assert turn.messages[0]["content"][0]["image_url"]["url"] == PIXEL
    assert blank.tally.images == 1


@pytest.mark.parametrize("arguments", ["not json at all", "[1, 2", '"text"', "{}", "[]"])
def test_arguments_that_are_no_object(arguments: str, options: Options) -> None:
    call = {"function": {"name": "f", "arguments": arguments}}
    turn = one(text_none(options()), {"role": "assistant", "tool_calls": [call]})
    made = turn.messages[0]["tool_calls"][0]["function"]["arguments"]
    assert (made == arguments) is (arguments in ("{}", "[]"))


def test_counts_are_exact_with_a_tokenizer(options: Options) -> None:
    blank = text_none(options(), OneAWord())
    call = {
        "function": {"name": "f", "arguments": '{"path": "/x/y z", "n": 5, "more": "a, b, c!"}'}
    }
    tool = {"type": "function", "function": {"name": "f", "description": "Do; it (now)."}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Go on, please."},
        {"role": "a", "tool_calls": [call]},
    ]
    turn = one(blank, *messages, tools=(tool,))
    count = Counter(OneAWord()).count
    made = turn.messages[1]["tool_calls"][0]["function"]["arguments"]
    assert count(made) == count(call["function"]["arguments"])
    assert count(str(turn.messages[0]["content"])) == count("Go on, please.")
    assert count(json.dumps(turn.tools[0])) == count(json.dumps(tool))
    assert blank.tokens.inexact_texts == 0
    assert blank.tokens.before == blank.tokens.after


def test_prefixes_stay_where_an_early_message_changes(options: Options) -> None:
    def prompt(clock: str) -> tuple[dict[str, str], ...]:
        return ({"role": "system", "content": f"now {clock}"}, {"role": "user", "content": "go"})

    turns = tuple(
        Turn("s", n, prompt(clock)) for n, clock in enumerate(("10:01", "10:02", "10:02"))
    )

    def shared(items: Iterator[Turn] | tuple[Turn, ...]) -> list[int]:
        prompts = [turn.messages for turn in items]
        return [common_prefix(a, b) for a, b in pairwise(prompts)]

    (session,) = text_none(options()).over([Session("s", turns)])
    assert shared(session.turns) == shared(turns) == [0, 2]
