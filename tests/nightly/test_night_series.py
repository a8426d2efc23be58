"""Nights whose studies are real, on a fake engine whose times a busy machine does not touch."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import stopwatch
from gguf_file import LLAMA, write_gguf
from night_world import Clocked
from refusing_engine import WITHOUT
from stopwatch import nominal_times

from autotune.hardware.probe import gpu_probe
from autotune.nightly.fingerprint import Caches
from autotune.nightly.idle import IdleRule, Looked
from autotune.nightly.night import NightDone, run_night
from autotune.nightly.night_record import Outcome
from autotune.nightly.night_tools import NightTools
from autotune.nightly.night_work import NightAsk
from autotune.nightly.targets import CanaryRule, Export, Target
from autotune.search.anchor import LEAST_TURNS
from autotune.search.request import RunRequest
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

FAKES = Path(__file__).parents[1] / "fakes"
SPACE, LATER = FAKES / "fake_space.toml", FAKES / "refusing_engine.py"
USUAL = NightAsk()


@pytest.fixture(scope="module", autouse=True)
def undisturbed() -> Iterator[None]:
    with nominal_times():
        yield


@dataclass
class Place:
    """A folder with captures, models and engines, and the nights in it."""

    folder: Path
    engine: Callable[..., Path]
    tools: NightTools
    program: Path = field(init=False)

    def __post_init__(self) -> None:
        spec = SynthesisSpec(sessions=4, turns=4, start_depth=800, depth=1000, reply_tokens=16)
        (self.folder / "captures").mkdir()
        write_capture(synthesize(spec), self.folder / "captures" / "w.jsonl")
        (self.folder / "models").mkdir()
        self.program = self.engine(prefill_us=200.0, token_us=2500.0, search_space=str(SPACE))

    def model(self, name: str, **more: int | str) -> Path:
        path = self.folder / "models" / f"{name}.gguf"
        write_gguf(path, {**LLAMA, "general.name": name, **more})
        return path

    def later_engine(self) -> None:
        """One that has no ``--ubatch-size``, by its help and when it is started."""
        words = ["{python}", str(LATER), f"{WITHOUT}ubatch-size"]
        argv = [*words, "--model", "{model}", "--host", "{host}", "--port", "{port}"]
        argv += ["{settings}", "--prefill-us=200.0", "--token-us=500.0"]
        command = {"argv": argv, "version": [*words, "--version"], "help": [*words, "--help"]}
        self.program = self.engine(search_space=str(SPACE), command=command)

    def target(self) -> Target:
        request = RunRequest(
            workload=self.folder / "captures", model=self.folder / "models", gpu="cpu",
            engine=str(self.program), studies_dir=self.folder / "studies", trials=3,
            confirm_blocks=1, max_output_tokens=3, hold=False, effects=False, ladder=False,
            usual_chart=False, early_stop=False,
        )  # fmt: skip
        return Target(
            name="coder", request=request, canary=CanaryRule(turns=8),
            exports=(Export(format="json", path=self.folder / "served" / "a.json"),),
            idle=IdleRule(when_busy="skip", person_s=None),
        )  # fmt: skip

    def night(self, ask: NightAsk = USUAL) -> NightDone:
        return run_night(self.target(), self.tools, ask)

    def served(self) -> dict[str, object]:
        text = (self.folder / "served" / "a.json").read_text(encoding="utf-8")
        found: dict[str, object] = json.loads(text)["settings"]
        return found


@pytest.fixture
def place(tmp_path: Path, fake_engine_manifest: Callable[..., Path]) -> Iterator[Place]:
    clock = Clocked()
    with gpu_probe() as probe:
        tools = NightTools(
            environ=dict(os.environ), probe=probe, caches=Caches(tmp_path / "caches"),
            locks=tmp_path / "locks", now=clock.now, look=lambda _eyes: Looked(),
        )  # fmt: skip
        yield Place(tmp_path, fake_engine_manifest, tools)


@pytest.fixture
def slower(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of that name takes twice the time."""
    usual = stopwatch._Times.of.__func__  # type: ignore[attr-defined]

    def of(kind: type, measurer: Any, candidate: Any) -> Any:
        times = usual(kind, measurer, candidate)
        if "slow" in measurer.model.name:
            times.prefill_us, times.token_us = 2 * times.prefill_us, 2 * times.token_us
        return times

    monkeypatch.setattr(stopwatch._Times, "of", classmethod(of))


@pytest.mark.usefixtures("slower")
def test_one_night_after_the_other(place: Place) -> None:
    tuned_and_promoted(place)
    nothing_changed(place)
    a_model_replaced_where_it_lay(place)
    a_slower_model_beside_it(place)
    nothing_changed(place)  # looked at with its own model
    an_engine_without_the_flag(place)


def tuned_and_promoted(place: Place) -> None:
    place.model("coder")
    night = place.night().night
    assert night.outcome is Outcome.PROMOTED, night
    assert place.served()["ubatch-size"] == 2048
    assert night.tuning is not None
    assert night.tuning.low is not None
    assert night.tuning.low > 1


def nothing_changed(place: Place) -> None:
    night = place.night().night
    assert night.outcome is Outcome.STEADY, night
    assert night.canary is not None
    # A reply that a busy machine read at once has no figure.
    assert night.canary.turns >= LEAST_TURNS
    assert night.generation == 1


def a_model_replaced_where_it_lay(place: Place) -> None:
    """It keeps what is best, and the same settings were asked the canary's turns on it."""
    place.model("next").replace(place.folder / "models" / "coder.gguf")
    night = place.night().night
    assert [change.name for change in night.changes] == ["model"]
    assert night.outcome is Outcome.KEPT, night
    assert night.canary is not None
    assert not night.canary.drifted
    assert night.generation == 1


def a_slower_model_beside_it(place: Place) -> None:
    os.utime(place.folder / "models" / "coder.gguf", (1, 1))
    place.model("slow")
    night = place.night().night
    assert night.outcome is Outcome.KEPT, night
    assert "slow.gguf has 0.5" in night.why
    assert night.why.endswith("the exports stay on coder.gguf")
    text = (place.folder / "served" / "a.json").read_text(encoding="utf-8")
    assert "models/coder.gguf" in text


def an_engine_without_the_flag(place: Place) -> None:
    (place.folder / "models" / "slow.gguf").unlink()
    place.later_engine()
    night = place.night().night
    assert {change.name for change in night.changes} == {"engine build", "model"}
    assert [note.setting for note in night.dropped] == ["ubatch-size"]
    assert "its help does not list it" in night.dropped[0].why
    assert night.outcome is Outcome.PROMOTED, night
    assert "ubatch-size" not in place.served()
    assert night.generation == 2
