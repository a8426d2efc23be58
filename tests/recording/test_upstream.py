from __future__ import annotations

import pytest

from autotune.errors import UserError
from autotune.recording.upstream import parse_upstream


@pytest.mark.parametrize(
    ("address", "path", "target"),
    [
        ("http://h:8080", b"/v1/chat/completions", b"/v1/chat/completions"),
        ("http://h:8080/", b"/v1/models", b"/v1/models"),
        ("http://h:8080/v1", b"/v1/models", b"/v1/models"),
        ("http://h:8080/v1/", b"/models", b"/v1/models"),
        ("https://h/api/v1", b"/chat/completions", b"/api/v1/chat/completions"),
        ("https://h/api/v1", b"/v1", b"/api/v1"),
        ("http://h", b"/v1beta/models", b"/v1beta/models"),
        ("http://h/v1", b"/v1beta/models", b"/v1/v1beta/models"),
        ("http://h", b"/a%2Fb/%7e", b"/a%2Fb/%7e"),
        ("http://h", b"", b"/"),
        ("http://h", b"http://proxy.me/v1/x", b"/v1/x"),
        ("http://h", b"HTTP://proxy.me", b"/"),
    ],
)
def test_targets(address: str, path: bytes, target: bytes) -> None:
    upstream = parse_upstream(address)
    assert upstream.target(path, b"") == target
    assert upstream.target(path, b"a=%20&b") == target + b"?a=%20&b"


def test_what_it_is_called() -> None:
    assert str(parse_upstream(" https://api.example.com/v1/ ")) == "https://api.example.com/v1"
    assert parse_upstream("http://[::1]:80").netloc == "[::1]"
    assert parse_upstream("http://[::1]:8080").origin == "http://[::1]:8080"


@pytest.mark.parametrize("text", ["127.0.0.1:8080", "ftp://h", "http://", "", "http://h:99999999"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UserError) as error:
        parse_upstream(text)
    assert "http://127.0.0.1:8080" in error.value.hint


@pytest.mark.parametrize("text", ["http://me:secret-word@h", "http://h/?key=secret-word"])
def test_credentials_in_it_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UserError) as error:
        parse_upstream(text)
    assert "secret-word" not in error.value.message + error.value.hint
