"""Telling a person: a real command, and a real HTTP server."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from autotune.nightly import notify as module
from autotune.nightly.night_record import Night, Outcome
from autotune.nightly.notify import (
    DISCORD_LIMIT,
    Notice,
    NotifySettings,
    Told,
    notify,
    wanted,
)

SECRET = "s3cr3t-path"
TOKEN = "tok-3n"


class Server:
    """Answers with the codes that it is given, one a request; the last one stays."""

    def __init__(self) -> None:
        self.codes = [200]
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.seen.append((self.path, dict(self.headers), body))
                code = outer.codes.pop(0) if len(outer.codes) > 1 else outer.codes[0]
                self.send_response(code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on stderr."""

        self.http = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/hooks/{SECRET}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


@pytest.fixture
def notice(full_night: Night) -> Notice:
    return Notice(full_night, Path("/nights/night.md"))


def post(
    notice: Notice, server: Server | None, sleeps: list[float] | None = None, **fields: Any
) -> tuple[Told, ...]:
    environ = {"HOOK": server.address if server else "", "TOKEN": TOKEN}
    settings = NotifySettings(webhook_env="HOOK", **fields)
    return notify(notice, settings, environ, sleep=(sleeps if sleeps is not None else []).append)


def test_the_webhook_has_the_whole_night(notice: Notice, server: Server) -> None:
    assert post(notice, server) == (Told("webhook"),)
    ((path, headers, body),) = server.seen
    message = json.loads(body)
    assert path == f"/hooks/{SECRET}"
    assert headers["Content-Type"] == "application/json"
    assert "Authorization" not in headers
    assert message["title"] == "coder: a new config is live (1.31x)"
    assert (message["target"], message["outcome"]) == ("coder", "promoted")
    assert message["markdown"].startswith("# coder")
    assert Night.from_json(message["night"], "body") == notice.night


@pytest.mark.parametrize(("form", "key"), [("slack", "text"), ("discord", "content")])
def test_other_forms_have_the_text(notice: Notice, server: Server, form: Any, key: str) -> None:
    post(notice, server, form=form)
    assert json.loads(server.seen[0][2])[key] == (
        "coder: a new config is live (1.31x)\n"
        "trial 7 beats the config in use on 6 held-out sessions"
    )


def test_text_is_plain(notice: Notice, server: Server) -> None:
    post(notice, server, form="text", token_env="TOKEN")
    _, headers, body = server.seen[0]
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert body.decode() == notice.text


def test_a_long_text_fits_into_discord(make_night: Callable[..., Night], server: Server) -> None:
    post(Notice(make_night(why="x" * 5000)), server, form="discord")
    assert len(json.loads(server.seen[0][2])["content"]) == DISCORD_LIMIT


def test_a_busy_server_is_asked_again(notice: Notice, server: Server) -> None:
    server.codes = [503, 429, 204]
    sleeps: list[float] = []
    assert post(notice, server, sleeps) == (Told("webhook"),)
    assert (len(server.seen), sleeps) == (3, [1.0, 5.0])


@pytest.mark.parametrize(("code", "asked"), [(500, 3), (404, 1), (301, 1)])
def test_what_it_answers_is_told(notice: Notice, server: Server, code: int, asked: int) -> None:
    server.codes = [code]
    assert post(notice, server) == (Told("webhook", f"the webhook answered {code}"),)
    assert len(server.seen) == asked


def test_no_server_is_told_and_not_raised(notice: Notice, server: Server) -> None:
    settings = NotifySettings(webhook_env="HOOK")
    environ = {"HOOK": f"http://127.0.0.1:1/{SECRET}"}
    told = notify(notice, settings, environ, sleep=lambda _: None)
    assert told == (Told("webhook", "the webhook could not be reached (ConnectError)"),)


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({}, "the environment variable HOOK is not set"),
        ({"HOOK": "http://x"}, "the environment variable TOKEN is not set"),
        ({"HOOK": f"ftp://{SECRET}/", "TOKEN": TOKEN}, "that the environment holds is not one"),
        ({"HOOK": SECRET, "TOKEN": TOKEN}, "that the environment holds is not one"),
        ({"HOOK": f"http://{SECRET}:no/", "TOKEN": TOKEN}, "that the environment holds is not one"),
        ({"HOOK": "http://127.0.0.1:1/", "TOKEN": "ü"}, "that the environment holds is not one"),
    ],
)
def test_what_is_set_wrong_is_told_without_it(
    notice: Notice, environ: dict[str, str], problem: str
) -> None:
    settings = NotifySettings(webhook_env="HOOK", token_env="TOKEN")
    (told,) = notify(notice, settings, environ, sleep=lambda _: None)
    assert problem in (told.problem or "")
    assert SECRET not in (told.problem or "")


def test_an_address_written_as_a_name_is_not_told(notice: Notice) -> None:
    (told,) = notify(notice, NotifySettings(webhook_env=f"https://x/{SECRET}"), {})
    assert told.problem == (
        "the environment variable that the settings name (it is no name) is not set"
    )


def test_secrets_are_in_no_log(
    notice: Notice, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.codes = [503, 200]
    with caplog.at_level(logging.DEBUG):
        post(notice, server, token_env="TOKEN")
        notify(notice, NotifySettings(webhook_env="H"), {"H": f"http://127.0.0.1:1/{SECRET}"},
               sleep=lambda _: None)  # fmt: skip
    assert SECRET not in caplog.text
    assert TOKEN not in caplog.text
    with caplog.at_level(logging.INFO):
        logging.getLogger("httpx").info("heard again")
    assert "heard again" in caplog.text


def test_a_command_gets_the_night(notice: Notice, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = f'(echo "$AUTOTUNE_NIGHT_TITLE|$AUTOTUNE_NIGHT_PAGE|$OWN"; cat) > {out}'
    told = notify(notice, NotifySettings(command=command), {"PATH": "/usr/bin:/bin", "OWN": "x"})
    assert told == (Told("command"),)
    first, _, rest = out.read_text().partition("\n")
    assert first == "coder: a new config is live (1.31x)|/nights/night.md|x"
    assert Night.from_json(json.loads(rest), "stdin") == notice.night


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("exit 0", None),  # it need not read what it gets
        (f"echo {SECRET} >&2; exit 7", "the command ended with 7"),
        ("no-such-program", "the command ended with 127"),
    ],
)
def test_what_became_of_a_command(notice: Notice, command: str, problem: str | None) -> None:
    told = notify(notice, NotifySettings(command=command), {"PATH": "/usr/bin:/bin"})
    assert told == (Told("command", problem),)


def test_a_command_that_hangs_is_ended(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMMAND_TIMEOUT_S", 0.05)
    told = notify(notice, NotifySettings(command="sleep 30; true"), {"PATH": "/usr/bin:/bin"})
    assert told == (Told("command", "the command did not end in 0 s"),)


def test_both_ways_are_tried(notice: Notice, server: Server) -> None:
    settings = NotifySettings(command="exit 1", webhook_env="HOOK")
    told = notify(notice, settings, {"HOOK": server.address, "PATH": "/bin"})
    assert [t.way for t in told] == ["command", "webhook"]
    assert (told[0].problem, told[1].problem) == ("the command ended with 1", None)
    assert notify(notice, NotifySettings(), {}) == ()


@pytest.mark.parametrize(
    ("when", "heard"),
    [
        ("always", set(Outcome)),
        ("news", set(Outcome) - {Outcome.STEADY, Outcome.NOTHING}),
        ("trouble", {Outcome.FAILED, Outcome.ROLLED_BACK}),
        ("never", set()),
    ],
)
def test_when_it_is_told(when: Any, heard: set[Outcome]) -> None:
    settings = NotifySettings(when=when)
    assert {outcome for outcome in Outcome if wanted(settings, outcome)} == heard


def test_what_is_not_wanted_is_not_told(make_night: Callable[..., Night], server: Server) -> None:
    assert post(Notice(make_night()), server, when="news") == ()
    assert server.seen == []
