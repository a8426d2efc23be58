"""llama-server in router mode: a preset is loaded, and its model is a server of its own.

The router prints what its children print after ``[port]``. A child listens on this machine, so it
is asked like any other llama-server; requests go to the router, as they will in use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from autotune.candidate import Setting
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.http import ask, ask_ok, dig
from autotune.launchers.llama_server import LlamaServerLauncher
from autotune.launchers.protocol import Server

_CHILD = re.compile(r"^\[ *(\d+)\] (.*)$", re.MULTILINE)
_SPAWNED = re.compile(r"spawning server instance with name=(\S+) on port (\d+)")


class RouterLauncher(LlamaServerLauncher):
    """A llama-server whose model `section` of a preset is loaded before it counts as ready."""

    def __init__(self, engine_path: Path | None, section: str) -> None:
        super().__init__(engine_path)
        self.model_name = section
        self._asked = False

    def ready(self, server: Server) -> bool:
        """Whether the model is loaded and is ours; asks for it once.

        Raises `TrialError` when the preset has no such model or the model does not load.
        """
        if ask_ok(server.base_url, "/health") is None:
            return False
        if not self._asked:
            ask(server.base_url, "/models/load", {"model": self.model_name})
            self._asked = True
        if not self._loaded(server):
            return False
        return super().ready(child_of(server))

    def _loaded(self, server: Server) -> bool:
        listed = dig(_body(server, "/models"), "data")
        rows = listed if isinstance(listed, list) else []
        row = next((row for row in rows if dig(row, "id") == self.model_name), None)
        if row is None:
            raise TrialError(
                Failure(FailureKind.BAD_FLAG, f"the preset has no section [{self.model_name}]")
            )
        if dig(row, "status.failed") is True:
            raise TrialError(self.failure(server.log_text(), 1))
        return bool(dig(row, "status.value") == "loaded")

    def effective(self, server: Server) -> Mapping[str, Setting]:
        """What the child says."""
        return super().effective(child_of(server))

    def count_tokens(
        self, server: Server, messages: tuple[Mapping[str, Any], ...], tools: tuple[Any, ...]
    ) -> int | None:
        """By the child."""
        return super().count_tokens(child_of(server), messages, tools)


def child_of(server: Server) -> Server:
    """The loaded model as a server: its address, and a log with its own lines only."""
    text = server.log_text()
    spawned = _SPAWNED.findall(text)
    if not spawned:
        message = "the router did not say where it started the model"
        raise TrialError(Failure(FailureKind.BAD_REPLY, message))
    port = spawned[-1][1]
    path = server.context.log_path.with_suffix(".child.log")
    path.write_text(child_log(text, port), encoding="utf-8")
    host = server.base_url.rpartition(":")[0]
    context = replace(server.context, log_path=path)
    return Server(server.process, f"{host}:{port}", server.spec, context, server.load_s)


def child_log(log_text: str, port: str) -> str:
    """The lines of the child on `port`, without the port in front."""
    return "".join(f"{line}\n" for of, line in _CHILD.findall(log_text) if of == port)


def _body(server: Server, path: str) -> Any:
    answer = ask_ok(server.base_url, path)
    return answer.body if answer is not None else None
