"""A preset: read back by Python's INI reader and by the grammar of llama.cpp."""

from __future__ import annotations

import configparser
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.export.llama_preset import render_llama_preset
from autotune.export.model import ExportConfig, ExportProvenance
from autotune.export.options import ExportOptions


def by_python(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def by_grammar(text: str) -> dict[str, dict[str, str]]:
    """``common/preset.cpp``: a value ends where blanks and ``;``, ``#`` or the line's end begin."""
    found: dict[str, dict[str, str]] = {}
    for line in re.split(r"\r\n|\n|\r", text):
        if header := re.fullmatch(r"\[[ \t]*([^]]+)\][ \t]*([;#].*)?", line):
            section = found.setdefault(header[1], {})
        elif pair := re.fullmatch(
            r"([A-Za-z_][\w.-]*)[ \t]*=[ \t]*(.*?)[ \t]*([;#].*)?", line, re.DOTALL
        ):
            section[pair[1]] = pair[2]
        else:
            assert re.fullmatch(r"[ \t]*([;#].*)?", line), line
    return found


@pytest.mark.parametrize("read", [by_python, by_grammar])
def test_both_read_the_same(llama: ExportConfig, read: object) -> None:
    assert callable(read)
    text = render_llama_preset(llama, ExportOptions(name="fast"))
    assert read(text) == {
        "fast": {
            "model": "/models/it's tiny.gguf",
            "fit": "off",
            "slots": "true",
            "no-context-shift": "true",
            "batch-size": "512",
            "no-kv-unified": "true",
            "poll": "7",
        }
    }
    assert text.startswith("; Written by autotune")
    assert "with CUDA_VISIBLE_DEVICES=GPU-" in text


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--chat-template", "a;b"], "cannot hold chat-template"),
        (["--chat-template", "a\nb"], "cannot hold chat-template"),
        (["--chat-template", "a "], "cannot hold chat-template"),
        (["--lora-scaled", "/a", "0.5"], "two values"),
        (["-ngl", "99"], "no key for -ngl"),
        (["--model", "tiny.gguf"], "is relative"),
    ],
)
def test_what_ini_cannot_say_is_refused(llama: ExportConfig, argv: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        render_llama_preset(replace(llama, argv=("llama-server", *argv)), ExportOptions())


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_value_is_read_back_or_refused(value: str) -> None:
    argv = ("llama-server", f"--chat-template={value}")
    config = ExportConfig({}, {}, argv, {}, ExportProvenance("s"))
    try:
        text = render_llama_preset(config, ExportOptions(name="m"))
    except UserError:
        return
    assert by_grammar(text) == {"m": {"chat-template": value}}
