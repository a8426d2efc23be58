from __future__ import annotations

import pytest

from autotune.recording.headers import (
    header,
    readable_only,
    secrets_of,
    strike_out,
    through,
    to_upstream,
)


def test_headers_of_the_connection_end_here_and_the_rest_keeps_its_order() -> None:
    sent = [
        (b"Set-Cookie", b"a=1"),
        (b"Connection", b"close, X-Hop"),
        (b"x-hop", b"1"),
        (b"TE", b"trailers"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Set-Cookie", b"b=2"),
    ]
    assert through(sent) == [(b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")]


def test_a_request_names_the_upstream_and_keeps_how_its_body_comes() -> None:
    sent = [(b"host", b"me"), (b"expect", b"100-continue"), (b"content-length", b"3")]
    assert to_upstream(sent, b"them") == [(b"host", b"them"), (b"content-length", b"3")]
    chunked = [(b"transfer-encoding", b"chunked"), (b"content-length", b"3")]
    assert to_upstream(chunked, b"them") == [(b"host", b"them"), (b"transfer-encoding", b"chunked")]


@pytest.mark.parametrize(
    ("value", "kept", "struck"),
    [
        (b"gzip, deflate;q=0.5,zstd", b"gzip, deflate;q=0.5,zstd", ()),
        (b"gzip;q=0.8, br, *;q=0.1", b"gzip;q=0.8", ("br", "*")),
        (b"br", b"identity", ("br",)),
        (b"", b"", ()),
    ],
)
def test_only_encodings_that_can_be_read_are_asked_for(
    value: bytes, kept: bytes, struck: tuple[str, ...]
) -> None:
    headers, left_out = readable_only([(b"accept-encoding", value), (b"x", b"br")])
    assert headers == [(b"accept-encoding", kept), (b"x", b"br")]
    assert left_out == struck


def test_no_accept_encoding_stays_none() -> None:
    assert readable_only([(b"x", b"1")]) == ([(b"x", b"1")], ())


def test_secrets_are_found_wherever_credentials_travel() -> None:
    headers = [
        (b"Authorization", b"Bearer sk-abcdef"),
        (b"x-api-key", b"key-number-two"),
        (b"Cookie", b"session=cookie-value; b=2"),
        (b"x-goog-api-key", b"goog-key-33"),
        (b"user-agent", b"agent/1.0 (linux)"),
    ]
    found = secrets_of(headers, b"key=query-secret&v=1")
    assert {"sk-abcdef", "key-number-two", "cookie-value", "goog-key-33", "query-secret"} <= set(
        found
    )
    assert "agent/1.0" not in found
    assert "2" not in found
    said = strike_out("bad key Bearer sk-abcdef, also query-secret and key-number-two.", found)
    assert said == "bad key [redacted], also [redacted] and [redacted]."


def test_a_header_is_found_in_any_case() -> None:
    assert header([(b"Content-Type", b" text/plain ")], b"content-type") == "text/plain"
    assert header([], b"content-type") == ""
