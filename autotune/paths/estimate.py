"""Prompt tokens without a tokenizer: the same estimate for every path.

The turns of one table are the same texts everywhere, and most hosted endpoints count nothing
before they are paid for. So the filler of rebuilt transcripts is measured by an estimate, and each
endpoint's own count of what it was sent is in its records. Against SmolLM2's tokenizer: code, prose
and filler within 2%, settings files and logs within 25%.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from autotune.replay.tool_links import calls_in, text_in
from autotune.workload.model import Message

TEMPLATE_TOKENS = 4
"""What a chat template adds to a message: its role and its marks."""

_LONG_WORD = 7
_PIECES = re.compile(r" ?[^\W\d_]+| ?\d{1,3}|_+|\n+ *| {2,}|[^\w\s]{1,2}|\s", re.UNICODE)
"""Cuts text about where byte-pair tokenizers do: words with the space before them, digits by
threes, marks by twos, line breaks with the indent behind them."""


def text_tokens(text: str) -> int:
    """Tokens of `text`; longer words count as several."""
    return sum(_piece(piece) for piece in _PIECES.findall(text))


def _piece(piece: str) -> int:
    letters = len(piece.lstrip())
    return -(-letters // _LONG_WORD) if letters > _LONG_WORD + 1 else 1


def prompt_tokens(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> int:
    """Tokens of a whole prompt."""
    shown = text_tokens(json.dumps(list(tools), ensure_ascii=False)) if tools else 0
    return shown + sum(TEMPLATE_TOKENS + _message(message) for message in messages)


def _message(message: Message) -> int:
    words = [text_in(message.get("content")), text_in(message.get("reasoning_content"))]
    for call in calls_in(message):
        function = call.get("function")
        if isinstance(function, Mapping):
            words += [text_in(function.get("name")), text_in(function.get("arguments"))]
    return sum(map(text_tokens, words))
