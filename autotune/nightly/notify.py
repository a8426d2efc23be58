"""Tells a person how a night went: by a command, by a webhook, or both.

What is secret (the address of a webhook, a token) is named in the settings and held by the
environment; it is in no error, log or record. A message that cannot be sent never fails a night.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from autotune.nightly.night_record import Night, Outcome
from autotune.nightly.summary import night_markdown, night_title

if TYPE_CHECKING:
    import httpx

Form = Literal["json", "slack", "discord", "text"]
When = Literal["always", "news", "trouble", "never"]

COMMAND_TIMEOUT_S = 60.0
WEBHOOK_TIMEOUT_S = 15.0
PAUSES_S = (1.0, 5.0)
"""Before the second and the third attempt of a webhook that did not answer or was busy."""

DISCORD_LIMIT = 2000
"""Characters of a message, as Discord's API has it."""

_TROUBLE = frozenset({Outcome.FAILED, Outcome.ROLLED_BACK})
_QUIET = frozenset({Outcome.STEADY, Outcome.NOTHING})
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LIBRARIES = ("httpx", "httpcore")


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """Who is told, and when.

    `command` is a line for the shell. `webhook_env` and `token_env` are names of variables: of the
    address, and of a token that is sent as ``Authorization: Bearer``. `when` is ``news`` for
    everything but nights in which nothing changed, ``trouble`` for failed and rolled back.
    """

    command: str | None = None
    webhook_env: str | None = None
    token_env: str | None = None
    form: Form = "json"
    when: When = "always"


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: the night, and where its page is kept."""

    night: Night
    page: Path | None = None

    @property
    def title(self) -> str:
        """One line."""
        return night_title(self.night)

    @property
    def text(self) -> str:
        """Title, why, and what to do, in three lines at most."""
        lines = [self.title, self.night.why, self.night.hint]
        return "\n".join(" ".join(line.split()) for line in lines if line)


@dataclass(frozen=True, slots=True)
class Told:
    """One way that was tried: ``command`` or ``webhook``, and what went wrong, if anything."""

    way: Literal["command", "webhook"]
    problem: str | None = None


def wanted(settings: NotifySettings, outcome: Outcome) -> bool:
    """Whether a night that ended so is told."""
    if settings.when == "never":
        return False
    if settings.when == "trouble":
        return outcome in _TROUBLE
    return settings.when == "always" or outcome not in _QUIET


def notify(
    notice: Notice,
    settings: NotifySettings,
    environ: Mapping[str, str],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Told, ...]:
    """Tells it every way that is set; what went wrong comes back, and nothing is raised.

    `environ` is where secrets are looked up and what the command inherits. `sleep` waits between
    attempts of a webhook.
    """
    if not wanted(settings, notice.night.outcome):
        return ()
    told = []
    if settings.command:
        told.append(Told("command", _run(settings.command, notice, environ)))
    if settings.webhook_env:
        told.append(Told("webhook", _post(settings, notice, environ, sleep)))
    return tuple(told)


def _run(command: str, notice: Notice, environ: Mapping[str, str]) -> str | None:
    """Runs the command in the shell, with the night as JSON on stdin; what went wrong."""
    night = notice.night
    own = {
        "AUTOTUNE_NIGHT_TARGET": night.target,
        "AUTOTUNE_NIGHT_OUTCOME": night.outcome.value,
        "AUTOTUNE_NIGHT_TITLE": notice.title,
        "AUTOTUNE_NIGHT_TEXT": notice.text,
        "AUTOTUNE_NIGHT_PAGE": str(notice.page or ""),
    }
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**environ, **own},
            start_new_session=True,
        )
    except OSError as error:
        return f"the command could not be started: {error.strerror}"
    return _ended(process, json.dumps(night.to_json()).encode())


def _ended(process: subprocess.Popen[bytes], document: bytes) -> str | None:
    """What it writes is thrown away: it may hold what it knows of secrets."""
    with process:
        try:
            process.communicate(document, timeout=COMMAND_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            _kill(process)
            return f"the command did not end in {COMMAND_TIMEOUT_S:.0f} s"
    return None if process.returncode == 0 else f"the command ended with {process.returncode}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The command and what it started."""
    from contextlib import suppress
    from signal import SIGKILL

    with suppress(ProcessLookupError):
        os.killpg(process.pid, SIGKILL)


def _post(
    settings: NotifySettings,
    notice: Notice,
    environ: Mapping[str, str],
    sleep: Callable[[float], None],
) -> str | None:
    """Posts the message, again where the other side was busy; what went wrong at last."""
    import httpx

    names = [n for n in (settings.webhook_env, settings.token_env) if n]
    if missing := [n for n in names if not environ.get(n)]:
        return f"the environment variable {_name(missing[0])} is not set"
    headers, body = _message(settings.form, notice)
    if settings.token_env:
        headers["Authorization"] = f"Bearer {environ[settings.token_env].strip()}"
    address = environ[settings.webhook_env or ""].strip()
    with httpx.Client(timeout=WEBHOOK_TIMEOUT_S) as client, _silent():
        problem, again = _attempt(client, address, headers, body)
        for pause_s in PAUSES_S:
            if not again:
                break
            sleep(pause_s)
            problem, again = _attempt(client, address, headers, body)
    return problem


def _name(text: str) -> str:
    """The name of a variable; what looks like none may be the secret itself."""
    return text if _VARIABLE.fullmatch(text) else "that the settings name (it is no name)"


def _attempt(
    client: httpx.Client, address: str, headers: Mapping[str, str], body: bytes
) -> tuple[str | None, bool]:
    """What went wrong, and whether another attempt may go better.

    Errors of httpx hold the address, so they are told by their kind alone.
    """
    import httpx

    try:
        answer = client.post(address, content=body, headers=dict(headers))
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError, ValueError):
        return "the address or the token that the environment holds is not one", False
    except httpx.TimeoutException:
        return f"the webhook did not answer in {WEBHOOK_TIMEOUT_S:.0f} s", True
    except httpx.TransportError as error:
        return f"the webhook could not be reached ({type(error).__name__})", True
    if answer.is_success:
        return None, False
    busy = answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error
    return f"the webhook answered {answer.status_code}", busy


def _message(form: Form, notice: Notice) -> tuple[dict[str, str], bytes]:
    """Headers and body in the form that the other side reads."""
    if form == "text":
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        return headers, notice.text.encode()
    return {"Content-Type": "application/json"}, json.dumps(_document(form, notice)).encode()


def _document(form: Form, notice: Notice) -> dict[str, Any]:
    if form == "slack":
        return {"text": notice.text}
    if form == "discord":
        return {"content": notice.text[:DISCORD_LIMIT], "allowed_mentions": {"parse": []}}
    return {
        "title": notice.title,
        "text": notice.text,
        "target": notice.night.target,
        "outcome": notice.night.outcome.value,
        "markdown": night_markdown(notice.night),
        "night": notice.night.to_json(),
    }


@contextmanager
def _silent() -> Iterator[None]:
    """httpx logs every address that it asks."""

    def nothing(_: logging.LogRecord) -> bool:
        return False

    loggers = [logging.getLogger(name) for name in _loggers()]
    for logger in loggers:
        logger.addFilter(nothing)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(nothing)


def _loggers() -> list[str]:
    """httpx's and httpcore's, whose children have filters of their own."""
    known = logging.root.manager.loggerDict
    return [n for n in (*_LIBRARIES, *known) if n.partition(".")[0] in _LIBRARIES]
