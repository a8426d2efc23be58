"""The body of a request, encoded before any clock starts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from autotune.replay.endpoint import Endpoint
from autotune.replay.rendering import render
from autotune.replay.tool_links import linked
from autotune.workload.model import Message


def encode_body(
    endpoint: Endpoint,
    messages: Sequence[Message],
    tools: Sequence[Mapping[str, Any]],
    output_tokens: int | None,
) -> bytes:
    """A body in the endpoint's dialect as UTF-8 JSON; keys and strings stay as they came in.

    Tools travel with ``tool_choice: none`` unless the endpoint's own fields say otherwise. The
    definitions still stand in the prompt, but nothing is parsed or constrained by a grammar: a
    grammar that has reached its end allows nothing but the end token, which a pinned length
    forbids. Without tools ``tool_choice`` is left out, as some services refuse it then.
    """
    rendered = render(messages, tools, endpoint.rendering)
    strict = endpoint.strict_tools or endpoint.dialect.strict
    shown = linked(rendered.messages) if strict else rendered.messages
    body = endpoint.dialect.body(endpoint.model_name, shown, rendered.tools)
    body |= endpoint.request_fields(_at_least(output_tokens, endpoint.least_output_tokens))
    if not rendered.tools:
        body.pop("tool_choice", None)
    return _encode(body)


def _at_least(tokens: int | None, least: int) -> int | None:
    return None if tokens is None else max(tokens, least)


def _encode(body: Mapping[str, Any]) -> bytes:
    """Lone surrogates, which JSON can hold and UTF-8 cannot, become question marks."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=_plain_value)
    return text.encode("utf-8", errors="replace")


def _plain_value(value: object) -> object:
    """Read-only mappings are objects too."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")
