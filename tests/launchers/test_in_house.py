"""A manifest turned into commands, requests and read-backs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate
from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.habits import Habits, export_env, wanted_variables
from autotune.launchers.in_house import InHouseLauncher
from autotune.launchers.manifest import Manifest
from autotune.launchers.process import launch
from autotune.launchers.protocol import CacheArm, LaunchContext, Launcher, Server

MakeContext = Callable[..., LaunchContext]


def make(**tables: Any) -> InHouseLauncher:
    document: dict[str, Any] = {
        "schema_version": "engine-manifest/1",
        "name": "mine",
        "command": {"argv": ["{engine}", "-m", "{model}", "-p", "{port}", "{settings}"]},
        "address": {"port": "free"},
        **tables,
    }
    return InHouseLauncher(Manifest.model_validate(document), Path("/etc/mine"), Path("/opt/mine"))


def argv_of(launcher: InHouseLauncher, context: LaunchContext, **settings: Any) -> tuple[str, ...]:
    candidate = Candidate({name.replace("_", "-"): value for name, value in settings.items()})
    return launcher.command(candidate, context).argv


def test_flags_as_most_engines_spell_them(launch_context: MakeContext) -> None:
    context = launch_context(Path("/m"), port=81)
    argv = argv_of(make(), context, batch_size=64, fast=True, loud=False)
    assert argv == (
        *("/opt/mine", "-m", "/m", "-p", "81"),
        *("--batch-size", "64", "--fast", "--no-loud"),
    )


def test_flags_as_others_do(launch_context: MakeContext) -> None:
    flags = {
        "assign": "equals",
        "prefix": "-",
        "names": {"batch-size": "b"},
        "off": {"loud": ["-quiet"], "fast": []},
    }
    argv = argv_of(
        make(flags=flags), launch_context(Path("/m")), batch_size=64, loud=False, fast=False
    )
    assert argv[5:] == ("-b=64", "-quiet")


def test_the_cold_arm_lays_its_settings_over_the_candidate(launch_context: MakeContext) -> None:
    command = {"argv": ["mine", "{settings}"], "always": {"x": 1}, "cache_off": {"cache": 0}}
    launcher = make(command=command)
    context = launch_context(Path("/m"), cache_arm=CacheArm.OFF)
    spec = launcher.command(Candidate({"cache": 9, "y": 2}), context)
    assert spec.argv == ("mine", "--x", "1", "--cache", "0", "--y", "2")
    assert spec.asked == {"x": 1, "cache": 0, "y": 2}


def test_environment_and_folder_are_filled(launch_context: MakeContext) -> None:
    command = {
        "argv": ["{python}", "{manifest_dir}/run.py", "{settings}"],
        "env": {"CACHE": "{work_dir}/cache"},
        "gpu_env": "HIP_VISIBLE_DEVICES",
    }
    context = launch_context(Path("/m"), gpu_uuid="GPU-7")
    spec = make(command=command).command(Candidate(), context)
    assert spec.argv == (sys.executable, "/etc/mine/run.py")
    assert spec.env["CACHE"] == f"{context.work_dir}/cache"
    assert spec.env["HIP_VISIBLE_DEVICES"] == "GPU-7"


def test_forbidden_settings_are_refused(launch_context: MakeContext) -> None:
    launcher = make(flags={"forbidden": ["fake-*"]})
    with pytest.raises(TrialError) as caught:
        argv_of(launcher, launch_context(Path("/m")), fake_speed=True)
    assert caught.value.failure.kind is FailureKind.BAD_FLAG


@pytest.mark.parametrize(
    ("pattern", "log", "url"),
    [
        (r"on (http://\S+)", "up on http://127.0.0.1:90/\n", "http://127.0.0.1:90"),
        (r"port (\d+)", "port 1\nport 77\n", "http://127.0.0.1:77"),
        (r"port (\d+)", "nothing yet", None),
    ],
)
def test_where_it_listens(pattern: str, log: str, url: str | None) -> None:
    assert make(address={"log": pattern}).address(log) == url


def test_request_fields_by_arm_and_length() -> None:
    request = {
        "output_tokens": ["max_tokens", "min_tokens"],
        "pinned": {"ignore_eos": True},
        "always": {"temperature": 0},
        "cache_on": {"cache_salt": "same"},
        "cache_off": {"no_cache": True},
    }
    launcher = make(request=request)
    assert launcher.request_fields(CacheArm.ON, None) == {"temperature": 0, "cache_salt": "same"}
    assert launcher.request_fields(CacheArm.OFF, 5) == {
        "temperature": 0,
        "no_cache": True,
        "ignore_eos": True,
        "max_tokens": 5,
        "min_tokens": 5,
    }


def test_export_is_its_own_form(launch_context: MakeContext) -> None:
    export = {"argv": ["mine", "serve", "{model}", "--port", "{port}", "{settings}"]}
    argv = make(export=export).export_argv(
        Candidate({"b": 1}), launch_context(Path("/m"), port=8080)
    )
    assert argv == ("mine", "serve", "/m", "--port", "8080", "--b", "1")


def test_export_says_what_the_environment_must_be(launch_context: MakeContext) -> None:
    command = {
        "argv": ["mine", "{settings}"],
        "env": {"MINE_PORT": "{port}", "MINE_CACHE": "{work_dir}/cache", "MINE_TOKEN": "t"},
        "inherit": ["MINE_LICENSE"],
        "gpu_env": "MINE_GPU",
    }
    launcher = make(command=command, address={"port": 9000})
    card = launch_context(Path("/m"), port=8080, gpu_uuid="GPU-7", gpu_pin={})
    assert export_env(launcher, card) == {"MINE_PORT": "8080", "MINE_GPU": "GPU-7"}
    assert export_env(launcher, launch_context(Path("/m"), port=8080)) == {"MINE_PORT": "8080"}
    assert wanted_variables(launcher) == ("MINE_LICENSE", "MINE_TOKEN")


def test_read_backs_from_json_and_log(
    fake_launcher: Callable[..., Launcher],
    fake_model: Path,
    launch_context: MakeContext,
    stop_later: Callable[[Server], Server],
) -> None:
    effective = [
        {"path": "/settings", "json_path": "flash-attn", "setting": "fa", "values": {"auto": "on"}},
        {"path": "/props", "json_path": "total_slots", "setting": "slots"},
        {"log": r"listening on http://\S+:(\d+)", "setting": "port"},
        {"path": "/nowhere", "setting": "absent"},
    ]
    launcher = fake_launcher(effective=effective)
    server = stop_later(launch(launcher, Candidate({"parallel": 2}), launch_context(fake_model)))
    port = int(server.base_url.rpartition(":")[2])
    assert launcher.effective(server) == {"fa": "on", "slots": 2, "port": port}


def test_a_template_that_refuses_is_a_bad_reply(
    fake_launcher: Callable[..., Launcher],
    fake_model: Path,
    launch_context: MakeContext,
    stop_later: Callable[[Server], Server],
) -> None:
    launcher = fake_launcher("refuse-tools")
    server = stop_later(launch(launcher, Candidate(), launch_context(fake_model)))
    with pytest.raises(TrialError, match="unknown role tool") as caught:
        launcher.count_tokens(server, ({"role": "tool", "content": "x"},), ())
    assert caught.value.failure.kind is FailureKind.BAD_REPLY


def test_a_salt_is_fresh_in_every_request() -> None:
    cold = {"cache_salt": "{fresh}", "extra": {"ids": ["a-{fresh}", 7]}}
    launcher = make(request={"cache_off": cold})
    first, second = (launcher.request_fields(CacheArm.OFF, None) for _ in range(2))
    assert first["cache_salt"] != second["cache_salt"]
    assert len(first["cache_salt"]) == 32
    assert first["extra"]["ids"][0].startswith("a-")
    assert first["extra"]["ids"][1] == 7
    assert "cache_salt" not in launcher.request_fields(CacheArm.ON, None)


def test_where_the_engines_own_times_are() -> None:
    timings = {"prefill": "usage.mine.read", "unit": "us"}
    assert make(timings=timings).timing_paths == {"prefill": ("usage.mine.read", 1e-6)}
    assert make().timing_paths == {}


def test_habits_and_patience_are_the_manifests() -> None:
    launcher = make(replies={"pins_length": False, "bursts": True}, stop={"timeout_s": 3})
    assert launcher.habits == Habits(pins_length=False, bursts=True)
    assert launcher.stop_grace_s == 3.0
    assert (make().habits, make().stop_grace_s) == (Habits(), 10.0)


def test_a_search_space_of_ones_own_is_beside_the_manifest() -> None:
    assert make(search_space="space.toml").search_space == "/etc/mine/space.toml"
    assert make(search_space="/other/space.toml").search_space == "/other/space.toml"
    assert make(search_space="llama-server").search_space == "llama-server"
    assert make().search_space is None


def test_another_name_is_written_where_only_that_is_listed(
    fake_launcher: Callable[..., InHouseLauncher], fake_model: Path, launch_context: MakeContext
) -> None:
    """The fake engine's help lists ``--batch-size``; studies call it ``logical-batch``."""
    launcher = fake_launcher(flags={"aliases": {"logical-batch": ["n-batch", "batch-size"]}})
    asked = Candidate({"logical-batch": 64})
    assert "--logical-batch" in launcher.command(asked, launch_context(fake_model)).argv
    launcher.detect()
    argv = launcher.command(asked, launch_context(fake_model)).argv
    assert argv[argv.index("--batch-size") + 1] == "64"
    assert launcher.spelling("logical-batch").shown == "--batch-size"
