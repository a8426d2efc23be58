"""What autotune answers in the place of optuna-dashboard, or does to its answers.

Its page is served without the buttons that would change a study. Which settings matter is told as
``autotune study show`` tells it: optuna-dashboard works shares out from the second trial on, of
whole measurements only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autotune.dashboard.guard import App, Start

_ICONS = ("AddBox", "DriveFileRenameOutline", "Delete", "Edit", "StopCircle")
_BUTTONS = ",".join(f'button:has([data-testid="{icon}Icon"])' for icon in _ICONS)
_CARD = '.MuiCard-root:not(:has(.MuiCard-root)):has([data-testid="UploadFileIcon"])'
STYLE = f"<style>{_BUTTONS},{_CARD}{{display:none!important}}</style>".encode()
"""Hides what the guard refuses anyway: create, rename, delete, edit, end a trial, upload."""

_IMPORTANCES = re.compile(r"/api/studies/(\d+)/param_importances/?")
_CACHED = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH", "HTTP_RANGE")

Shares = Mapping[str, float]


def with_style(app: App) -> App:
    """`app` whose pages have no buttons that change anything."""

    def styled(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith("/dashboard"):
            return app(environ, start)
        whole = {name: value for name, value in environ.items() if name not in _CACHED}
        told: list[Any] = []
        parts = app(whole, lambda *words: told.append(words))
        try:
            body = b"".join(parts).replace(b"</head>", STYLE + b"</head>", 1)
        finally:
            getattr(parts, "close", lambda: None)()
        status, headers = told[0][:2]
        kept = [(k, v) for k, v in headers if k.lower() not in ("content-length", "last-modified")]
        start(status, [*kept, ("Content-Length", str(len(body)))])
        return [body]

    return styled


def with_importances(app: App, shares: Callable[[int], Shares]) -> App:
    """`app`, but which settings matter in a study is what `shares` says."""

    def answered(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        asked = _IMPORTANCES.fullmatch(environ.get("PATH_INFO", ""))
        if asked is None:
            return app(environ, start)
        try:
            rows = shares(int(asked[1]))
        except KeyError:
            return app(environ, start)
        body = json.dumps({"param_importances": [_rows(rows)]}).encode()
        told = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start("200 OK", told)
        return [body]

    return answered


def _rows(shares: Shares) -> list[dict[str, Any]]:
    kind = "CategoricalDistribution"
    return [{"name": n, "importance": value, "distribution": kind} for n, value in shares.items()]
