"""The reference engine, as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError
from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.process import launch
from autotune.launchers.program import flags_in
from autotune.launchers.protocol import LaunchContext, Launcher, Server
from autotune.launchers.registry import make_launcher
from autotune.launchers.settings_check import differences
from autotune.search.space_build import build_space
from autotune.search.space_circumstances import SYMBOLS
from autotune.search.space_file import overlay_on, shipped_space

MakeContext = Callable[..., LaunchContext]
StopLater = Callable[[Server], Server]
PROGRAM = [sys.executable, "-m", "autotune.launchers.reference_engine"]
SMALL: dict[str, Setting] = {"ctx-size": 512, "parallel": 1, "threads": 1, "warmup": False}


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *args], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("--model", "m", "--frobnicate", "3"), "error: invalid argument: --frobnicate"),
        (
            ("--model", "m", "--ctx-size", "x"),
            'error: error while handling argument "--ctx-size": x',
        ),
        (
            ("--model", "m", "--cache-type-k", "q9"),
            'error: error while handling argument "--cache-type-k": q9',
        ),
        (
            ("--model", "m", "--spec-type", "magic"),
            'error: error while handling argument "--spec-type": magic',
        ),
        (("--ctx-size", "512"), "error: expected value for argument: --model"),
    ],
)
def test_refuses_like_llama_server(
    reference_launcher: Launcher, args: tuple[str, ...], line: str
) -> None:
    done = run(*args)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == line
    assert reference_launcher.failure(done.stderr, 1).kind is FailureKind.BAD_FLAG


def test_takes_the_names_of_its_search_space() -> None:
    """Of all that is searched on a processor; drafts of a second model it does not make."""
    file = shipped_space("llama-server")
    space = build_space(
        file,
        overlay_on(file, "cpu"),
        dict.fromkeys(SYMBOLS, 8),
        pins={},
        allow_quality_change=True,
        rolling_state=True,
    )
    assert {*space.names, *space.fixed} <= flags_in(run("--help").stdout)


def test_every_setting_is_read_back_as_asked(
    reference_launcher: Launcher,
    smollm2: Path,
    launch_context: MakeContext,
    stop_later: StopLater,
) -> None:
    asked: dict[str, Setting] = {
        **SMALL,
        "ctx-size": 1000,
        "parallel": 3,
        "kv-unified": False,
        "batch-size": 4096,
        "ubatch-size": 128,
        "cache-type-k": "q8_0",
        "cache-type-v": "q8_0",
        "flash-attn": "on",
        "cache-ram": 100,
        "cache-reuse": 32,
        "cache-idle-slots": False,
        "ctx-checkpoints": 5,
        "poll": 0,
        "prio": 0,
        "op-offload": False,
        "repack": False,
        "load-mode": "none",
        "slot-prompt-similarity": 0.3,
        "spec-type": "ngram-simple",
        "spec-ngram-simple-size-n": 4,
        "spec-ngram-simple-size-m": 16,
    }
    server = stop_later(launch(reference_launcher, Candidate(asked), launch_context(smollm2)))
    effective = reference_launcher.effective(server)
    assert set(asked) <= set(effective)
    assert differences(asked, effective) == ()
    assert effective["ctx-size"] == 1536
    assert effective["batch-size"] == 1000


def test_defaults_are_llama_servers(
    reference_launcher: Launcher,
    smollm2: Path,
    launch_context: MakeContext,
    stop_later: StopLater,
) -> None:
    candidate = Candidate({"ctx-size": 1024, "threads": 1, "warmup": False})
    server = stop_later(launch(reference_launcher, candidate, launch_context(smollm2)))
    effective = reference_launcher.effective(server)
    expected = {"parallel": 4, "kv-unified": True, "batch-size": 1024, "ubatch-size": 512}
    expected |= {"cache-ram": 8192, "cache-idle-slots": True, "ctx-checkpoints": 32}
    assert {name: effective[name] for name in expected} == expected
    assert effective["threads-batch"] == 1


def test_sigterm_ends_it_cleanly(
    reference_launcher: Launcher,
    smollm2: Path,
    launch_context: MakeContext,
    stop_later: StopLater,
) -> None:
    server = stop_later(launch(reference_launcher, Candidate(SMALL), launch_context(smollm2)))
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0


def test_a_broken_model_file(
    reference_launcher: Launcher, tmp_path: Path, launch_context: MakeContext
) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + bytes(200))
    with pytest.raises(TrialError) as caught:
        launch(reference_launcher, Candidate(SMALL), launch_context(path))
    assert caught.value.failure.kind is FailureKind.LOAD_ERROR


def test_a_cache_that_does_not_fit(
    reference_launcher: Launcher, smollm2: Path, launch_context: MakeContext
) -> None:
    """16 million cells of 45 KiB are 720 GB."""
    huge = Candidate(
        {**SMALL, "ctx-size": 16_000_000, "cache-type-k": "f32", "cache-type-v": "f32"}
    )
    with pytest.raises(TrialError) as caught:
        launch(reference_launcher, huge, launch_context(smollm2))
    assert caught.value.failure.kind is FailureKind.OUT_OF_MEMORY


def test_without_its_extra_the_hint_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A folder before site-packages hides xllamacpp behind a module that cannot be imported."""
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('not here')", encoding="utf-8")
    manifest = Path(str(_shipped())).read_text(encoding="utf-8")
    hidden = manifest.replace("[command]\n", '[command]\ninherit = ["PYTHONPATH"]\n')
    (tmp_path / "reference.toml").write_text(hidden, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MachineError, match="xllamacpp cannot be imported") as caught:
        make_launcher(str(tmp_path / "reference.toml")).detect()
    assert caught.value.hint == "run: pip install 'autotune-serving[reference]'"


def _shipped() -> object:
    from importlib.resources import files

    return files("autotune.launchers") / "manifests" / "reference.toml"


def test_it_ends_with_the_process_that_started_it(
    smollm2: Path, reference_launcher: Launcher, tmp_path: Path
) -> None:
    argv = [*PROGRAM, "--model", str(smollm2), "--port", "0", "--exit-with-parent"]
    argv += ["--ctx-size", "256", "--no-warmup", "--threads", "1"]
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE, text=True)\n"
        "for line in child.stderr:\n"
        "    if 'reference engine: listening' in line: break\n"
        "print(child.pid, flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *argv],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    _wait_gone(int(done.stdout))


def _wait_gone(pid: int) -> None:
    import time

    import psutil

    deadline_s = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline_s, f"process {pid} outlives its parent"
        time.sleep(0.05)
