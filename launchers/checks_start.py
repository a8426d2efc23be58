"""Checks of a launch: found, started as asked, stopped for good, refused with a reason.

A check's docstring is shown to people: what it asks, and after a blank line why a measurement
needs it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from autotune.candidate import Candidate
from autotune.launchers.bench import Bench, Broken, Doubtful, Undecided, need
from autotune.launchers.environment import INHERITED, PRIVATE
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.habits import habits_of
from autotune.launchers.marks import TUNER_PID, TUNER_START
from autotune.launchers.process import launch
from autotune.launchers.protocol import LaunchContext, Server
from autotune.launchers.settings_check import differences

NO_SUCH_FLAG = "autotune-no-such-flag"
_ADDED_BY_US = frozenset({TUNER_PID, TUNER_START, "CUDA_CACHE_PATH", "PYTHONUSERBASE"})
_ADDED_BY_SHELLS = {"PWD", "OLDPWD", "SHLVL", "_"}
_ADDED_BY_THE_SYSTEM = frozenset({"__CF_USER_TEXT_ENCODING", "LC_CTYPE"} | _ADDED_BY_SHELLS)
_POLL_S = 0.02


def detects(bench: Bench) -> None:
    """The engine is found, and its build can be told from another.

    A study is only continued on the build that it was begun on.
    """
    build = bench.launcher.detect()
    need(bool(build.engine and build.path), f"detect() gives no name or no path: {build}")
    need(len(build.binary_sha256) == 64, "detect() gives no SHA-256 of the program")
    need(bench.launcher.detect() == build, "detect() answers differently the second time")


def command_is_pure(bench: Bench) -> None:
    """The same candidate gives the same command, and nothing is made on disk.

    What --dry-run shows, what is launched and what is exported must be one command.
    """
    bench.launcher.detect()
    context = bench.context()
    first = bench.launcher.command(bench.candidate, context)
    again = bench.launcher.command(bench.candidate, context)
    need(first == again, "command() gives two commands for one candidate")
    need(not context.work_dir.exists(), f"command() made {context.work_dir}")
    stated = " ".join((*first.argv, *first.env.values()))
    need(
        str(context.model) in stated,
        "the model is not in the command",
        "put {model} into [command] argv",
    )


def starts_as_asked(bench: Bench) -> None:
    """It gets ready and runs with the settings that were asked.

    A candidate that the engine changed by itself would be scored under settings it did not have.
    """
    server = bench.running()
    found = differences(server.spec.asked, bench.launcher.effective(server))
    need(
        not found,
        f"{FailureKind.SETTINGS_DIFFER}: " + "; ".join(found),
        "ask for what the engine allows, or mend what [[effective]] reads",
    )
    need(server.load_s > 0, "load_s was not set")


def reads_settings_back(bench: Bench) -> None:
    """What it really runs with can be read from it.

    A flag that is silently ignored or lowered cannot be told from one that makes no difference.
    """
    effective = bench.launcher.effective(bench.running())
    asked = bench.candidate.settings
    unread = [name for name in asked if name not in effective]
    remedy = "name a path or a log line under [[effective]] for as many settings as you can"
    if not effective:
        raise Doubtful("no setting can be read back from the running engine", remedy)
    if asked and len(unread) == len(asked):
        raise Doubtful(f"none of the settings asked can be read back: {', '.join(unread)}", remedy)


def stops_when_asked(bench: Bench) -> None:
    """SIGTERM ends it and every process it started, in time.

    What is left holds memory and processor time that the next trial is then measured without.
    """
    grace_s = bench.stop_grace_s
    with bench.server() as server:
        family = _family(server)
        server.process.terminate()
        deadline_s = time.monotonic() + grace_s
        ended = _wait_ended(server, deadline_s)
        left = _wait_gone(family, deadline_s) if ended else []
        # Named while they run: what is left is killed when this block ends.
        names = _named(left)
    need(
        ended,
        f"it runs on {grace_s:g} s after SIGTERM and has to be killed",
        "let SIGTERM end it, or allow it more time: [stop] timeout_s",
    )
    need(
        not left,
        f"it ends and leaves {names} running",
        "end child processes before the parent goes, and wait for them",
    )


def _wait_ended(server: Server, deadline_s: float) -> bool:
    while server.process.poll() is None and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    return server.process.poll() is not None


def _wait_gone(family: list[Any], deadline_s: float) -> list[Any]:
    while (left := [p for p in family if _runs(p)]) and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    return left


def _named(processes: list[Any]) -> str:
    import psutil

    words = []
    for process in processes:
        try:
            words.append(f"{process.name()} (process {process.pid})")
        except psutil.Error:
            words.append(f"process {process.pid}")
    return ", ".join(words)


def stops_for_good(bench: Bench) -> None:
    """Stop ends every process of it, whatever it takes; a second stop does nothing.

    Two engines on one GPU measure each other.
    """
    with bench.server() as server:
        family = _family(server)
    bench.launcher.stop(server)
    left = [process for process in family if _runs(process)]
    need(server.process.poll() is not None, "the engine still runs after stop()")
    need(not left, f"processes are left after stop(): {left}")


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
    """Two servers of it get two addresses.

    A fixed port may be somebody else's, whose answers would be measured.
    """
    if habits_of(bench.launcher).alone:
        raise Undecided("it refuses to run beside another of its kind")
    with bench.server() as first:
        try:
            with bench.another() as second:
                same = first.base_url == second.base_url
        except TrialError as error:
            if error.failure.kind is FailureKind.OUT_OF_MEMORY:
                raise Undecided(f"no room for two: {error.failure.message}") from error
            raise Broken(
                f"a second server does not start beside the first: {error}",
                'let it take a port that is free: [address] port = "free"',
            ) from error
    need(not same, f"two servers say {first.base_url}")


def environment_is_scrubbed(bench: Bench) -> None:
    """It sees private directories, and no variable that is not on the list.

    A variable or a config file of yours would be part of every result, unseen.
    """
    import psutil

    server = bench.running()
    env = psutil.Process(server.process.pid).environ()
    spec = server.spec
    allowed = INHERITED | set(spec.env) | set(spec.inherit) | _ADDED_BY_US | _ADDED_BY_THE_SYSTEM
    need(not set(env) - allowed, f"it inherits {sorted(set(env) - allowed)}")
    for name in PRIVATE:
        inside = Path(env.get(name, "/")).is_relative_to(server.context.work_dir)
        need(inside, f"{name} is {env.get(name)}, not inside the trial's directory")


def refuses_bad_flag(bench: Bench) -> None:
    """A flag that it does not have is refused and named as such.

    A flag that is swallowed would be scored as if it had been set.
    """
    bad = bench.candidate.merged({NO_SUCH_FLAG: 1})
    failure = _failure_of(bench, bad, bench.context())
    remedy = "name the engine's help in [command] help, and its words in a [[failure]] bad-flag"
    need(failure is not None, f"it starts with --{NO_SUCH_FLAG}, which it cannot have", remedy)
    _need_kind(failure, FailureKind.BAD_FLAG, "a bad flag", remedy)


def misses_model(bench: Bench) -> None:
    """A model file that is not there is refused and named as such.

    Otherwise a typing mistake is taken for a configuration that crashes.
    """
    nowhere = bench.work_dir / "no-such-model.gguf"
    failure = _failure_of(bench, bench.candidate, bench.context(model=nowhere))
    remedy = "give the engine's words a [[failure]] with kind model-missing"
    need(failure is not None, f"it starts without the model {nowhere}", remedy)
    _need_kind(failure, FailureKind.MODEL_MISSING, "a missing model", remedy)


def _need_kind(failure: Failure | None, wanted: FailureKind, what: str, remedy: str) -> None:
    if failure is not None and failure.kind is not wanted:
        words = failure.evidence or failure.message
        raise Broken(f"{what} is classified as {failure.kind}: {words}", remedy)


def _failure_of(bench: Bench, candidate: Candidate, context: LaunchContext) -> Failure | None:
    """Why the launch fails; ``None`` when it does not."""
    bench.close()
    context = replace(context, start_timeout_s=min(context.start_timeout_s, 60.0))
    try:
        server = launch(bench.launcher, candidate, context)
    except TrialError as error:
        return error.failure
    bench.launcher.stop(server)
    return None
