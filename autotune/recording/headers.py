"""Headers on their way through, and the secrets among them that must never be written down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import parse_qsl

from autotune.recording.apis import Header

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""RFC 9110, section 7.6.1: between two neighbours only. ``Connection`` names more of them."""

READABLE_ENCODINGS = frozenset({"gzip", "x-gzip", "deflate", "zstd", "identity"})
"""Content encodings that a reply is recorded from."""

_SENSITIVE = re.compile(rb"auth|key|token|secret|cookie|password|credential")
_SHORTEST_SECRET = 6
"""Shorter values are words and flags; striking them out would leave holes in every message."""


def through(headers: Iterable[Header]) -> list[Header]:
    """`headers` without those that end at this hop, in their order, repeated ones kept."""
    listed = list(headers)
    dropped = _HOP_BY_HOP | _named_by_connection(listed)
    return [(name, value) for name, value in listed if name.lower() not in dropped]


def _named_by_connection(headers: Sequence[Header]) -> set[bytes]:
    values = [value for name, value in headers if name.lower() == b"connection"]
    return {word.strip().lower() for value in values for word in value.split(b",")}


def to_upstream(headers: Sequence[Header], host: bytes) -> list[Header]:
    """A client's headers as the upstream gets them; `host` is the upstream's own.

    A chunked body stays chunked. ``Expect`` was answered here.
    """
    kept = [(n, v) for n, v in through(headers) if n not in (b"host", b"expect")]
    if header(headers, b"transfer-encoding"):
        kept = [(n, v) for n, v in kept if n != b"content-length"]
        kept.append((b"transfer-encoding", b"chunked"))
    return [(b"host", host), *kept]


def header(headers: Iterable[Header], name: bytes) -> str:
    """The first value of a header, stripped; empty where it is absent."""
    found = next((value for key, value in headers if key.lower() == name), b"")
    return found.decode("latin-1").strip()


def readable_only(headers: Sequence[Header]) -> tuple[list[Header], tuple[str, ...]]:
    """`headers` that ask for replies which can be read here, and the encodings struck out.

    Without ``Accept-Encoding`` the server chooses, and servers choose none; it stays absent.
    """
    struck: list[str] = []
    kept = [(n, _readable(v, struck) if n == b"accept-encoding" else v) for n, v in headers]
    return kept, tuple(struck)


def _readable(value: bytes, struck: list[str]) -> bytes:
    """An ``Accept-Encoding`` without what cannot be read; untouched where all of it can."""
    parts = [part.strip() for part in value.decode("latin-1").split(",") if part.strip()]
    names = [part.partition(";")[0].strip().lower() for part in parts]
    unreadable = [name for name in names if name not in READABLE_ENCODINGS]
    if not unreadable:
        return value
    struck.extend(unreadable)
    kept = [p for p, name in zip(parts, names, strict=True) if name in READABLE_ENCODINGS]
    return (", ".join(kept) or "identity").encode("latin-1")


def secrets_of(headers: Iterable[Header], query: bytes) -> tuple[str, ...]:
    """Values that came in headers of authority or in the query, longest first.

    Kept in memory while their request is under way, to strike them out of an error message that
    repeats them.
    """
    found = {text for text in _secret_values(headers, query) if len(text) >= _SHORTEST_SECRET}
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def _secret_values(headers: Iterable[Header], query: bytes) -> Iterator[str]:
    for name, value in headers:
        if _SENSITIVE.search(name.lower()):
            text = value.decode("latin-1")
            yield text
            yield from re.split(r"[\s;,=]+", text)
    yield from (value for _, value in parse_qsl(query.decode("latin-1")))


def strike_out(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced by ``[redacted]``."""
    for secret in secrets:
        text = text.replace(secret, "[redacted]")
    return text
