"""Who gets through to the dashboard, and with which headers its answers leave."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from autotune.dashboard.guard import LOOPBACK, REFUSED, Start, guarded, host_of

CAREFUL = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
}


@dataclass
class Inner:
    """An app that lets everybody read, and keeps what it was asked."""

    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        self.asked.append(environ)
        start("200 OK", [("access-control-ALLOW-origin", "*"), ("X-Own", "kept")])
        return [b"told"]


@dataclass
class Answer:
    status: str
    headers: dict[str, str]
    body: bytes


def ask(inner: Inner, names: Collection[str] | None = LOOPBACK, **environ: str) -> Answer:
    begun: list[tuple[str, list[tuple[str, str]]]] = []
    asked = {"REQUEST_METHOD": "GET", "HTTP_HOST": "localhost:8080", **environ}
    body = guarded(inner, names)(asked, lambda status, headers: begun.append((status, headers)))
    ((status, headers),) = begun
    return Answer(status, dict(headers), b"".join(body))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_gets_through_and_no_other_site_may_read_along(method: str) -> None:
    answer = ask(Inner(), REQUEST_METHOD=method)
    assert (answer.status, answer.body) == ("200 OK", b"told")
    assert answer.headers == {"X-Own": "kept", **CAREFUL}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", ""])
def test_all_else_is_refused_before_the_app_hears_of_it(method: str) -> None:
    inner = Inner()
    answer = ask(inner, REQUEST_METHOD=method)
    assert answer.status == "403 Forbidden"
    assert json.loads(answer.body) == {"reason": REFUSED}
    told = {"Content-Type": "application/json", "Content-Length": str(len(answer.body))}
    assert answer.headers == {**told, **CAREFUL}
    assert inner.asked == []


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8080", "[::2]:80", ""])
def test_other_names_are_refused(host: str) -> None:
    inner = Inner()
    answer = ask(inner, HTTP_HOST=host)
    assert answer.status == "403 Forbidden"
    assert json.loads(answer.body) == {"reason": "the dashboard is not known under this name"}
    assert inner.asked == []


@pytest.mark.parametrize("host", ["localhost", "LocalHost:1", "127.0.0.1:8080", "[::1]:8080"])
def test_names_of_loopback_get_through(host: str) -> None:
    assert ask(Inner(), HTTP_HOST=host).status == "200 OK"


def test_any_name_reads_where_none_is_asked_for_and_still_changes_nothing() -> None:
    assert ask(Inner(), None, HTTP_HOST="box.lan").status == "200 OK"
    answer = ask(Inner(), None, HTTP_HOST="box.lan", REQUEST_METHOD="DELETE")
    assert answer.status == "403 Forbidden"


def test_a_request_without_a_host_is_for_no_name() -> None:
    statuses: list[str] = []
    list(guarded(Inner(), LOOPBACK)({"REQUEST_METHOD": "GET"}, lambda s, _: statuses.append(s)))
    assert statuses == ["403 Forbidden"]


def test_the_app_always_finds_which_encodings_are_accepted() -> None:
    inner = Inner()
    ask(inner)
    ask(inner, HTTP_ACCEPT_ENCODING="gzip")
    assert [environ["HTTP_ACCEPT_ENCODING"] for environ in inner.asked] == ["", "gzip"]


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("Box.LAN:80", "box.lan"), ("10.0.0.1", "10.0.0.1"),
        ("[::1]:80", "::1"), ("[FE80::1]", "fe80::1"), ("", ""),
    ],
)  # fmt: skip
def test_hosts_are_names_without_ports_and_brackets(header: str, host: str) -> None:
    assert host_of(header) == host
