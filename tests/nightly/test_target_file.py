"""Targets as a person writes them, and what is said where that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time as wall_time
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.export.options import ExportOptions
from autotune.nightly.hooks import NO_HOOKS, Hook, Hooks
from autotune.nightly.idle import IdleRule
from autotune.nightly.notify import NotifySettings
from autotune.nightly.prune import MIB
from autotune.nightly.target_file import read_targets
from autotune.nightly.targets import CanaryRule, HealthRule, Target, WorkloadRule
from autotune.search.request import RunRequest

LEAST = """
[nightly.targets.coder]
model = "models/coder.gguf"
workload = "captures"
"""

WHOLE = """
seed = 3

[nightly]
gpu = "3090"

[nightly.notify]
webhook-env = "NIGHT_WEBHOOK"
when = "news"

[nightly.targets.coder]
engine = "llama-server"
engine-path = "~/llama/llama-server"
model = "/models/coder"
workload = "captures"
budget = "1h30m"
trials = 20
objective = "ttft"
depth = "30k-60k"
max_depth = "64k"
quality = "guard"
set = { batch-size = 512, "cache_reuse" = 256 }
fix = { tensor-split = "3,1" }

[[nightly.targets.coder.exports]]
format = "llama-preset"
path = "serve/preset.ini"
name = "coder"

[[nightly.targets.coder.exports]]
format = "shell"
path = "/srv/serve.sh"
link = false
full = true

[nightly.targets.coder.hooks]
before = "systemctl --user stop llama"
after = "systemctl --user start llama"
timeout = "2m"

[nightly.targets.coder.health]
url = "http://127.0.0.1:8080/v1"
model = "coder"
key-env = "LLAMA_KEY"
start = "5m"

[nightly.targets.coder.notify]
form = "slack"

[nightly.targets.coder.idle]
when-busy = "skip"
gpu-share = "10%"
person = "30m"
deadline = "06:30"

[nightly.targets.coder.keep]
studies = 3
nights = 30
generations = 5
logs = 100

[nightly.targets.coder.sessions]
most = 40
max-age = "14d"
share = 0.5

[nightly.targets.coder.canary]
turns = 6
every = 2

[nightly.targets.small]
engine = "reference"
gpu = "cpu"
model = "small.gguf"
workload = "captures"
"""

Read = Callable[..., dict[str, Target]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The targets of a file with this text, over these settings."""

    def go(text: str, **settings: object) -> dict[str, Target]:
        path = tmp_path / "autotune.toml"
        path.write_text(text, encoding="utf-8")
        base = RunRequest(**{"workload": Path(), **settings})  # type: ignore[arg-type]
        return read_targets(path, base)

    return go


def test_two_lines_are_enough(read: Read, tmp_path: Path) -> None:
    target = read(LEAST)["coder"]
    assert target.model == tmp_path / "models" / "coder.gguf"
    assert target.workload == tmp_path / "captures"
    assert target.state == Path("studies/nightly/coder")
    assert (target.hooks, target.health, target.exports) == (NO_HOOKS, None, ())
    assert target.idle == IdleRule()
    assert target.notify == NotifySettings()
    assert target.sessions == WorkloadRule()
    assert target.canary == CanaryRule()
    assert target.budget_s == 1800.0


def test_everything_that_can_be_said(read: Read, tmp_path: Path) -> None:
    target = read(WHOLE)["coder"]
    request = target.request
    assert (request.gpu, request.engine, request.objective) == ("3090", "llama-server", "ttft")
    assert request.engine_path == Path.home() / "llama" / "llama-server"
    assert request.model == Path("/models/coder")
    assert (request.budget_s, request.trials) == (5400.0, 20)
    assert (request.depth, request.max_depth, request.quality) == ("30k-60k", 64000, "guard")
    assert request.pins == {"batch-size": 512, "cache_reuse": 256}
    assert request.fixes == {"tensor-split": "3,1"}
    assert target.hooks == Hooks(
        Hook("systemctl --user stop llama", 120.0), Hook("systemctl --user start llama", 120.0)
    )
    assert target.health == HealthRule(
        url="http://127.0.0.1:8080/v1", model="coder", key_env="LLAMA_KEY", start_s=300.0
    )
    assert target.notify == NotifySettings(webhook_env="NIGHT_WEBHOOK", when="news", form="slack")
    assert target.idle == IdleRule(
        when_busy="skip", gpu_share=0.1, person_s=1800.0, deadline=wall_time(6, 30)
    )
    keep = target.keep
    assert (keep.studies, keep.nights, keep.log_bytes) == (3, 30, 100 * MIB)
    assert target.keep_generations == 5
    assert target.sessions == WorkloadRule(most=40, max_age_s=14 * 86400.0, share=0.5)
    assert target.canary == CanaryRule(turns=6, every=2)
    preset, shell = target.exports
    assert (preset.format, preset.path) == ("llama-preset", tmp_path / "serve" / "preset.ini")
    assert preset.options == ExportOptions(name="coder")
    assert (shell.path, shell.link, shell.options.full) == (Path("/srv/serve.sh"), False, True)


def test_what_stands_in_nightly_is_for_all_and_the_target_has_the_last_word(read: Read) -> None:
    small = read(WHOLE)["small"]
    assert small.request.gpu == "cpu"
    assert small.notify == NotifySettings(webhook_env="NIGHT_WEBHOOK", when="news")
    assert list(read(WHOLE)) == ["coder", "small"]


def test_what_a_target_does_not_say_is_as_in_the_settings(read: Read) -> None:
    settings: dict[str, object] = {
        "engine": "llama-server",
        "engine_path": Path("/opt/llama-server"),
        "model": Path("/models/m.gguf"),
        "workload": Path("/captures"),
        "seed": 5,
        "budget_s": 60.0,
        "pins": {"threads": 4, "batch-size": 1},
    }
    target = read("[nightly.targets.a]\nset = { batch-size = 2 }", **settings)["a"]
    assert target.request.engine_path == Path("/opt/llama-server")
    assert (target.model, target.workload) == (Path("/models/m.gguf"), Path("/captures"))
    assert (target.request.seed, target.budget_s) == (5, 60.0)
    assert target.request.pins == {"threads": 4, "batch-size": 2}


def test_the_program_in_the_settings_is_not_that_of_another_engine(read: Read) -> None:
    text = LEAST + 'engine = "vllm"\n'
    target = read(text, engine="llama-server", engine_path=Path("/opt/llama-server"))["coder"]
    assert target.request.engine_path is None


def test_a_manifest_is_found_beside_the_file(read: Read, tmp_path: Path) -> None:
    target = read(LEAST + 'engine = "mine/engine.toml"\n')["coder"]
    assert target.request.engine == str(tmp_path / "mine" / "engine.toml")


def test_no_file_and_no_table_are_no_targets(read: Read, tmp_path: Path) -> None:
    assert read_targets(tmp_path / "none.toml", RunRequest(workload=Path())) == {}
    assert read("seed = 1") == {}
    assert read("[nightly]\ngpu = 'cpu'") == {}


@pytest.mark.parametrize("word", ['"off"', '"never"', "false"])
def test_what_does_not_count_is_off(read: Read, word: str) -> None:
    table = f"idle = {{ person = {word} }}\nsessions = {{ max-age = {word}, most = {word} }}\n"
    target = read(LEAST + table)["coder"]
    assert target.idle.person_s is None
    assert (target.sessions.max_age_s, target.sessions.most) == (None, None)


OWN = "[nightly.targets.coder"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (LEAST + "bugdet = '1h'", f"{OWN}] there is no key 'bugdet'", "did you mean budget?"),
        (LEAST + "max_dept = 1", f"{OWN}] there is no key 'max-dept'", "did you mean max-depth?"),
        (LEAST + "zzz = 1", f"{OWN}] there is no key 'zzz'", "there are: gpu, engine, "),
        (
            LEAST + "[nightly.targets.coder.hooks]\nbeefore = 'x'",
            f"{OWN}.hooks] there is no key 'beefore'",
            "did you mean before?",
        ),
        (
            LEAST + "[[nightly.targets.coder.exports]]\nformat = 'shell'\npth = 'a'",
            f"{OWN}.exports] ",
            "",
        ),
        (LEAST + "budget = 'soon'", f"{OWN}] budget: 'soon' is not a duration", "90s, 10m, 2h"),
        (LEAST + "trials = 0", f"{OWN}] trials: 0 is too small, it must be at least 1", ""),
        (LEAST + "trials = 'x'", f"{OWN}] trials: 'x' is not a whole number", ""),
        (LEAST + "objective = 'fast'", f"{OWN}] objective: 'fast' is not one of 'turn'", ""),
        (LEAST + "hooks = 3", f"{OWN}] hooks: it is not a table: write [nightly", ""),
        (LEAST + "exports = 3", f"{OWN}] exports: it is not a list of tables: write [[", ""),
        (LEAST + "exports = [{path = 'a'}]", f"{OWN}.exports] format: missing", ""),
        (
            LEAST + "idle = { deadline = '25:00' }",
            f"{OWN}.idle] deadline: '25:00' is no time of day",
            "06:30",
        ),
        (LEAST + "idle = { person = 'x' }", f"{OWN}.idle] person: 'x' is not a duration", ""),
        (
            LEAST + "hooks = { before = ' ' }",
            f"{OWN}.hooks] before: an empty command does nothing",
            "leave the key out",
        ),
        (LEAST + "engine = 'a,b'", f"{OWN}] engine: 'a,b' is more than one", "a target for each"),
        (
            LEAST + "engine = 'vllm'\nexports = [{format = 'llama-preset', path = 'a'}]",
            f"{OWN}.exports] format: llama-preset is not for vllm",
            "vllm-yaml",
        ),
        (
            LEAST + "exports = [{format = 'sheel', path = 'a'}]",
            f"{OWN}.exports] format: there is no format 'sheel'",
            "did you mean shell?",
        ),
        (
            LEAST + "exports = [{format = 'zzz', path = 'a'}]",
            f"{OWN}.exports] format: there is no format 'zzz'",
            "formats: shell, json",
        ),
        (LEAST + "health = { url = 'ftp://x' }", f"{OWN}.health] url: ", ""),
        ("[nightly.targets.coder]\nworkload = 'c'", f"{OWN}] model: missing", "model = "),
        ("[nightly.targets.coder]\nmodel = 'm'", f"{OWN}] workload: missing", "workload = "),
        ("[nightly.targets.'a b']\nmodel = 'm'", "'a b' cannot name a target", "use letters"),
        ("[nightly]\ntarget = 1", "[nightly] there is no key 'target'", "did you mean targets?"),
        ("[nightly]\nbudget = 'x'", "[nightly] budget: 'x' is not a duration", ""),
        ("nightly = 1", "nightly is no table", "[nightly.targets.NAME]"),
        ("[nightly]\ntargets = 1", "nightly.targets holds a table", "[nightly.targets.NAME]"),
        ("[nightly", "cannot read ", "mend it"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(
    read: Read, text: str, message: str, hint: str
) -> None:
    with pytest.raises(UserError) as caught:
        read(text)
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint


def test_a_secret_where_a_name_belongs_is_not_shown(read: Read) -> None:
    with pytest.raises(UserError) as caught:
        read(LEAST + "notify = { webhook-env = 'https://hooks.example/T0K3N' }")
    assert "T0K3N" not in caught.value.message + caught.value.hint
    assert "webhook-env: that is no name of an environment variable" in caught.value.message


def test_two_exports_at_one_path_would_undo_each_other(read: Read) -> None:
    one = "exports = [{format = 'shell', path = 'serve.sh'}]\n"
    other = LEAST.replace("coder]", "other]") + one
    with pytest.raises(UserError, match=r"serve.sh is an export of coder and of other"):
        read(LEAST + one + other)
