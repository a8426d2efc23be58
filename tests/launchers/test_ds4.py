"""The ds4 launcher against a fake that keeps ds4-server's ways, as a real process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_program import make_program

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError
from autotune.launchers.chat import Reply, chat
from autotune.launchers.checks_cache import cold_is_cold
from autotune.launchers.contract import Bench, run_checks
from autotune.launchers.ds4 import Ds4Launcher
from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.habits import forget
from autotune.launchers.process import launch
from autotune.launchers.protocol import CacheArm, LaunchContext, Server
from autotune.launchers.settings_check import differences
from autotune.testing import LauncherConformance

MakeContext = Callable[..., LaunchContext]
StopLater = Callable[[Server], Server]
Make = Callable[..., Ds4Launcher]
Run = Callable[..., Server]
Messages = tuple[dict[str, Any], ...]

HELLO: Messages = ({"role": "user", "content": "say hello to everybody in this room"},)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """``make("no-session")``: a launcher of the fake with these faults."""

    def launcher(*faults: str) -> Ds4Launcher:
        return Ds4Launcher(make_program(tmp_path / "ds4", "ds4-server", "fake_ds4.py", *faults))

    return launcher


@pytest.fixture
def run(make: Make, fake_model: Path, launch_context: MakeContext, stop_later: StopLater) -> Run:
    """``run("half-context", settings={...}, arm=CacheArm.OFF)``: a running fake."""

    def started(
        *faults: str, settings: dict[str, Setting] | None = None, arm: CacheArm = CacheArm.ON
    ) -> Server:
        context = launch_context(fake_model, cache_arm=arm, start_timeout_s=20.0)
        return stop_later(launch(make(*faults), Candidate(settings or {}), context))

    return started


def gone_on(messages: Messages, reply: Reply) -> Messages:
    """The next turn of a conversation, as an agent sends it."""
    answer = {"role": "assistant", "content": reply.text}
    return (*messages, answer, {"role": "user", "content": "and to everybody else"})


class TestDs4(LauncherConformance):
    @pytest.fixture
    def launcher(self, make: Make) -> Ds4Launcher:
        return make()

    @pytest.fixture
    def model(self, fake_model: Path) -> Path:
        return fake_model

    @pytest.fixture
    def candidate(self) -> Candidate:
        return Candidate({"ctx": 8192, "kv-disk-space-mb": 100, "kv-cache-min-tokens": 64})


def test_without_a_program_the_hint_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="there is no ds4-server") as caught:
        Ds4Launcher().detect()
    assert "--engine-path" in caught.value.hint


def test_the_checkout_is_as_good_as_the_program(make: Make, tmp_path: Path) -> None:
    program = make().detect()
    checkout = Ds4Launcher(tmp_path / "ds4").detect()
    assert checkout == program
    assert checkout.version == "unknown"  # the folder is no repository
    assert {"ctx", "kv-disk-space-mb", "quality"} <= checkout.flags


def test_it_runs_in_its_checkout_with_a_disk_cache_of_the_trials_own(
    make: Make, fake_model: Path, launch_context: MakeContext
) -> None:
    launcher = make()
    path = Path(launcher.detect().path)
    context = launch_context(fake_model, port=4321)
    settings: dict[str, Setting] = {"ctx": 8192, "kv-disk-space-mb": 100, "warm-weights": True}
    spec = launcher.command(Candidate({**settings, "quality": False}), context)
    assert spec.argv == (
        *(str(path), "--chdir", str(path.parent), "--model", str(fake_model)),
        *("--host", "127.0.0.1", "--port", "4321"),
        *("--kv-disk-dir", str(context.work_dir / "kv-disk")),
        *("--ctx", "8192", "--kv-disk-space-mb", "100", "--warm-weights"),
    )
    assert spec.asked == {**settings, "quality": False}


def test_the_cold_arm_keeps_nothing_on_disk_and_one_session(
    make: Make, fake_model: Path, launch_context: MakeContext
) -> None:
    settings: dict[str, Setting] = {"ctx": 8192, "kv-disk-space-mb": 100, "batched-session": 4}
    context = launch_context(fake_model, cache_arm=CacheArm.OFF)
    spec = Ds4Launcher().command(Candidate(settings), context)
    assert spec.asked == {"ctx": 8192, "kv-disk-space-mb": 0}
    assert spec.argv[-2:] == ("--ctx", "8192")


def test_it_does_not_think() -> None:
    """Thinking, it would take no notice of the temperature and the seed."""
    fields = Ds4Launcher().request_fields(CacheArm.ON, 9)
    assert fields["think"] is False
    assert fields["max_tokens"] == 9
    assert "ignore_eos" not in fields


def test_the_same_prompt_is_answered_the_same(run: Run, make: Make) -> None:
    launcher, server = make(), run()
    first, second = (chat(launcher, server, HELLO, CacheArm.ON, 8) for _ in range(2))
    assert first.text == second.text
    assert (first.output_tokens, first.finish_reason) == (4, "stop")


def test_only_what_goes_on_is_reused(run: Run, make: Make) -> None:
    """10 tokens of prompt and 4 of reply stand in memory; the same prompt is not all of them."""
    launcher, server = make(), run()
    first = chat(launcher, server, HELLO, CacheArm.ON, 8)
    assert first.prompt_tokens == 10
    assert chat(launcher, server, gone_on(HELLO, first), CacheArm.ON, 8).cached_tokens == 14
    assert chat(launcher, server, HELLO, CacheArm.ON, 8).cached_tokens == 0
    assert launcher.habits.continues_only


def test_it_is_made_to_forget(run: Run, make: Make) -> None:
    launcher, server = make(), run(arm=CacheArm.OFF)
    first = chat(launcher, server, HELLO, CacheArm.OFF, 8)
    forget(launcher, server)
    assert chat(launcher, server, gone_on(HELLO, first), CacheArm.ON, 8).cached_tokens == 0


def test_an_engine_that_does_not_forget_is_found_out(
    make: Make, fake_model: Path, tmp_path: Path
) -> None:
    bench = Bench(make("never-forgets"), fake_model, tmp_path / "bench")
    (outcome,) = run_checks(bench, (cold_is_cold,))
    assert "cached tokens are reported" in (outcome.problem or "")


def test_what_is_saved_at_the_end_is_of_no_use_to_the_next_trial(run: Run, make: Make) -> None:
    """Saving is waited for, and each launch has a directory of its own."""
    launcher = make("slow-save")
    settings: dict[str, Setting] = {"kv-disk-space-mb": 100, "kv-cache-min-tokens": 1}
    server = run("slow-save", settings=settings)
    first = chat(launcher, server, HELLO, CacheArm.ON, 8)
    launcher.stop(server)
    assert server.process.returncode == 0
    assert list(server.context.work_dir.glob("kv-disk/*.kv"))
    again = run("slow-save", settings=settings)
    assert chat(launcher, again, gone_on(HELLO, first), CacheArm.ON, 8).cached_tokens == 0


def test_what_it_logs_at_the_start_is_read_back(run: Run, make: Make) -> None:
    settings: dict[str, Setting] = {
        "ctx": 8192,
        "kv-disk-space-mb": 100,
        "kv-cache-boundary-align-tokens": 1024,
        "kv-cache-reject-different-quant": True,
    }
    server = run(settings=settings)
    effective = make().effective(server)
    assert {name: effective[name] for name in settings} == settings
    assert effective["backend"] == "metal"
    assert differences(server.spec.asked, effective) == ()


def test_settings_that_differ_are_named(run: Run, make: Make) -> None:
    server = run("half-context", settings={"ctx": 8192})
    found = differences(server.spec.asked, make().effective(server))
    assert found == ("ctx: asked 8192, runs with 4096",)


def test_a_prompt_beyond_the_context_is_counted_without_being_read(run: Run, make: Make) -> None:
    launcher, server = make(), run(settings={"ctx": 16})
    long: Messages = ({"role": "user", "content": "word " * 500},)
    assert launcher.count_tokens(server, long, ()) == 503
    assert launcher.count_tokens(server, HELLO, ()) == 10


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("already-running", FailureKind.LOAD_ERROR, "allows only one: stop that one first"),
        ("no-session", FailureKind.OUT_OF_MEMORY, "failed to create metal session"),
    ],
)
def test_a_start_that_fails_is_named(run: Run, fault: str, kind: FailureKind, words: str) -> None:
    with pytest.raises(TrialError) as caught:
        run(fault)
    assert caught.value.failure.kind is kind
    assert words in caught.value.failure.message


def test_export_keeps_the_disk_cache_in_the_checkout(
    make: Make, fake_model: Path, launch_context: MakeContext
) -> None:
    candidate = Candidate({"kv-disk-space-mb": 100})
    argv = make().export_argv(candidate, launch_context(fake_model, port=8080))
    assert argv[-4:] == ("--kv-disk-dir", "kv-cache", "--kv-disk-space-mb", "100")
