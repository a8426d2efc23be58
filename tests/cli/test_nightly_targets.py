"""Which targets there are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autotune.cli.nightly_targets import (
    base_request,
    demand_targets,
    one_or_all,
    past_targets,
    targets_here,
)
from autotune.config import Settings
from autotune.errors import UserError

STUDIES = Path("studies")
SETTINGS = 'model = "m.gguf"\nworkload = "captures"\nseed = 3\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AUTOTUNE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", cli_env["HOME"])
    monkeypatch.chdir(tmp_path)


def write(folder: Path, text: str) -> None:
    (folder / "autotune.toml").write_text(SETTINGS + text)


def test_the_targets_of_a_folder_are_in_its_file(tmp_path: Path) -> None:
    assert targets_here(STUDIES) == {}
    write(tmp_path, '[nightly.targets.coder]\nbudget = "1h"\n[nightly.targets.chat]\n')
    coder, chat = demand_targets(STUDIES, [])
    assert (coder.name, coder.budget_s, chat.name) == ("coder", 3600.0, "chat")
    assert [target.name for target in demand_targets(STUDIES, ["chat", "chat"])] == ["chat"]


def test_what_a_target_does_not_say_is_as_the_settings_have_it(tmp_path: Path) -> None:
    write(tmp_path, "[nightly.targets.coder]\n")
    (coder,) = demand_targets(Path("elsewhere"), [])
    assert (coder.model, coder.workload) == (tmp_path / "m.gguf", tmp_path / "captures")
    assert (coder.request.seed, coder.request.studies_dir) == (3, Path("elsewhere"))


def test_settings_of_one_engine_are_not_of_every_target() -> None:
    words = {"set": ["vllm:block-size=32", "threads=8"], "model": "vllm=hf", "study": "mine"}
    request = base_request(Settings.model_validate(words), STUDIES)
    assert (request.pins, request.model, request.study) == ({"threads": 8}, None, None)
    assert request.workload == Path()
    assert request.noise_cache is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no target in "),
        ("[nightly]\n", "there is no target in "),
        ("nightly = 3\n", "nightly is no table"),
        ("[nightly.targets.coder]\nbugdet = 3\n", "there is no key 'bugdet'"),
        ("[nightly", "is not TOML"),
    ],
)
def test_a_folder_without_targets_says_how(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, text)
    with pytest.raises(UserError, match=said) as caught:
        demand_targets(STUDIES, [])
    assert caught.value.hint


def test_a_misspelt_target_is_guessed(tmp_path: Path) -> None:
    write(tmp_path, "[nightly.targets.coder]\n")
    with pytest.raises(UserError, match="there is no target 'codr'") as caught:
        demand_targets(STUDIES, ["codr"])
    assert caught.value.hint == "did you mean coder?"
    with pytest.raises(UserError) as caught:
        one_or_all("x", [])
    assert caught.value.hint.startswith("targets: none; docs/nightly.md")


def test_targets_that_had_nights_are_known(tmp_path: Path) -> None:
    assert past_targets(tmp_path) == ()
    (tmp_path / "nightly" / "old" / "nights").mkdir(parents=True)
    (tmp_path / "nightly" / "empty").mkdir()
    (tmp_path / "nightly" / "schedule.log").touch()
    assert past_targets(tmp_path) == ("old",)


def test_one_or_all() -> None:
    assert one_or_all(None, ["a", "b", "a"]) == ("a", "b")
    assert one_or_all("b", ["a", "b"]) == ("b",)
