"""What every launcher must keep, as checks that run without a test framework.

``autotune engine check`` runs them on a user's engine, and `autotune.testing` runs the same ones
under pytest. A check returns when the contract is kept, and raises `Broken` when it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate
from autotune.errors import AutotuneError
from autotune.launchers.chat import Reply, chat
from autotune.launchers.environment import INHERITED, PRIVATE
from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.marks import TUNER_PID, TUNER_START
from autotune.launchers.process import launch
from autotune.launchers.protocol import CacheArm, LaunchContext, Launcher, Server
from autotune.launchers.settings_check import require_same

NO_SUCH_FLAG = "autotune-no-such-flag"
_ADDED_BY_US = frozenset({TUNER_PID, TUNER_START, "CUDA_CACHE_PATH", "PYTHONUSERBASE"})
_ADDED_BY_THE_SYSTEM = frozenset({"__CF_USER_TEXT_ENCODING", "LC_CTYPE"})
_MESSAGES: tuple[Mapping[str, Any], ...] = (
    {"role": "system", "content": "You are a careful programmer who answers in short sentences."},
    {
        "role": "user",
        "content": "List the files of a small package and say what is in each.",
    },
)


class Broken(AssertionError):  # noqa: N818  # reads as what it says: the contract is broken
    """The engine or its launcher does not keep the contract."""


@dataclass(slots=True)
class Bench:
    """What checks need. `candidate` must be one that the engine can run with `model`.

    `work_dir` is theirs to fill: every launch gets a folder of its own below it.
    """

    launcher: Launcher
    model: Path
    work_dir: Path
    candidate: Candidate = field(default_factory=Candidate)
    start_timeout_s: float = 600.0
    _count: int = 0

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
        """A server for the length of a ``with``."""
        server = launch(self.launcher, self.candidate, self.context(arm))
        try:
            yield server
        finally:
            self.launcher.stop(server)

    def ask(self, server: Server, output_tokens: int = 8) -> Reply:
        """One streamed request in the server's arm; raises `Broken` when it is refused."""
        reply = chat(self.launcher, server, _MESSAGES, server.context.cache_arm, output_tokens)
        if reply.status != 200:
            raise Broken(f"a chat completion is answered with HTTP {reply.status}: {reply.text}")
        return reply


def _need(kept: bool, message: str) -> None:
    if not kept:
        raise Broken(message)


def detects(bench: Bench) -> None:
    """The engine is found, and its build can be told from another."""
    build = bench.launcher.detect()
    _need(bool(build.engine and build.path), f"detect() gives no name or no path: {build}")
    _need(len(build.binary_sha256) == 64, "detect() gives no SHA-256 of the program")
    _need(bench.launcher.detect() == build, "detect() answers differently the second time")


def command_is_pure(bench: Bench) -> None:
    """The same candidate gives the same command, and nothing is made on disk."""
    bench.launcher.detect()
    context = bench.context()
    first = bench.launcher.command(bench.candidate, context)
    again = bench.launcher.command(bench.candidate, context)
    _need(first == again, "command() gives two commands for one candidate")
    _need(not context.work_dir.exists(), f"command() made {context.work_dir}")
    _need(str(context.model) in " ".join(first.argv), "the model is not in the command")


def starts_as_asked(bench: Bench) -> None:
    """It gets ready, runs with the settings that were asked, and is gone after stop."""
    with bench.server() as server:
        require_same(server.spec.asked, bench.launcher.effective(server))
    _need(server.load_s > 0, "load_s was not set")


def stops_for_good(bench: Bench) -> None:
    """Stop ends every process of it; a second stop does nothing."""
    with bench.server() as server:
        family = _family(server)
    bench.launcher.stop(server)
    left = [process for process in family if _runs(process)]
    _need(server.process.poll() is not None, "the engine still runs after stop()")
    _need(not left, f"processes are left after stop(): {left}")


def _family(server: Server) -> list[Any]:
    import psutil

    return list(psutil.Process(server.process.pid).children(recursive=True))


def _runs(process: Any) -> bool:
    import psutil

    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def two_at_once(bench: Bench) -> None:
    """Two servers of it get two addresses."""
    with bench.server() as first, bench.server() as second:
        _need(first.base_url != second.base_url, f"two servers say {first.base_url}")


def environment_is_scrubbed(bench: Bench) -> None:
    """It sees private directories, and no variable that is not on the list."""
    import psutil

    with bench.server() as server:
        env = psutil.Process(server.process.pid).environ()
        spec = server.spec
    allowed = INHERITED | set(spec.env) | set(spec.inherit) | _ADDED_BY_US | _ADDED_BY_THE_SYSTEM
    _need(not set(env) - allowed, f"it inherits {sorted(set(env) - allowed)}")
    for name in PRIVATE:
        inside = Path(env.get(name, "/")).is_relative_to(server.context.work_dir)
        _need(inside, f"{name} is {env.get(name)}, not inside the trial's directory")


def refuses_bad_flag(bench: Bench) -> None:
    """A flag that it does not have is refused and named as such."""
    bad = bench.candidate.merged({NO_SUCH_FLAG: 1})
    kind = _failure_of(bench, bad, bench.context())
    _need(kind is FailureKind.BAD_FLAG, f"a bad flag is classified as {kind}")


def misses_model(bench: Bench) -> None:
    """A model file that is not there is refused and named as such."""
    nowhere = bench.work_dir / "no-such-model.gguf"
    kind = _failure_of(bench, bench.candidate, bench.context(model=nowhere))
    _need(kind is FailureKind.MODEL_MISSING, f"a missing model is classified as {kind}")


def _failure_of(bench: Bench, candidate: Candidate, context: LaunchContext) -> FailureKind | None:
    context = replace(context, start_timeout_s=min(context.start_timeout_s, 60.0))
    try:
        server = launch(bench.launcher, candidate, context)
    except TrialError as error:
        return error.failure.kind
    bench.launcher.stop(server)
    return None


def counts_prompts(bench: Bench) -> None:
    """`count_tokens` says what the engine then reports, where it can count."""
    with bench.server() as server:
        counted = bench.launcher.count_tokens(server, _MESSAGES, ())
        reply = bench.ask(server)
    _need(
        counted is None or counted == reply.prompt_tokens,
        f"count_tokens() says {counted}, the request reports {reply.prompt_tokens}",
    )


def pins_length(bench: Bench) -> None:
    """Replies have exactly the length that was asked, and end properly."""
    with bench.server() as server:
        for asked in (7, 13):
            reply = bench.ask(server, asked)
            got = reply.output_tokens
            _need(got == asked, f"asked for {asked} tokens, got {got}")
            _need(reply.finish_reason is not None, "the stream has no finish_reason")


def reuses_prefix(bench: Bench) -> None:
    """With the cache on, an identical second prompt reports cached tokens."""
    with bench.server() as server:
        bench.ask(server)
        cached = bench.ask(server).cached_tokens
    _need(bool(cached), f"the second identical prompt reports {cached} cached tokens")


def cold_is_cold(bench: Bench) -> None:
    """With the cache off, an identical second prompt reports none."""
    with bench.server(CacheArm.OFF) as server:
        bench.ask(server)
        cached = bench.ask(server).cached_tokens
    _need(cached == 0, f"the cache is off and {cached} cached tokens are reported")


Check = Callable[[Bench], None]

CHECKS: tuple[Check, ...] = (
    detects,
    command_is_pure,
    starts_as_asked,
    stops_for_good,
    two_at_once,
    environment_is_scrubbed,
    refuses_bad_flag,
    misses_model,
    counts_prompts,
    pins_length,
    reuses_prefix,
    cold_is_cold,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check: `problem` is ``None`` when the contract is kept."""

    name: str
    about: str
    problem: str | None


def run_checks(bench: Bench, checks: tuple[Check, ...] = CHECKS) -> Iterator[Outcome]:
    """Run every check, one after the other; an error of the engine is a problem, not an end."""
    for check in checks:
        name = check.__name__.replace("_", "-")
        about = (check.__doc__ or "").strip().splitlines()[0]
        yield Outcome(name, about, _problem(check, bench))


def _problem(check: Check, bench: Bench) -> str | None:
    try:
        check(bench)
    except (Broken, AutotuneError, OSError, ValueError) as error:
        return str(error)
    return None
