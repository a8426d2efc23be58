"""The space of a run, with what --set, --fix and a file say of it, on a card that is not here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from gguf_file import LLAMA, write_gguf

from autotune.errors import UserError
from autotune.hardware.probe import gpu_probe
from autotune.search.describe import DryRun, describe
from autotune.search.exclusions import Excluded
from autotune.search.request import RunRequest
from autotune.search.resume import request_words
from autotune.search.run_space import run_space
from autotune.search.setup import set_up
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

Make = Callable[..., RunRequest]


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A request for a plan, on a machine without llama-server."""
    monkeypatch.setenv("PATH", str(tmp_path))
    write_capture(
        synthesize(SynthesisSpec(sessions=2, turns=2, start_depth=800, depth=1000)),
        tmp_path / "wl.jsonl",
    )
    model = tmp_path / "m.gguf"

    def make(architecture: dict[str, object] | None = None, **fields: object) -> RunRequest:
        write_gguf(model, {**LLAMA, **(architecture or {})})
        base = RunRequest(
            workload=tmp_path / "wl.jsonl", gpu="3090", engine="llama-server", model=model,
            dry_run=True, assume_gpu=True, studies_dir=tmp_path / "studies",
        )  # fmt: skip
        return replace(base, **fields)  # type: ignore[arg-type]

    return make


def choices(dry: DryRun, name: str) -> tuple[object, ...]:
    return next(row.choices for row in dry.space if row.name == name)


def left_out(dry: DryRun, name: str) -> list[Excluded]:
    return [excluded for excluded in dry.excluded if excluded.name == name]


def test_choices_pins_and_a_file(planned: Make) -> None:
    dry = describe(
        planned(
            pins={"ubatch-size": "256,1024", "batch-size+": 8192, "flash-attn": "on"},
            fixes={"parallel": 1},
            tables={"prio": {"choices": [0, 2]}, "keep": {"choices": [0, 64], "default": 0}},
        )
    )
    assert choices(dry, "ubatch-size") == (256, 512, 1024)  # 512 is the baseline
    assert choices(dry, "batch-size") == (256, 512, 1024, 2048, 4096, 8192)
    assert choices(dry, "prio") == (0, 2)
    assert choices(dry, "keep") == (0, 64)
    assert dry.config["pins"] == {"flash-attn": "on", "parallel": 1}
    assert not {"fixes", "tables"} & set(dry.config)
    assert "--prio 0" in " ".join(dry.argv)
    assert left_out(dry, "flash-attn") == [
        Excluded(name="flash-attn", why="pinned with --set", held="on")
    ]
    assert left_out(dry, "parallel") == [Excluded(name="parallel", why="pinned with --fix", held=1)]


def test_what_nobody_said_changes_nothing(planned: Make) -> None:
    request = planned()
    with gpu_probe(request.assumed_gpu) as probe:
        asked = run_space(set_up(request, probe))
    assert asked.said.pins == asked.said.edits == {}
    assert "prio" not in [row.name for row in describe(request).space]


def test_a_value_that_the_engine_has_not(planned: Make) -> None:
    with pytest.raises(UserError, match="flash-attn = maybe is not one of"):
        describe(planned(pins={"flash-attn": "maybe"}))


def test_parameters_of_models_that_this_is_none_of(planned: Make) -> None:
    dry = describe(planned())
    assert [e.why for e in left_out(dry, "n-cpu-moe")] == ["matters only to models of experts"]
    assert not any("n-cpu-moe" in word for word in dry.argv)
    assert left_out(dry, "prio") == []  # nobody asked for it
    experts = describe(planned({"llama.expert_count": 8, "llama.expert_used_count": 2}))
    assert choices(experts, "n-cpu-moe")[0] == 0
    assert left_out(experts, "n-cpu-moe") == []


def test_a_pinned_draft_model_brings_its_drafts(planned: Make) -> None:
    dry = describe(planned(fixes={"spec-draft-model": "drafts.gguf"}))
    assert "draft-simple" in choices(dry, "spec-type")
    assert choices(dry, "spec-draft-n-max") == (1, 2, 3, 4, 6, 8)
    assert "draft-simple" not in choices(describe(planned()), "spec-type")


def test_the_same_command_again_says_the_same(planned: Make) -> None:
    request = planned(pins={"ubatch-size": "256,1024", "threads+": 3}, fixes={"parallel": 1})
    words = request_words(request)
    at = [words[i + 1] for i, word in enumerate(words) if word in ("--set", "--fix")]
    assert at == ["ubatch-size=256,1024", "threads+=3", "parallel=1"]
    assert "--tables" not in request_words(replace(request, tables={"a": {"choices": [1]}}))
