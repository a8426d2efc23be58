"""``autotune compare`` as a person types it, on the fake engine and on the reference engine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.cli.compare import Compare
from autotune.cli.main import main
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

_DEEP_MODEL = "~/.cache/autotune/models/random-llama-2x256-131072-r1.gguf"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def workload(tmp_path: Path) -> Path:
    path = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=2, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), path)
    return path


@pytest.fixture
def compare(
    workload: Path,
    tmp_path: Path,
    cli_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> Run:
    """``compare("default", "cache=off")`` -> exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(cli_env))

    def run(*words: str) -> tuple[int, str, str]:
        limits = ("--workload", str(workload), "--gpu", "cpu", "--max-output-tokens", "4")
        code = main(["compare", *words, *limits, "--display", "plain"])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture(scope="session")
def quick_model(request: pytest.FixtureRequest) -> Path:
    """Two layers of random weights, where they are; else the real model."""
    path = Path(os.environ.get("AUTOTUNE_TEST_DEEP_MODEL", _DEEP_MODEL)).expanduser()
    found: Path = path if path.is_file() else request.getfixturevalue("smollm2")
    return found


@pytest.fixture
def engine(fake_engine_manifest: Callable[..., Path], fake_model: Path) -> Callable[..., list[str]]:
    """Flags that name the fake engine with its faults."""
    space = str(Path(__file__).parents[1] / "fakes" / "fake_space.toml")

    def flags(*faults: str) -> list[str]:
        manifest = fake_engine_manifest(*faults, search_space=space)
        return ["--engine", str(manifest), "--model", str(fake_model), "--blocks", "1"]

    return flags


def test_the_cache_compared_on_the_reference_engine(
    compare: Run, reference_launcher: object, quick_model: Path, tmp_path: Path
) -> None:
    argv = ["cache=on", "cache=off", "--engine", "reference", "--model", str(quick_model)]
    argv += ["--max-sessions", "1", "--blocks", "1", "--study", "cache"]
    code, out, err = compare(*argv)
    assert code == 0, err
    assert "block 1: cache=off: TTFT" in err
    assert "identical prompts" in err
    assert out.startswith("cache=off against cache=on: 1 session, 2 turns to")
    assert "Prefix reuse" in out
    folder = tmp_path / "studies" / "cache"
    found = json.loads((folder / "compare.json").read_text())
    on, off = (arm["figures"] for arm in found["arms"])
    assert (on["cached_share"] > 0.3, off["cached_share"]) == (True, 0.0)
    assert sorted(p.name for p in folder.glob("cache-effect.*")) == [
        "cache-effect.csv", "cache-effect.json", "cache-effect.svg"
    ]  # fmt: skip
    assert max(map(len, out.splitlines()[1:12])) <= 80
    # The same command again measures nothing, and says the same as JSON.
    code, out, err = compare(*argv, "--json")
    document = json.loads(out)
    assert (code, document["status"], document["measurements"]) == (
        0,
        "done",
        found["measurements"],
    )
    assert len(document["files"]) == 3
    assert "block 1:" not in err


def test_several_arms_in_one_table(compare: Run, engine: Callable[..., list[str]]) -> None:
    code, out, err = compare("default", "default", "history=recorded", *engine())
    assert code == 0, err
    assert out.startswith("default (2), history=recorded against default:")
    assert "closed-loop and recorded history" in out
    rows = [line.split() for line in out.splitlines() if " TTFT " in line and "x to " in line]
    assert [row[0][:7] for row in rows] == ["default", "history"]  # names are folded


def test_an_arm_that_is_not_cold_ends_with_4_and_says_which_turn(
    compare: Run, engine: Callable[..., list[str]]
) -> None:
    code, out, err = compare("cache=on", "cache=off", *engine("cached-in-cold"))
    assert code == 4
    for text in (out, err):
        assert "cache=off" in text
        assert "turn 0 reused 1 tokens although the cache is off" in text
    assert "fewer than two arms are left" in out


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["default"], "needs two arms", "the first is the baseline"),
        (["default", "cahce=off"], "unknown", "did you mean cache=off?"),
        (["defualt", "cache=off"], "no study 'defualt'", "did you mean default?"),
        (["default", "nowhere.json"], "cannot read nowhere.json", "autotune export"),
        (["default", "http://127.0.0.1:9,cache=off"], "not ours to switch", "STUDY,cache=off"),
        (["cache=on", "cache=off,history=closed-loop"], "identical prompts", "leave history"),
        (["default", "cache=off", "--until", "12"], "--until", "12%"),
        (["default", "cache=off", "--engine", "a,b"], "several engines", "name one"),
        (["default", "cache=off", "--untl", "5%"], "has no flag --untl", "--until"),
        (["default", "cache=off", "--study", "a/b"], "cannot name a study", "use letters"),
    ],
)
def test_wrong_words_end_with_2(
    compare: Run, fake_model: Path, words: list[str], message: str, hint: str
) -> None:
    code, out, err = compare(*words, "--model", str(fake_model))
    assert code == 2, err
    first, second = err.strip().splitlines()[-2:]
    assert message in first
    assert hint in second
    assert out == ""


def test_without_model_or_workload(compare: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = compare("default", "cache=off")
    assert code == 2
    assert "no model is named for default" in err
    assert main(["compare", "default", "cache=off", "--model", "m.gguf"]) == 2


def test_limits_are_as_they_are_said() -> None:
    usual = {"arms": ["default", "default"], "workload": "w", "model": "m.gguf"}
    made = Compare.model_validate(usual).request()
    assert (made.until, made.blocks, made.budget_s) == (0.05, None, 1800.0)
    assert made.metrics == ("ttft", "decode", "wait")
    said = {**usual, "until": "3%", "blocks": 4, "metric": ["turn", "turn"]}
    made = Compare.model_validate(said).request()
    assert (made.until, made.blocks, made.budget_s, made.metrics) == (0.03, 4, None, ("turn",))
    assert Compare.model_validate({**said, "budget": "10m"}).request().budget_s == 600.0
