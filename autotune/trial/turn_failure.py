"""Why a turn failed, as a failure of the candidate: what the engine's log says of it."""

from __future__ import annotations

from autotune.launchers.failure import Failure, FailureKind
from autotune.launchers.protocol import Launcher, Server
from autotune.records import TurnRecord


def explained(bad: TurnRecord, launcher: Launcher, server: Server) -> Failure:
    """The failed turn `bad`, explained by the log when the engine died of it.

    To be asked before the server is stopped.
    """
    kind = FailureKind(bad.failure or FailureKind.BAD_REPLY)
    where = f"session {bad.session_id} turn {bad.turn}"
    if kind is FailureKind.CRASH:
        returncode = server.process.poll()
        cause = launcher.failure(server.log_text(), returncode)
        if returncode is None and cause.kind is FailureKind.TIMEOUT:
            cause = Failure(kind, "the engine runs, and is not well", cause.evidence)
        return Failure(cause.kind, f"{where}: {cause.message}", cause.evidence)
    return Failure(kind, f"{where}: {bad.detail or kind.value}")
