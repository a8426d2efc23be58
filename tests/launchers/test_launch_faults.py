"""Every way an engine fails to start, with a real process, and what it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autotune.candidate import Candidate
from autotune.errors import MachineError
from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.process import free_port, launch
from autotune.launchers.protocol import LaunchContext, Launcher, Server
from autotune.launchers.settings_check import require_same

MakeLauncher = Callable[..., Launcher]
MakeContext = Callable[..., LaunchContext]
StopLater = Callable[[Server], Server]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("die-during-load", FailureKind.LOAD_ERROR),
        ("crash-during-load", FailureKind.CRASH),
        ("oom-during-load", FailureKind.OUT_OF_MEMORY),
        ("port-taken", FailureKind.PORT_TAKEN),
        ("wrong-model", FailureKind.WRONG_SERVER),
    ],
)
def test_a_start_that_fails_is_named(
    fake_launcher: MakeLauncher,
    fake_model: Path,
    launch_context: MakeContext,
    fault: str,
    kind: FailureKind,
) -> None:
    with pytest.raises(TrialError) as caught:
        launch(fake_launcher(fault), Candidate(), launch_context(fake_model))
    assert caught.value.failure.kind is kind


def test_a_crash_names_its_signal(
    fake_launcher: MakeLauncher, fake_model: Path, launch_context: MakeContext
) -> None:
    with pytest.raises(TrialError, match="ended by SIGABRT"):
        launch(fake_launcher("crash-during-load"), Candidate(), launch_context(fake_model))


def test_an_engine_that_never_gets_ready_is_given_up_and_ended(
    fake_launcher: MakeLauncher,
    fake_model: Path,
    launch_context: MakeContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    launcher = fake_launcher("never-ready")
    stopped: list[Server] = []
    stop = launcher.stop

    def remember(server: Server) -> None:
        stopped.append(server)
        stop(server)

    monkeypatch.setattr(launcher, "stop", remember)
    context = launch_context(fake_model, start_timeout_s=0.5)
    with pytest.raises(TrialError) as caught:
        launch(launcher, Candidate(), context)
    assert caught.value.failure.kind is FailureKind.TIMEOUT
    assert "within 0.5 s" in caught.value.failure.message
    assert stopped[0].process.poll() is not None


def test_an_engine_that_loads_slowly_is_waited_for(
    fake_launcher: MakeLauncher,
    fake_model: Path,
    launch_context: MakeContext,
    stop_later: StopLater,
) -> None:
    server = stop_later(launch(fake_launcher("slow-load"), Candidate(), launch_context(fake_model)))
    assert server.load_s >= 0.3


def test_a_bad_flag_is_refused_before_anything_starts(
    fake_launcher: MakeLauncher, fake_model: Path, launch_context: MakeContext
) -> None:
    context = launch_context(fake_model)
    with pytest.raises(TrialError) as caught:
        launch(fake_launcher(), Candidate({"frobnicate": 3}), context)
    assert caught.value.failure.kind is FailureKind.BAD_FLAG
    assert not context.log_path.exists()


def test_a_bad_flag_is_named_by_the_engine_where_its_help_was_not_asked(
    fake_launcher: MakeLauncher, fake_model: Path, launch_context: MakeContext
) -> None:
    launcher = fake_launcher(command={"help": []})
    with pytest.raises(TrialError) as caught:
        launch(launcher, Candidate({"frobnicate": 3}), launch_context(fake_model))
    assert caught.value.failure.kind is FailureKind.BAD_FLAG
    assert caught.value.failure.evidence == "error: invalid argument: --frobnicate"


def test_settings_that_differ_are_named(
    fake_launcher: MakeLauncher,
    fake_model: Path,
    launch_context: MakeContext,
    stop_later: StopLater,
) -> None:
    launcher = fake_launcher("wrong-settings")
    candidate = Candidate({"ubatch-size": 256, "threads": 1})
    server = stop_later(launch(launcher, candidate, launch_context(fake_model)))
    with pytest.raises(TrialError) as caught:
        require_same(server.spec.asked, launcher.effective(server))
    assert caught.value.failure.kind is FailureKind.SETTINGS_DIFFER
    assert caught.value.failure.message == "ubatch-size: asked 256, runs with 128"


def test_another_server_on_the_port_is_not_taken_for_ours(
    fake_launcher: MakeLauncher,
    fake_model: Path,
    launch_context: MakeContext,
    stop_later: StopLater,
) -> None:
    """Both serve the same model and our child is alive: only the socket's owner tells."""
    other = stop_later(launch(fake_launcher(), Candidate(), launch_context(fake_model)))
    port = int(other.base_url.rpartition(":")[2])
    ours = fake_launcher(address={"log": None, "port": port}, extra_argv=("--port", "0"))
    with pytest.raises(TrialError) as caught:
        launch(ours, Candidate(), launch_context(fake_model))
    assert caught.value.failure.kind is FailureKind.WRONG_SERVER
    assert str(other.process.pid) in caught.value.failure.message


def test_an_engine_that_announces_nothing_gets_a_free_port(
    fake_launcher: MakeLauncher,
    fake_model: Path,
    launch_context: MakeContext,
    stop_later: StopLater,
) -> None:
    launcher = fake_launcher(address={"log": None, "port": "free"})
    context = replace(launch_context(fake_model), port=free_port("127.0.0.1"))
    server = stop_later(launch(launcher, Candidate(), context))
    assert server.base_url == f"http://127.0.0.1:{context.port}"


def test_a_program_that_is_not_there_is_the_machines_fault(
    fake_launcher: MakeLauncher, fake_model: Path, launch_context: MakeContext
) -> None:
    launcher = fake_launcher(command={"argv": ["no-such-engine", "{settings}"]})
    with pytest.raises(MachineError, match="no program no-such-engine"):
        launch(launcher, Candidate(), launch_context(fake_model))
