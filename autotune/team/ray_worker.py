"""What runs on a node of a Ray cluster: an actor that keeps one worker's process.

The actor only carries messages. The worker itself is a process of its own, because an engine must
be started from a main thread (`autotune.launchers.process`) and be stopped in peace when Ray ends
the actor: `PROCESS` leaves the actor's family, and ends when the pipe to it does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
from contextlib import suppress
from typing import IO, Any

PROCESS = "autotune.cli.ray_process"
"""The module that is run on the node; nothing of its command line comes from elsewhere."""

STOP, NOW = "stop", "now"
"""What a worker's process is told: finish the trial under way; stop at once."""

EVENT, ENDED, HOST = "event", "ended", "host"
"""Keys of what it tells: an event of the search; how it ended; where it runs, first of all."""

WAIT_S = 1.0
"""How long a question for news waits for some."""


class RayWorker:
    """One worker of a shared study, on the node and the GPU that Ray gave this actor.

    Ray makes it anew, with the same settings, on another node when this one is gone. Methods are
    called from several threads.
    """

    def __init__(self, settings: str) -> None:
        self._life = uuid.uuid4().hex
        self._rows: list[dict[str, Any]] = []
        self._ended = False
        self._more = threading.Condition()
        self._orders: IO[bytes] | None = None
        try:
            self._start(settings)
        except OSError as error:
            self._take({ENDED: {"error": f"a worker cannot be started: {error.strerror}"}})

    def news(self, life: str, seen: int) -> dict[str, Any]:
        """Everything that was told after the first `seen` rows of this `life`; all of another.

        Waits for a moment where there is nothing new. ``ended`` says that nothing will follow.
        """
        first = seen if life == self._life else 0
        with self._more:
            self._more.wait_for(lambda: self._ended or len(self._rows) > first, WAIT_S)
            return {"life": self._life, "rows": self._rows[first:], "ended": self._ended}

    def stop(self, at_once: bool) -> None:
        """Finish the trial under way and end; `at_once` stops the engine now."""
        # The process may have ended by itself meanwhile.
        with suppress(OSError, ValueError):
            self._say(NOW if at_once else STOP)

    def _start(self, settings: str) -> None:
        process = subprocess.Popen(
            # -P: a module that lies in the folder Ray works in is not taken for ours.
            [sys.executable, "-P", "-m", PROCESS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self._orders = process.stdin
        self._say(json.dumps({"settings": settings, "gpus": _own_gpus()}))
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()

    def _say(self, line: str) -> None:
        if self._orders is not None:
            self._orders.write(f"{line}\n".encode())
            self._orders.flush()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Take what is told until the process is gone, whatever way it went."""
        assert process.stdout is not None
        with process.stdout as told:
            for line in told:
                with suppress(ValueError):
                    self._take(json.loads(line))
        process.wait()
        if self._orders is not None:
            with suppress(OSError):
                self._orders.close()
        if not self._ended:
            self._take({ENDED: {"lost": True}})

    def _take(self, row: dict[str, Any]) -> None:
        with self._more:
            self._rows.append(row)
            self._ended = self._ended or ENDED in row
            self._more.notify_all()


def _own_gpus() -> list[str]:
    """The GPUs that Ray gave this actor alone, as it counts or names them."""
    import ray

    ids = ray.get_runtime_context().get_accelerator_ids()
    return [str(one) for one in ids.get("GPU", [])]
