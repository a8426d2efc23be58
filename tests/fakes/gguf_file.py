"""A GGUF file that holds metadata and no tensors, written by hand after the GGUF v3 layout."""

from __future__ import annotations

import struct
from pathlib import Path

_UINT32, _STRING = 4, 8

LLAMA: dict[str, int | str] = {
    "general.architecture": "llama",
    "general.name": "fake",
    "llama.block_count": 2,
    "llama.context_length": 32768,
    "llama.embedding_length": 256,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
}


def write_gguf(path: Path, metadata: dict[str, int | str] | None = None) -> None:
    """Magic, version 3, no tensors, then the key-value pairs."""
    pairs = LLAMA if metadata is None else metadata
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs))
    path.write_bytes(head + b"".join(_pair(k, v) for k, v in pairs.items()))


def _pair(key: str, value: int | str) -> bytes:
    if isinstance(value, int):
        return _text(key) + struct.pack("<II", _UINT32, value)
    return _text(key) + struct.pack("<I", _STRING) + _text(value)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data
