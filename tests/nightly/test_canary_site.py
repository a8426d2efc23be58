"""Canaries on real processes: the reference engine as it is, and a build that has become slower."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from nightly_site import config, draft
from stopwatch import nominal_times

from autotune.candidate import Setting
from autotune.export.model import ExportConfig
from autotune.hardware.gpu import GpuProbe
from autotune.hardware.probe import gpu_probe
from autotune.nightly.canary_site import CanarySite
from autotune.nightly.fingerprint import Caches, look_at
from autotune.nightly.generations import Generation, Generations
from autotune.nightly.reference import Reference
from autotune.nightly.targets import Target
from autotune.replay.endpoint import Rendering
from autotune.replay.plan import History
from autotune.scoring.objective import Objective
from autotune.search.anchor import LEAST_TURNS
from autotune.search.request import RunRequest
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture
from make_deep_gguf import Shape, write

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
TURNS = 6
"""All but the first of each session. A reply that a busy machine read at once has no figure."""


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions of four turns, 800 to 1200 tokens deep."""
    path = tmp_path_factory.mktemp("captures") / "wl.jsonl"
    spec = SynthesisSpec(sessions=2, turns=4, start_depth=800, depth=1200, reply_tokens=16)
    write_capture(synthesize(spec), path)
    return path


@dataclass(frozen=True)
class Case:
    """A target whose live generation has these settings."""

    target: Target
    probe: GpuProbe
    settings: dict[str, Setting]
    folder: Path

    def site(self, engine: str | None = None) -> CanarySite:
        """As a night sees it, perhaps with another engine in the place of the one it was."""
        request = replace(self.target.request, engine=engine or self.target.request.engine)
        seen = look_at(replace(self.target, request=request), self.probe, Caches(self.folder / "c"))
        return CanarySite(self.target.state, seen, self.probe)

    def generation(self) -> Generation:
        """The live one, staged as a night stages it."""
        tuned = config()
        whole = ExportConfig(self.settings, self.settings, tuned.argv, {}, tuned.provenance)
        return Generations(self.target.state).stage(replace(draft("a"), config=whole))

    def referred(self) -> Generation:
        """The live one with figures, kept as a night keeps them."""
        generation, kept = self.generation(), Generations(self.target.state)
        reference = self.site().refresh(generation, self.asked, TURNS)
        kept.set_reference(generation.number, reference.to_json())
        return kept.read(generation.number)

    @property
    def asked(self) -> RunRequest:
        """What the night's study asked for."""
        return replace(self.target.request, study="night")


@contextmanager
def made(
    folder: Path, captures: Path, engine: str, model: Path, settings: dict[str, Setting]
) -> Iterator[Case]:
    request = RunRequest(
        workload=captures, engine=engine, model=model, gpu="cpu", max_output_tokens=4,
        studies_dir=folder / "studies",
    )  # fmt: skip
    with gpu_probe() as probe:
        yield Case(Target(name="coder", request=request), probe, settings, folder)


@pytest.fixture
def fake(
    tmp_path: Path, captures: Path, fake_engine_manifest: Callable[..., Path], fake_model: Path
) -> Iterator[tuple[Case, Callable[..., str]]]:
    """A fake engine that takes 10 ms a token, and others of it by ``engine(token_us=...)``.

    Turns take what the engine says: what others do to this machine is not what is tested.
    """

    def engine(*faults: str, token_us: float = 10_000.0) -> str:
        return str(fake_engine_manifest(*faults, token_us=token_us, search_space=str(SPACE)))

    settings: dict[str, Setting] = {"ctx-size": 4096, "ubatch-size": 2048, "parallel": 1}
    with nominal_times(), made(tmp_path, captures, engine(), fake_model, settings) as case:
        yield case, engine


def test_before_there_are_figures_there_is_no_canary(
    fake: tuple[Case, Callable[..., str]],
) -> None:
    case, _ = fake
    assert case.site().look(case.generation()) is None


WHOLE = Reference(
    settings={}, default_settings={}, objective=Objective.TURN, rendering=Rendering.NATIVE,
    history=History.CLOSED_LOOP, seconds={}, floor=0.1, plan_digest="sha256:0", live_run_s=1.0,
)  # fmt: skip


@pytest.mark.parametrize(
    "figures", ["{", '{"schema_version": "canary-reference/0"}', json.dumps(WHOLE.to_json())]
)
def test_figures_that_cannot_be_read_are_as_good_as_none(
    fake: tuple[Case, Callable[..., str]], figures: str
) -> None:
    case, _ = fake
    generation = case.generation()
    (generation.folder / "reference.json").write_text(figures)
    assert case.site().look(generation) is None  # its turns are not there
    (generation.folder / "canary.jsonl.gz").write_bytes(b"no gzip")
    assert case.site().look(generation) is None


def test_a_slower_build_is_seen_and_the_machine_is_blamed(
    fake: tuple[Case, Callable[..., str]],
) -> None:
    case, engine = fake
    generation = case.referred()
    kept = Reference.from_json(generation.reference() or {}, "reference.json")
    assert min(len(kept.seconds), len(kept.default_seconds)) >= LEAST_TURNS
    assert kept.settings == case.settings
    found = case.site(engine(token_us=40_000.0)).look(generation)
    assert found is not None
    assert found.drifted, found.said
    assert found.ratio is not None
    assert found.machine_ratio is not None
    assert found.ratio > found.floor
    assert "it is the machine or the engine" in found.said


def test_a_config_that_the_engine_does_not_run_any_more_is_seen(
    fake: tuple[Case, Callable[..., str]],
) -> None:
    case, engine = fake
    generation = case.referred()
    found = case.site(engine("die-mid-stream=2")).look(generation)
    assert found is not None
    assert found.drifted
    assert found.failure is not None
    assert "does not run any more" in found.said


def test_the_captures_may_be_gone_by_then(
    fake: tuple[Case, Callable[..., str]], captures: Path
) -> None:
    case, _ = fake
    generation = case.referred()
    site = case.site()
    moved = captures.rename(captures.with_name("gone"))
    try:
        found = site.look(generation)
    finally:
        moved.rename(captures)
    assert found is not None
    assert found.turns >= LEAST_TURNS


@pytest.mark.usefixtures("reference_launcher")
def test_the_reference_engine_is_compared_with_itself(
    tmp_path: Path, captures: Path, smollm2: Path
) -> None:
    model = tmp_path / "small.gguf"
    write(smollm2, model, Shape(layers=1, width=64, feed_forward=128, context_tokens=8192))
    settings: dict[str, Setting] = {"ctx-size": 4096, "parallel": 1, "ubatch-size": 512}
    with made(tmp_path, captures, "reference", model, settings) as case:
        generation = case.referred()
        kept = Reference.from_json(generation.reference() or {}, "reference.json")
        assert min(len(kept.seconds), len(kept.default_seconds)) >= LEAST_TURNS
        assert kept.default_settings != kept.settings
        assert all(value > 0 for value in (*kept.seconds.values(), kept.floor, kept.live_run_s))
        # How fast it is then and now is the machine's to say, so nothing is asserted of the ratio.
        found = case.site().look(generation)
        assert found is not None
        assert found.failure is None
        logs = {path.name for path in (case.target.state / "canary-logs").iterdir()}
        assert {"canary-live-b0.log", "canary-default-b1.log"} <= logs
        assert (StudyFolder(tmp_path / "studies" / "night").path / "survey.json").is_file()
