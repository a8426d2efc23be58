"""The process of one worker of this host's crew: see `autotune.team.crew`.

It is light to import: the worker keeps to its processors before anything counts them.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autotune.team.crew import JobEnd, Work

LAST_S = 50.0
"""After which a process that was told to stop at once and does not is ended with its engine."""


def main(processors: frozenset[int] | None, pipe: Connection) -> None:
    """Do the work that comes down `pipe`, and tell how it ended."""
    _leave_terminal()
    if processors is not None:
        os.sched_setaffinity(0, processors)
    logging.disable(logging.WARNING)  # what Optuna logs is not for a terminal of several workers
    worker = _Worker(pipe)
    end = worker.ended()
    worker.over.set()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker.send(end)


def _leave_terminal() -> None:
    """A session of its own: Ctrl-C is for the process that watches, which passes it on."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class _Worker:
    """The work, and the words that come while it is done."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.stop = threading.Event()
        self.over = threading.Event()
        self._interrupted = False

    def ended(self) -> JobEnd:
        """How the work ended. The boundary: whatever happens is told and not lost."""
        from autotune.cli.errors import unexpected
        from autotune.errors import AutotuneError, ExitCode
        from autotune.team.crew import JobEnd

        try:
            return self._do()
        except AutotuneError as error:
            return _failed(error)
        except KeyboardInterrupt:
            return JobEnd(exit_code=int(ExitCode.INTERRUPTED))
        except Exception as error:  # noqa: BLE001  # as in `autotune.cli.main`: a bug is told
            traceback.print_exc()
            return _failed(unexpected(error))

    def send(self, said: Any) -> None:
        """To the process that watches, in one piece. Where that is gone, the end of the pipe says
        so too."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.pipe.send(said)
        except OSError:
            self.stop.set()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _do(self) -> JobEnd:
        from autotune.search.events import TurnDone

        work: Work | str = self.pipe.recv()
        if isinstance(work, str):  # told to stop before it was told what to do
            raise KeyboardInterrupt
        signal.signal(signal.SIGINT, self._interrupt)
        signal.signal(signal.SIGTERM, lambda *_: self.stop.set())
        threading.Thread(target=self._listen, daemon=True).start()
        # Turns end many times a second over all the workers, and nobody follows them all.
        return work.do(lambda e: None if isinstance(e, TurnDone) else self.send(e), self.stop)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """Interrupts the first time: a second time would break the engine's stop."""
        self.stop.set()
        if not self._interrupted:
            self._interrupted = True
            raise KeyboardInterrupt

    def _listen(self) -> None:
        """Hear words until the one that ends it, or the end of the pipe."""
        from autotune.team.crew import STOP

        word = STOP
        while word == STOP:
            try:
                word = self.pipe.recv()
            except (EOFError, OSError):
                break
            self.stop.set()
        self.stop.set()
        if self.over.is_set():
            return
        main_thread = threading.main_thread().ident
        assert main_thread is not None
        signal.pthread_kill(main_thread, signal.SIGINT)
        if not self.over.wait(LAST_S):
            sys.stderr.write("told to stop at once, and did not: ending\n")
            os._exit(3)


def _failed(error: Exception) -> JobEnd:
    from autotune.errors import AutotuneError
    from autotune.team.crew import JobEnd

    assert isinstance(error, AutotuneError)
    return JobEnd(exit_code=int(error.exit_code), error=error.message, hint=error.hint)
