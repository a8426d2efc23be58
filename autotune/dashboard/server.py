"""The dashboard as a server: optuna-dashboard's own application behind a guard, in threads."""

from __future__ import annotations

import logging
import re
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from autotune.dashboard.answers import with_importances, with_style
from autotune.dashboard.extra import check_extra
from autotune.dashboard.found import Sources
from autotune.dashboard.guard import LOOPBACK, App, Start, guarded

_POLL_S = 0.1
_STUDY = re.compile(r"/(?:api/studies|artifacts|csv)/(\d+)")


def dashboard_app(sources: Sources, names: frozenset[str] | None = LOOPBACK) -> App:
    """The WSGI application that shows `sources` to who asks for one of `names`.

    Raises `MachineError` where optuna-dashboard is not installed.
    """
    check_extra()
    import optuna
    import optuna_dashboard

    from autotune.dashboard.shelf import Shelf
    from autotune.dashboard.storage import ReadOnlyStorage

    # What goes wrong is told in the page, and to the reader: not as tracebacks on the terminal.
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    logging.getLogger("optuna_dashboard").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"optuna(_dashboard)?\.")
    shelf = Shelf()
    storage = ReadOnlyStorage(sources, shelf)
    app: Any = optuna_dashboard.wsgi(storage, artifact_store=shelf)
    answering = with_style(with_importances(app, storage.importances))
    return guarded(_noting(answering, storage.opened), names)


def _noting(app: App, opened: Callable[[int], None]) -> App:
    """`app`, telling `opened` which study is looked at."""

    def note(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if told := _STUDY.match(environ.get("PATH_INFO", "")):
            opened(int(told[1]))
        return app(environ, start)

    return note


class _Handler(WSGIRequestHandler):
    """Says nothing of requests."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is the user's."""

    def address_string(self) -> str:
        """The address as it is: looking names up takes seconds where there is no network."""
        return str(self.client_address[0])


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a request; none is waited for at the end."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(listener: socket.socket, app: App) -> Iterator[None]:
    """`app` answers on `listener`, which listens already, until the block ends."""
    host, port = listener.getsockname()[:2]
    server = _Server((host, port), _Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.server_name, server.server_port = str(host), int(port)
    server.setup_environ()
    server.set_app(app)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
