"""The oMLX launcher against a fake that keeps oMLX 0.7's files and protocol, as a real process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_program import make_program

from autotune.candidate import Candidate, Setting
from autotune.errors import MachineError
from autotune.launchers.chat import chat
from autotune.launchers.checks_cache import cold_is_cold
from autotune.launchers.checks_reply import reports_usage
from autotune.launchers.contract import Bench, run_checks
from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.omlx import APPLE_SILICON, OmlxLauncher, base_path
from autotune.launchers.process import launch
from autotune.launchers.protocol import CacheArm, LaunchContext, Server
from autotune.launchers.settings_check import differences
from autotune.testing import LauncherConformance

MakeContext = Callable[..., LaunchContext]
StopLater = Callable[[Server], Server]
Make = Callable[..., OmlxLauncher]
Run = Callable[..., Server]

HELLO = ({"role": "user", "content": "say hello to everybody in this room"},)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """``make("no-load")``: a launcher of the fake with these faults, as on a Mac."""

    def launcher(*faults: str) -> OmlxLauncher:
        program = make_program(tmp_path / "bin", "omlx", "fake_omlx.py", *faults)
        return OmlxLauncher(program, here=APPLE_SILICON)

    return launcher


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """An MLX model's folder, as far as the fake looks."""
    folder = tmp_path / "Qwen-4bit"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.fixture
def run(make: Make, model: Path, launch_context: MakeContext, stop_later: StopLater) -> Run:
    """``run("no-load", settings={...}, arm=CacheArm.OFF)``: a running fake."""

    def started(
        *faults: str,
        settings: dict[str, Setting] | None = None,
        arm: CacheArm = CacheArm.ON,
        model: Path = model,
    ) -> Server:
        context = launch_context(model, cache_arm=arm, start_timeout_s=20.0)
        return stop_later(launch(make(*faults), Candidate(settings or {}), context))

    return started


class TestOmlx(LauncherConformance):
    @pytest.fixture
    def launcher(self, make: Make) -> OmlxLauncher:
        return make()

    @pytest.fixture
    def model(self, model: Path) -> Path:
        return model

    @pytest.fixture
    def candidate(self) -> Candidate:
        return Candidate({"max-concurrent-requests": 2, "server.burst_decode_mode": "light"})


def test_elsewhere_there_is_a_way_out() -> None:
    with pytest.raises(MachineError, match="runs on Apple Silicon, this is linux-x86_64") as caught:
        OmlxLauncher(here="linux-x86_64").detect()
    assert "autotune replay --endpoint" in caught.value.hint


def test_without_a_program_the_hint_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="there is no omlx") as caught:
        OmlxLauncher(here=APPLE_SILICON).detect()
    assert "--engine-path" in caught.value.hint


def test_everything_is_below_the_trials_own_base_path(
    make: Make, model: Path, launch_context: MakeContext
) -> None:
    launcher = make()
    path = launcher.detect().path
    context = launch_context(model, port=4321)
    base = str(base_path(context))
    settings: dict[str, Setting] = {
        "hot-cache-max-size": "8GB",
        "hot-cache-write-through": False,
        "scheduler.chunked_prefill": True,
        "model_settings.max_context_window": 65536,
    }
    spec = launcher.command(Candidate(settings), context)
    assert spec.argv == (
        *(path, "serve", "--model-dir", str(model), "--host", "127.0.0.1", "--port", "4321"),
        *("--base-path", base, "--paged-ssd-cache-dir", f"{base}/ssd-cache"),
        *("--sse-keepalive-mode", "comment", "--hot-cache-max-size", "8GB"),
    )
    assert spec.asked == {k: v for k, v in settings.items() if not k.startswith("model_")}
    files = {path.name: json.loads(text) for path, text in spec.files.items()}
    assert files["settings.json"]["scheduler"] == {"chunked_prefill": True}
    assert files["settings.json"]["auth"]["skip_api_key_verification"] is True
    assert files["model_settings.json"]["models"]["Qwen-4bit"] == {
        "model_alias": "local",
        "is_default": True,
        "max_context_window": 65536,
    }
    assert all(path.is_relative_to(context.work_dir) for path in spec.files)


def test_the_cold_arm_has_no_cache_of_any_kind(
    make: Make, model: Path, launch_context: MakeContext
) -> None:
    settings: dict[str, Setting] = {"hot-cache-max-size": "8GB", "max-concurrent-requests": 2}
    context = launch_context(model, cache_arm=CacheArm.OFF)
    spec = make().command(Candidate(settings), context)
    assert spec.asked == {"max-concurrent-requests": 2, "no-cache": True}
    assert "--no-cache" in spec.argv
    assert not any("cache-dir" in word or "hot" in word for word in spec.argv)


@pytest.mark.parametrize("name", ["base-path", "no-cache", "server.port", "auth.api_key", "x.y"])
def test_some_settings_are_refused(name: str, model: Path, launch_context: MakeContext) -> None:
    with pytest.raises(TrialError, match=r"may (not )?be tuned"):
        OmlxLauncher().command(Candidate({name: 1}), launch_context(model))


def test_no_prompt_of_one_trial_is_known_to_the_next(run: Run, make: Make) -> None:
    """The cache on disk survives the process, so each launch has a directory of its own."""
    launcher, server = make(), run()
    reused = [chat(launcher, server, HELLO, CacheArm.ON, 4).cached_tokens for _ in range(2)]
    assert reused == [0, 9]
    launcher.stop(server)
    assert list(base_path(server.context).glob("ssd-cache/*.block"))
    again = run()
    assert chat(launcher, again, HELLO, CacheArm.ON, 4).cached_tokens == 0


def test_the_cache_that_is_not_given_up_is_found_out(
    make: Make, model: Path, tmp_path: Path
) -> None:
    bench = Bench(make("keeps-cache"), model, tmp_path / "bench")
    (outcome,) = run_checks(bench, (cold_is_cold,))
    assert "cached tokens are reported" in (outcome.problem or "")


def test_missing_usage_is_found_out(make: Make, model: Path, tmp_path: Path) -> None:
    bench = Bench(make("no-usage"), model, tmp_path / "bench")
    (outcome,) = run_checks(bench, (reports_usage,))
    assert "does not report usage.prompt_tokens" in (outcome.problem or "")


def test_keep_alives_are_comments_where_the_build_can(run: Run, make: Make) -> None:
    reply = chat(make(), run(), HELLO, CacheArm.ON, 8)
    assert reply.empty_s == ()


@pytest.mark.parametrize("fault", ["keeps-keepalive", "no-keepalive-flag"])
def test_a_keep_alive_that_looks_like_a_reply_is_no_token(run: Run, make: Make, fault: str) -> None:
    reply = chat(make(fault), run(fault), HELLO, CacheArm.ON, 8)
    assert reply.ttft_s is not None
    assert reply.empty_s
    assert reply.empty_s[0] < reply.ttft_s


def test_a_keep_alive_mode_that_is_not_followed_is_told(run: Run, make: Make) -> None:
    assert make().effective(run("keeps-keepalive"))["sse-keepalive-mode"] == "chunk"


def test_what_it_wrote_down_is_read_back(run: Run, make: Make) -> None:
    settings: dict[str, Setting] = {
        "max-concurrent-requests": 4,
        "memory-guard": "off",
        "hot-cache-max-size": "2GB",
        "server.burst_decode_mode": "aggressive",
        "scheduler.decode_fairness": False,
    }
    server = run(settings=settings)
    effective = make().effective(server)
    assert {name: effective[name] for name in settings} == settings
    assert differences(server.spec.asked, effective) == ()


def test_settings_that_differ_are_named(run: Run, make: Make) -> None:
    server = run("other-settings", settings={"max-concurrent-requests": 4})
    found = differences(server.spec.asked, make().effective(server))
    assert found == ("max-concurrent-requests: asked 4, runs with 2",)


def test_replies_that_end_early_are_counted_as_they_are(run: Run, make: Make) -> None:
    launcher = make()
    assert not launcher.habits.pins_length
    reply = chat(launcher, run(), HELLO, CacheArm.ON, 8)
    assert (reply.output_tokens, reply.finish_reason) == (4, "stop")
    assert "ignore_eos" not in launcher.request_fields(CacheArm.ON, 8)


def test_tokens_leave_in_bursts(run: Run, make: Make) -> None:
    """Six tokens in two bursts of three: two pieces of text."""
    launcher = make()
    assert launcher.habits.bursts
    reply = chat(launcher, run(), HELLO, CacheArm.ON, 12)
    assert (reply.output_tokens, len(reply.token_s)) == (6, 2)


def test_a_model_that_cannot_be_loaded_by_name_loads_at_the_first_request(
    run: Run, make: Make
) -> None:
    assert chat(make("no-load"), run("no-load"), HELLO, CacheArm.ON, 4).status == 200


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("too-large", FailureKind.OUT_OF_MEMORY, "Model needs 80.00GB"),
        ("broken-model", FailureKind.LOAD_ERROR, "unknown architecture"),
        ("other-model", FailureKind.WRONG_SERVER, "serves somebody-elses, not Qwen-4bit"),
    ],
)
def test_a_model_that_is_not_served_is_named(
    run: Run, fault: str, kind: FailureKind, words: str
) -> None:
    with pytest.raises(TrialError) as caught:
        run(fault)
    assert caught.value.failure.kind is kind
    assert words in caught.value.failure.message


def test_export_takes_flags_as_they_are(
    make: Make, model: Path, launch_context: MakeContext
) -> None:
    launcher = make()
    program = launcher.detect().path
    candidate = Candidate({"max-concurrent-requests": 2})
    assert launcher.export_argv(candidate, launch_context(model, port=8080)) == (
        *(program, "serve", "--model-dir", str(model), "--host", "127.0.0.1", "--port", "8080"),
        *("--max-concurrent-requests", "2"),
    )


def test_export_writes_what_has_no_flag_where_nobody_keeps_his_own(
    make: Make, model: Path, launch_context: MakeContext
) -> None:
    candidate = Candidate({"server.burst_decode_mode": "off", "max-concurrent-requests": 2})
    shell, option, script = make().export_argv(candidate, launch_context(model, port=8080))
    assert (shell, option) == ("sh", "-c")
    assert '"burst_decode_mode": "off"' in script
    assert 'base="$HOME/.omlx-autotune"' in script
    assert script.endswith('--max-concurrent-requests 2 --base-path "$base"')
