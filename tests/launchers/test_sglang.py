"""The SGLang launcher against a fake that keeps SGLang 0.5.23's protocol, as a real process."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from engine_program import make_program

from autotune.candidate import Candidate
from autotune.errors import MachineError
from autotune.launchers.chat import chat
from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.http import ask
from autotune.launchers.process import launch
from autotune.launchers.protocol import CacheArm, LaunchContext, Server
from autotune.launchers.settings_check import differences
from autotune.launchers.sglang import SglangLauncher
from autotune.testing import LauncherConformance

MakeContext = Callable[..., LaunchContext]
StopLater = Callable[[Server], Server]
Make = Callable[..., SglangLauncher]

TOOLS = ({"type": "function", "function": {"name": "ls", "parameters": {"type": "object"}}},)
HELLO = ({"role": "user", "content": "say hello to everybody in this room"},)


def runs(process: psutil.Process) -> bool:
    """Whether it still executes; where nobody reaps, the dead stay listed."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """``make("no-ready")``: a launcher of the fake with these faults."""

    def launcher(*faults: str) -> SglangLauncher:
        return SglangLauncher(make_program(tmp_path / "bin", "sglang", "fake_sglang.py", *faults))

    return launcher


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A Hugging Face folder, as far as the fake looks."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.fixture
def run(
    make: Make, model: Path, launch_context: MakeContext, stop_later: StopLater
) -> Callable[..., Server]:
    """``run("no-ready", settings={...}, arm=CacheArm.OFF)``: a running fake."""

    def started(
        *faults: str,
        settings: dict[str, int | str | bool] | None = None,
        arm: CacheArm = CacheArm.ON,
    ) -> Server:
        context = launch_context(model, cache_arm=arm, start_timeout_s=20.0)
        return stop_later(launch(make(*faults), Candidate(settings or {}), context))

    return started


class TestSglang(LauncherConformance):
    @pytest.fixture
    def launcher(self, make: Make) -> SglangLauncher:
        return make()

    @pytest.fixture
    def model(self, model: Path) -> Path:
        return model

    @pytest.fixture
    def candidate(self) -> Candidate:
        return Candidate(
            {"chunked-prefill-size": 2048, "page-size": 16, "mem-fraction-static": 0.8}
        )


def test_the_build_is_what_the_program_says(make: Make) -> None:
    build = make().detect()
    assert build.version == "0.5.23"
    assert {"mem-fraction-static", "disable-radix-cache", "model"} <= build.flags


def test_a_python_of_its_environment_is_started_by_its_module(
    model: Path, launch_context: MakeContext
) -> None:
    launcher = SglangLauncher(Path("/venv/bin/python3.12"))
    argv = launcher.command(Candidate(), launch_context(model, port=4321)).argv
    assert argv[:3] == ("/venv/bin/python3.12", "-m", "sglang.launch_server")


def test_without_a_program_the_hint_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="there is no sglang") as caught:
        SglangLauncher().detect()
    assert "--engine-path" in caught.value.hint
    with pytest.raises(MachineError, match="there is no program /no/such"):
        SglangLauncher(Path("/no/such")).detect()
    with pytest.raises(MachineError):
        SglangLauncher(Path(sys.executable)).detect()  # a Python without SGLang


def test_everything_is_stated(make: Make, model: Path, launch_context: MakeContext) -> None:
    launcher = make()
    path = launcher.detect().path
    settings = {"page-size": 16, "chunked-prefill-size": "auto", "enable-mixed-chunk": False}
    spec = launcher.command(Candidate(settings), launch_context(model, port=4321))
    assert spec.argv == (
        *(path, "serve", "--model-type", "llm", "--model-path", str(model)),
        *("--served-model-name", "local", "--host", "127.0.0.1", "--port", "4321"),
        *("--enable-cache-report", "--sampling-defaults", "openai", "--page-size", "16"),
    )
    assert spec.asked == {"page-size": 16, "enable-mixed-chunk": False}
    assert spec.base_url == "http://127.0.0.1:4321"


def test_a_folder_is_a_virtual_environment(tmp_path: Path, launch_context: MakeContext) -> None:
    argv = SglangLauncher(tmp_path).command(Candidate(), launch_context(tmp_path)).argv
    assert argv[:3] == (str(tmp_path / "bin" / "python"), "-m", "sglang.launch_server")


def test_compiled_kernels_are_shared_only_where_a_person_says_so(
    model: Path, launch_context: MakeContext
) -> None:
    spec = SglangLauncher().command(Candidate(), launch_context(model))
    assert "TRITON_CACHE_DIR" in spec.inherit
    assert "TRITON_CACHE_DIR" not in spec.env


def test_the_cold_arm_is_a_launch_without_the_radix_cache(
    model: Path, launch_context: MakeContext
) -> None:
    """The hierarchical cache goes with it: the engine refuses one without the other."""
    settings = {"enable-hierarchical-cache": True, "hicache-ratio": 2.0, "page-size": 16}
    context = launch_context(model, cache_arm=CacheArm.OFF)
    spec = SglangLauncher().command(Candidate(settings), context)
    assert spec.asked == {"page-size": 16, "disable-radix-cache": True}
    assert spec.argv[-1] == "--disable-radix-cache"


def test_requests_pin_length_and_keep_definitions_in_the_prompt() -> None:
    assert SglangLauncher().request_fields(CacheArm.OFF, 9) == {
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "seed": 1,
        "tool_choice": "auto",
        "max_tokens": 9,
        "ignore_eos": True,
    }


def test_health_is_never_asked(run: Callable[..., Server]) -> None:
    """It would have the engine generate a token between two turns that are measured."""
    server = run()
    assert "HEALTH CHECK" not in server.log_text()


def test_an_older_build_is_ready_by_its_log_and_counts_by_a_reply(
    run: Callable[..., Server], make: Make
) -> None:
    server, launcher = run("no-ready"), make("no-ready")
    assert launcher.ready(server)
    counted = launcher.count_tokens(server, HELLO, ())
    assert counted == chat(launcher, server, HELLO, CacheArm.ON, 3).prompt_tokens


def test_definitions_are_counted(run: Callable[..., Server], make: Make) -> None:
    server, launcher = run(), make()
    bare, whole = (launcher.count_tokens(server, HELLO, tools) for tools in ((), TOOLS))
    assert bare is not None
    assert whole is not None
    assert whole > bare


def test_reuse_is_whole_pages(run: Callable[..., Server], make: Make) -> None:
    server, launcher = run(settings={"page-size": 4}), make()
    first, second = (chat(launcher, server, HELLO, CacheArm.ON, 3) for _ in range(2))
    assert (first.cached_tokens, first.prompt_tokens) == (0, 10)
    assert second.cached_tokens == 8


def test_another_model_is_not_taken_for_ours(run: Callable[..., Server]) -> None:
    with pytest.raises(TrialError, match="serves /other, not") as caught:
        run("other-model")
    assert caught.value.failure.kind is FailureKind.WRONG_SERVER


@pytest.mark.parametrize(
    ("fault", "settings", "line"),
    [
        ("other-settings", {"chunked-prefill-size": 512}, "chunked-prefill-size: asked 512, runs"),
        ("small-pool", {"max-total-tokens": 4000}, "max-total-tokens: asked 4000, runs with 2000"),
    ],
)
def test_settings_that_differ_are_named(
    run: Callable[..., Server], make: Make, fault: str, settings: dict[str, int], line: str
) -> None:
    server = run(fault, settings=settings)
    (found,) = differences(server.spec.asked, make(fault).effective(server))
    assert found.startswith(line)


def test_what_is_left_to_the_engine_is_told_and_not_compared(
    run: Callable[..., Server], make: Make
) -> None:
    settings = {
        "mem-fraction-static": "auto",
        "speculative-algorithm": "none",
        "max-total-tokens": 4001,
    }
    server = run(settings={**settings, "page-size": 16})
    effective = make().effective(server)
    assert effective["mem-fraction-static"] == 0.87
    assert effective["speculative-algorithm"] == "none"
    assert effective["max-total-tokens"] == 4001  # 4000 are whole pages of 16
    assert differences(server.spec.asked, effective) == ()


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("oom-static", FailureKind.OUT_OF_MEMORY, "raise --mem-fraction-static"),
        ("oom-graphs", FailureKind.OUT_OF_MEMORY, "lower --mem-fraction-static"),
        ("child-fails", FailureKind.CRASH, "sigquit"),
    ],
)
def test_a_start_that_fails_says_what_to_do(
    run: Callable[..., Server], fault: str, kind: FailureKind, message: str
) -> None:
    with pytest.raises(TrialError) as caught:
        run(fault)
    assert caught.value.failure.kind is kind
    assert message in caught.value.failure.message


def test_stop_lets_a_request_end_and_takes_the_children(
    run: Callable[..., Server], make: Make
) -> None:
    server, launcher = run(), make()
    (child,) = psutil.Process(server.process.pid).children()
    body = {"messages": list(HELLO), "max_tokens": 200, "ignore_eos": True}
    replies: list[object] = []
    asking = threading.Thread(
        target=lambda: replies.append(ask(server.base_url, "/v1/chat/completions", body))
    )
    asking.start()
    while not replies and asking.is_alive():
        time.sleep(0.01)
    launcher.stop(server)
    asking.join()
    assert server.process.returncode == 0
    assert not runs(child)


def test_an_engine_that_never_ends_is_killed_with_its_children(
    run: Callable[..., Server], make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, launcher = run("never-ends"), make("never-ends")
    (child,) = psutil.Process(server.process.pid).children()
    assert launcher.stop_grace_s >= 15.0
    monkeypatch.setattr(launcher, "stop_grace_s", 0.1)
    launcher.stop(server)
    assert server.process.returncode == -9
    assert not runs(child)


def test_export_is_without_our_name(make: Make, model: Path, launch_context: MakeContext) -> None:
    argv = make().export_argv(Candidate({"page-size": 16}), launch_context(model, port=8080))
    assert argv[1:] == (
        *("serve", "--model-type", "llm", "--model-path", str(model)),
        *("--host", "127.0.0.1", "--port", "8080"),
        *("--enable-cache-report", "--sampling-defaults", "openai", "--page-size", "16"),
    )
