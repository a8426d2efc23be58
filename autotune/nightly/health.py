"""Whether what serves now serves what was exported: asked of the endpoint, and of its process.

Nothing here starts or stops anything, and the engine is somebody else's: what it says by HTTP, the
command line that it was started with and since when it runs is all that can be known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any

from autotune.candidate import Setting
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions, service_name
from autotune.launchers.http import dig
from autotune.launchers.settings_check import differences
from autotune.nightly.generations import Generation
from autotune.nightly.serving_engine import EngineSays, engine_says
from autotune.nightly.serving_process import ServingProcess, contradictions, serving_process
from autotune.paths.address import parse_address
from autotune.replay.http import Answer, Http, HttpBroken, HttpSilent

READ_TIMEOUT_S = 60.0
START_S = 600.0
"""How long an engine may take to load and answer."""

SETTLE_S = 30.0
"""How long one that answers may say something else: the old one may be about to end."""

POLL_S = 1.0
REPLY_TOKENS = 16
SLACK = timedelta(seconds=5)
"""A process's start is told by the kernel's clock, which a set clock leaves behind."""


_PROMPT = ({"role": "user", "content": "Say hello in one short sentence."},)
_UP = "/v1/models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What was found. `problems` are why it is not healthy, `checked` what was looked at.

    `unread` are exported settings that neither the engine nor its command line tells.
    """

    problems: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    waited_s: float = 0.0

    @property
    def healthy(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.problems

    @property
    def text(self) -> str:
        """One line."""
        if self.problems:
            return "; ".join(self.problems)
        return f"healthy: {', '.join(self.checked)}" if self.checked else "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is waited for what. `sleep` and `clock` are the machine's."""

    start_s: float = START_S
    settle_s: float = SETTLE_S
    poll_s: float = POLL_S
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


USUAL_PATIENCE = Patience()


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What should serve, and where. `url` is as a person writes it.

    `model` is what requests call it, where a person named it. `headers` may hold a key. `since` is
    when the config went live, where an engine that is older cannot know of it.
    """

    url: str
    config: ExportConfig
    model: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    since: datetime | None = None

    @property
    def base_url(self) -> str:
        """Without a slash and without ``/v1``. Raises `UserError` for what is no URL."""
        return parse_address(self.url).base_url

    @property
    def names(self) -> frozenset[str]:
        """What an engine or a proxy may call the exported model."""
        config = self.config
        path = str(config.full_settings.get("model") or config.provenance.model or "")
        alias = config.full_settings.get("alias") or config.full_settings.get("served-model-name")
        file = PurePath(path).name
        usual = {path, file, PurePath(path).stem, service_name(config, ExportOptions())}
        return frozenset({*usual, str(alias or ""), self.model or ""} - {""})


def check_health(serving: Serving, patience: Patience = USUAL_PATIENCE) -> Health:
    """Waits until it is healthy, or until it is clear that it will not be.

    Raises `UserError` for a URL that is none; everything else is a problem of the result.
    """
    began_s = patience.clock()
    answering_s: float | None = None
    while True:
        found = look(serving)
        now_s = patience.clock()
        if found.answers and answering_s is None:
            answering_s = now_s
        settled = answering_s is not None and now_s - answering_s >= patience.settle_s
        if found.health.healthy or settled or now_s - began_s >= patience.start_s:
            return replace(found.health, waited_s=round(now_s - began_s, 1))
        patience.sleep(patience.poll_s)


def health_check(
    url: str,
    *,
    model: str | None = None,
    headers: Mapping[str, str] | None = None,
    patience: Patience = USUAL_PATIENCE,
) -> Callable[[Generation, datetime | None], Health]:
    """What asks the endpoint at `url` about a generation; arguments as in `Serving`.

    It raises `UserError` for a URL that is none.
    """

    def check(generation: Generation, since: datetime | None) -> Health:
        serving = Serving(
            url=url, config=generation.config(), model=model, headers=headers or {}, since=since
        )
        return check_health(serving, patience)

    return check


@dataclass(frozen=True, slots=True)
class Look:
    """One look. `answers` is whether there is a server that is up, whatever it serves."""

    answers: bool
    health: Health


def look(serving: Serving) -> Look:
    """Asks everything once."""
    http = Http(read_timeout_s=READ_TIMEOUT_S, keep_alive=False)
    try:
        return _look(serving, http)
    finally:
        http.close()


def _look(serving: Serving, http: Http) -> Look:
    listed, problem = _models(serving, http)
    if problem is not None:
        return Look(False, Health(problems=(problem,)))
    says = engine_says(serving.config, serving.base_url)
    process = serving_process(serving.base_url)
    identity = _identity(serving, listed, says)
    settings = _settings(serving, says, process)
    reply = _reply(serving, http, _asked_name(serving, listed))
    return Look(True, _joined([identity, settings, *_age(serving, process), reply]))


def _joined(parts: list[Health]) -> Health:
    return Health(
        problems=tuple(text for part in parts for text in part.problems),
        checked=tuple(text for part in parts for text in part.checked),
        unread=tuple(name for part in parts for name in part.unread),
        notes=tuple(text for part in parts for text in part.notes),
    )


def _models(serving: Serving, http: Http) -> tuple[tuple[str, ...], str | None]:
    """The models that are listed; or why nothing can be asked."""
    answer = _answer(lambda: http.get_json(f"{serving.base_url}{_UP}", serving.headers))
    if isinstance(answer, str):
        return (), f"{serving.base_url} does not answer: {answer}"
    if answer.status != 200:
        return (), f"{serving.base_url}{_UP} answers HTTP {answer.status}{_why(answer.body)}"
    rows = dig(answer.body, "data")
    ids = [dig(row, "id") for row in rows] if isinstance(rows, list) else []
    return tuple(name for name in ids if isinstance(name, str)), None


def _answer(ask: Callable[[], Answer]) -> Answer | str:
    """The answer, or why there is none."""
    try:
        return ask()
    except HttpSilent:
        return f"nothing within {READ_TIMEOUT_S:.0f} s"
    except HttpBroken as error:
        return str(error) or "the connection broke"


def _why(body: Any) -> str:
    error = dig(body, "error.message") or dig(body, "error")
    return f": {' '.join(str(error).split())[:200]}" if error else ""


def _identity(serving: Serving, listed: tuple[str, ...], says: EngineSays) -> Health:
    """Whether it is the exported model."""
    if says.other_model is not None:
        return Health(problems=(says.other_model,))
    known = [name for name in listed if _is_named(name, serving.names)]
    if known:
        return Health(checked=(f"it serves {PurePath(known[0]).name}",))
    if says.own_model:
        return Health(checked=("it says that it serves the exported model",))
    served = ", ".join(listed[:4]) or "no model"
    return Health(problems=(f"it serves {served}, exported was {_exported(serving)}",))


def _exported(serving: Serving) -> str:
    return serving.model or PurePath(max(serving.names, key=len, default="?")).name


def _is_named(name: str, names: frozenset[str]) -> bool:
    return name in names or PurePath(name).name in names


def _asked_name(serving: Serving, listed: tuple[str, ...]) -> str:
    """What the request calls the model."""
    if serving.model is not None:
        return serving.model
    known = [name for name in listed if _is_named(name, serving.names)]
    return next(iter([*known, *listed]), _exported(serving))


def _settings(serving: Serving, says: EngineSays, process: ServingProcess | None) -> Health:
    """What the engine says that it runs with, and what its command line says otherwise."""
    asked = {n: v for n, v in serving.config.full_settings.items() if n != "model"}
    wrong = differences(asked, says.settings)
    told, otherwise = contradictions(serving.config, process)
    known = (says.settings.keys() & asked.keys()) | told
    against = tuple(text for name, text in otherwise if name not in says.settings)
    text = f"{len(known)} of {len(asked)} settings read back"
    return Health(
        problems=(*wrong, *against),
        checked=(text,) if asked else (),
        unread=tuple(sorted(_differing(serving.config) - known)),
    )


def _differing(config: ExportConfig) -> set[str]:
    """Those that are not the engine's own defaults: what the export is about."""
    settings: Mapping[str, Setting] = config.settings
    return {name for name in settings if name != "model"}


def _age(serving: Serving, process: ServingProcess | None) -> list[Health]:
    """Whether the engine was started after the config went live, where its process can be seen."""
    if process is None or serving.since is None:
        return []
    who = f"process {process.pid} ({process.name})"
    if process.started_at >= serving.since - SLACK:
        return [Health(checked=("its process is new",))]
    told = f"{who} was started before the new config was in place"
    if process.is_engine:
        return [Health(problems=(f"{told}: the after hook did not restart it",))]
    return [Health(notes=(told,))]


def _reply(serving: Serving, http: Http, model: str) -> Health:
    """One short reply."""
    body = {
        "model": model,
        "messages": list(_PROMPT),
        "max_tokens": REPLY_TOKENS,
        "temperature": 0,
        "stream": False,
    }
    url = f"{serving.base_url}/v1/chat/completions"
    answer = _answer(lambda: http.post_json(url, body, serving.headers))
    if isinstance(answer, str):
        return Health(problems=(f"a short request was not answered: {answer}",))
    if answer.status != 200:
        told = f"a short request was refused with HTTP {answer.status}{_why(answer.body)}"
        return Health(problems=(told,))
    if not _has_text(answer.body):
        return Health(problems=("a short request got a reply without a word in it",))
    return Health(checked=("it replies",))


def _has_text(body: Any) -> bool:
    message = dig(body, "choices.0.message")
    texts = [dig(message, key) for key in ("content", "reasoning_content", "reasoning")]
    return any(isinstance(text, str) and text.strip() for text in texts)
