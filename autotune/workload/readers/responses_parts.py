"""Content parts of OpenAI Responses items, in OpenAI chat shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def chat_content(value: Any) -> Any:
    """`value` as chat content: one string where all of it is text, else a list of parts.

    Parts of text are joined by newlines, as llama.cpp and vLLM do for templates that take strings.
    Anything that is neither text nor parts is no content: ``""``.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        value = _from_object(value)
    if not isinstance(value, list):
        return value if isinstance(value, str) else ""
    parts = [part for part in map(_chat_part, value) if part is not None]
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def text_of(value: Any) -> str:
    """The text of `value` (a string or parts), without images and files."""
    content = chat_content(value)
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _from_object(value: Mapping[str, Any]) -> Any:
    """Outputs of early tools are ``{content, success}``; a lone part is a list of one."""
    return value.get("content") if "content" in value else [value]


def _chat_part(part: Any) -> dict[str, Any] | None:
    """One part; ``None`` for what a chat prompt cannot hold, encrypted text above all."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, Mapping):
        return None
    text = part.get("text", part.get("refusal"))
    if isinstance(text, str):
        return {"type": "text", "text": text}
    kind = part.get("type")
    if kind in ("input_image", "computer_screenshot"):
        return _image(part)
    if kind == "input_file":
        return {"type": "file", "file": _texts(part, ("filename", "file_data", "file_id"))}
    if kind == "input_audio":
        audio = part.get("input_audio")
        known = _texts(audio, ("data", "format")) if isinstance(audio, Mapping) else {}
        return {"type": "input_audio", "input_audio": known}
    return _shell_result(part)


def _texts(values: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, str]:
    """The values of `keys` that are texts."""
    return {key: text for key in keys if isinstance(text := values.get(key), str)}


def _image(part: Mapping[str, Any]) -> dict[str, Any] | None:
    url = part.get("image_url")
    if not isinstance(url, str):
        return None
    detail = part.get("detail")
    image = {"url": url, "detail": detail} if isinstance(detail, str) else {"url": url}
    return {"type": "image_url", "image_url": image}


def _shell_result(part: Mapping[str, Any]) -> dict[str, Any] | None:
    """One command's result in a ``shell_call_output``: what it printed."""
    printed = [part.get(key) for key in ("stdout", "stderr")]
    texts = [text for text in printed if isinstance(text, str) and text]
    return {"type": "text", "text": "\n".join(texts)} if texts else None
