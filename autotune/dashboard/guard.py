"""What may be asked of the dashboard, and by whom: reading only, and under its own names only.

optuna-dashboard lets whoever reaches it delete studies, and answers under any name. A page of a
stranger in the user's browser reaches a server on loopback too: under a name of its own that it
points at 127.0.0.1, or with requests whose answers it may not read. Neither gets through here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from typing import Any

Start = Callable[..., Any]
App = Callable[[dict[str, Any], Start], Iterable[bytes]]

READS = frozenset({"GET", "HEAD"})
REFUSED = "nothing can be changed here: the dashboard shows studies as they are on disk"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_MEANT_FOR_ALL = "access-control-allow-origin"
_HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Referrer-Policy", "no-referrer"),
]


def guarded(app: App, names: Collection[str] | None) -> App:
    """`app` for reading only, by requests for one of `names`; ``None`` is any name."""

    def guard(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if names is not None and host_of(environ.get("HTTP_HOST", "")) not in names:
            return _refusal(start, "the dashboard is not known under this name")
        if environ.get("REQUEST_METHOD") not in READS:
            return _refusal(start, REFUSED)
        # It is looked up without a default there.
        environ.setdefault("HTTP_ACCEPT_ENCODING", "")
        return app(environ, _own(start))

    return guard


def host_of(header: str) -> str:
    """The name in a ``Host`` header, without its port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def _own(start: Start) -> Start:
    """Sends no header that lets other sites read, and those that keep a browser careful."""

    def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        kept = [(k, v) for k, v in headers if k.lower() != _MEANT_FOR_ALL]
        return start(status, [*kept, *_HEADERS], *more)

    return begin


def _refusal(start: Start, reason: str) -> Iterable[bytes]:
    body = json.dumps({"reason": reason}).encode()
    told = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start("403 Forbidden", [*told, *_HEADERS])
    return [body]
