"""Content of the Anthropic Messages API as the content of a chat message."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Part = dict[str, Any]
Block = Mapping[str, Any]

_NOT_TEXT = frozenset({"cache_control", "signature", "encrypted_content", "citations"})


def blocks_of(content: Any) -> list[Block]:
    """Content as its blocks; a string is one text block. Raises `ValueError` for anything else."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise ValueError("content: neither text nor blocks")
    return [_block(item) for item in content]


def _block(item: Any) -> Block:
    if isinstance(item, str):
        return {"type": "text", "text": item}
    if not is_block(item):
        raise ValueError("content: every block needs a type")
    block: Block = item
    return block


def is_block(item: Any) -> bool:
    """Whether `item` may stand in a list of blocks: it has a type, or is text."""
    if isinstance(item, Mapping):
        return isinstance(item.get("type"), str)
    return isinstance(item, str)


def content_of(blocks: Sequence[Block]) -> str | list[Part]:
    """Blocks as the content of a chat message: one string, or parts where there is media.

    Text blocks become lines of one string, as servers do for templates that take strings only, so
    that the same text is the same message however it was cut into blocks.
    """
    return joined(parts_of(blocks))


def joined(parts: Sequence[Part]) -> str | list[Part]:
    """Parts as content: see `content_of`."""
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return list(parts)


def parts_of(blocks: Sequence[Block]) -> list[Part]:
    """Blocks as OpenAI content parts, ``cache_control`` left out."""
    parts: list[Part] = []
    for block in blocks:
        parts.extend(_document(block) if block["type"] == "document" else [_part(block)])
    return parts


def _part(block: Block) -> Part:
    kind = block["type"]
    if kind == "text":
        return _text(block.get("text"))
    if kind == "image":
        return _image(block.get("source"))
    return _text(compact_json({key: value for key, value in block.items() if key not in _NOT_TEXT}))


def compact_json(value: Any) -> str:
    """`value` as JSON without spaces, keys in order. Raises `ValueError` where it is too deep."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise ValueError("content: nested too deeply") from None


def _text(text: Any) -> Part:
    if not isinstance(text, str):
        raise ValueError("content: a text block without text")
    return {"type": "text", "text": text}


def _image(source: Any) -> Part:
    url = _url(source)
    return {"type": "image_url", "image_url": {"url": url}} if url else _text("[image]")


def _url(source: Any) -> str | None:
    """Where the bytes are: an address, or the bytes themselves as a ``data:`` address."""
    if not isinstance(source, Mapping):
        return None
    if isinstance(source.get("url"), str):
        return str(source["url"])
    data, media = source.get("data"), source.get("media_type")
    return f"data:{media};base64,{data}" if isinstance(data, str) and data else None


def _document(block: Block) -> list[Part]:
    """A document: its text, or a file part for bytes. Its title and context come first."""
    heads = [block[key] for key in ("title", "context") if isinstance(block.get(key), str)]
    return [*map(_text, heads), *_body(block.get("source"))]


def _body(source: Any) -> list[Part]:
    kind = source.get("type") if isinstance(source, Mapping) else None
    if kind == "text":
        return [_text(source.get("data"))]
    if kind == "content":
        return [_part(inner) for inner in blocks_of(source.get("content"))]
    url = _url(source)
    return [{"type": "file", "file": {"file_data": url}}] if url else [_text("[document]")]
