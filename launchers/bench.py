"""What a conformance check works on: an engine to start, requests to send, words to fail with.

Checks are in `checks_start`, `checks_reply` and `checks_cache`; `contract` puts them in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from autotune.candidate import Candidate
from autotune.launchers.chat import Reply, chat
from autotune.launchers.habits import forget
from autotune.launchers.process import STOP_GRACE_S, launch
from autotune.launchers.protocol import CacheArm, LaunchContext, Launcher, Server

ResultT = TypeVar("ResultT")
Messages = tuple[Mapping[str, Any], ...]


class Finding(AssertionError):  # noqa: N818  # not every finding is an error
    """Something a check has to say; `remedy` is one line that says what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Broken(Finding):
    """The engine or its launcher does not keep the contract: what is measured would be wrong."""


class Doubtful(Finding):
    """What is measured is true, but less is known of it, or other tools would be misled."""


class Undecided(Finding):
    """The check cannot be made on this engine: something it needs is missing."""


def need(kept: bool, message: str, remedy: str = "") -> None:
    """Raise `Broken` unless `kept`."""
    if not kept:
        raise Broken(message, remedy)


def every_time(look: Callable[[], ResultT], tries: int = 3) -> ResultT:
    """What `look` gives the first time it finds nothing; a finding counts if it comes every time.

    For checks that go by the clock: on a busy machine anything can be late once.
    """
    for _ in range(tries - 1):
        with suppress(Finding):
            return look()
    return look()


@dataclass(slots=True)
class Bench:
    """What checks need. `candidate` must be one that the engine can run with `model`.

    `work_dir` is theirs to fill: every launch gets a folder of its own below it. One engine is
    kept running between checks (`running`); `close` ends it.
    """

    launcher: Launcher
    model: Path
    work_dir: Path
    candidate: Candidate = field(default_factory=Candidate)
    start_timeout_s: float = 600.0
    _count: int = 0
    _prompts: int = 0
    _kept: Server | None = None

    def context(self, arm: CacheArm = CacheArm.ON, model: Path | None = None) -> LaunchContext:
        """A context with directories that nothing else uses."""
        self._count += 1
        folder = self.work_dir / f"launch-{self._count}"
        return LaunchContext(
            model=model or self.model,
            work_dir=folder,
            log_path=folder / "engine.log",
            trial_id=f"contract-{self._count}",
            cache_arm=arm,
            start_timeout_s=self.start_timeout_s,
        )

    @contextmanager
    def server(self, arm: CacheArm = CacheArm.ON) -> Iterator[Server]:
        """A fresh server for the length of a ``with``; the one that was kept is ended first."""
        self.close()
        with self.another(arm) as server:
            yield server

    @contextmanager
    def another(self, arm: CacheArm = CacheArm.ON) -> Iterator[Server]:
        """A fresh server beside any other."""
        server = launch(self.launcher, self.candidate, self.context(arm))
        try:
            yield server
        finally:
            self.launcher.stop(server)

    def running(self, arm: CacheArm = CacheArm.ON) -> Server:
        """A server in `arm` that other checks have used and will use: it knows old prompts."""
        kept = self._kept
        alive = kept is not None and kept.process.poll() is None
        if kept is None or not alive or kept.context.cache_arm is not arm:
            self.close()
            kept = self._kept = launch(self.launcher, self.candidate, self.context(arm))
        return kept

    def close(self) -> None:
        """End the server that is kept, if there is one."""
        if self._kept is not None:
            self.launcher.stop(self._kept)
            self._kept = None

    @property
    def stop_grace_s(self) -> float:
        """How long a stop may take before the engine is killed: the launcher's own, if it says."""
        return float(getattr(self.launcher, "stop_grace_s", STOP_GRACE_S))

    def prompt(self, *, long: bool = False) -> Messages:
        """Messages that no server has seen: they differ from the first word.

        About 40 tokens, or 200: more than the 128 that some engines reuse as one block.
        """
        self._prompts += 1
        return prompt_number(self._prompts, long=long)

    def ask(
        self, server: Server, output_tokens: int = 8, messages: Messages | None = None
    ) -> Reply:
        """One streamed request in the server's arm; raises `Broken` when it is refused."""
        arm = server.context.cache_arm
        if arm is CacheArm.OFF:
            forget(self.launcher, server)
        reply = chat(self.launcher, server, messages or self.prompt(), arm, output_tokens)
        if reply.status != 200:
            raise Broken(
                f"a chat completion is answered with HTTP {reply.status}: {reply.text}",
                "see that POST /v1/chat/completions takes what [request] sends",
            )
        return reply


_RULES = (
    "You are a careful programmer who answers in short sentences. "
    "Read a file before you change it. Run the tests after every change and report what failed. "
    "Keep functions small, name units, and never guess at a number that can be measured. "
)
_TASK = (
    "List the files of a small package and say what is in each. The package reads settings from a "
    "file, starts a server as a child process, waits until it answers, sends it the turns of a "
    "recorded session one after the other, writes a line for every turn and stops the server. "
    "There is a module for the settings, one for the process, one for requests, one for records "
    "and one that puts them in order; each has a test beside it. Say also which of them may "
    "import which, where errors are turned into messages, and what is written to disk when the "
    "program is interrupted in the middle of a turn. Begin with the module that starts the server."
)


def prompt_number(number: int, *, long: bool = False) -> Messages:
    """The messages of `Bench.prompt`: two of one number are equal, of two numbers not."""
    mark, task = f"{number * 7919 % 10007} is this task's mark.", _TASK
    if not long:
        return ({"role": "user", "content": f"{mark} {task.partition('. ')[0]}."},)
    return (
        {"role": "system", "content": f"{mark} {_RULES}"},
        {"role": "user", "content": task},
    )
