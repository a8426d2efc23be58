"""Engines laid out alike: the same turns, sides, depths and history, whatever each counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gguf_file import write_gguf
from manifest import write_manifest

from autotune.errors import UserError
from autotune.hardware.nvml import nvml_probe
from autotune.launchers.ds4 import Ds4Launcher
from autotune.launchers.omlx import OmlxLauncher
from autotune.replay.endpoint import Rendering
from autotune.search.contest import opened
from autotune.search.contest.opened import set_up_all, share
from autotune.search.contest.request import ContestRequest, EngineWords, make_request
from autotune.search.layout import lay_out
from autotune.search.request import RunRequest
from autotune.search.setup import Setup
from autotune.study.folder import StudyFolder
from autotune.trial.survey import Survey
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[2] / "fakes" / "fake_space.toml"


@pytest.fixture(scope="module")
def setups(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Setup]:
    """Two engines over four sessions of three turns; nothing is launched."""
    path = tmp_path_factory.mktemp("opened")
    spec = SynthesisSpec(sessions=4, turns=3, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), path / "wl.jsonl")
    write_gguf(path / "fake.gguf")
    engines = [
        str(write_manifest(path / name, name=name, search_space=str(SPACE))) for name in ("a", "b")
    ]
    base = RunRequest(workload=path / "wl.jsonl", gpu="cpu", study="c", studies_dir=path)
    words = EngineWords(engines=tuple(engines), models={"": path / "fake.gguf"})
    request = make_request(base, words)
    assert isinstance(request, ContestRequest)
    with nvml_probe() as probe:
        return set_up_all(request, StudyFolder(path / "c"), probe)


def survey_of(setup: Setup, scale: float = 1.0, deep: int = 0) -> Survey:
    """Every turn a hundred tokens deeper than the one before; the last ones `deep` more."""
    depths = {
        (session.session_id, turn.index): round(scale * (500 + 100 * at))
        + (deep if at == len(session.turns) - 1 else 0)
        for session in setup.workload.sessions
        for at, turn in enumerate(session.turns)
    }
    return Survey(depths, Rendering.NATIVE)


def test_both_engines_replay_the_sample_of_the_first(setups: dict[str, Setup]) -> None:
    assert setups["a"].sample is setups["b"].sample
    assert [setup.folder.name for setup in setups.values()] == ["a", "b"]
    assert {setup.folder.path.parent.name for setup in setups.values()} == {"c"}


def test_sides_and_depths_are_those_of_the_baselines_engine(setups: dict[str, Setup]) -> None:
    surveys = {"a": survey_of(setups["a"]), "b": survey_of(setups["b"], scale=1.1)}
    shared, notes = share(setups, surveys, "a")
    layouts = {n: lay_out(setups[n], surveys[n], shared) for n in setups}
    one, other = layouts["a"], layouts["b"]
    assert one.search_plan.session_ids == other.search_plan.session_ids
    assert one.confirm_plan.session_ids == other.confirm_plan.session_ids
    assert one.judge == other.judge
    assert one.confirm_judge == other.confirm_judge
    assert not set(one.search_plan.session_ids) & set(one.confirm_plan.session_ids)
    assert (one.depth_label, other.depth_label) == ("500-700", "550-770")
    assert notes == (
        "b counts these prompts as 1.10 times the tokens that a does; replies have the same "
        "number of tokens and so not the same length of text",
    )


def test_turns_that_one_engine_cannot_hold_are_left_out_for_all(setups: dict[str, Setup]) -> None:
    # The model ends at 32768 tokens.
    surveys = {"a": survey_of(setups["a"]), "b": survey_of(setups["b"], deep=40_000)}
    shared, notes = share(setups, surveys, "a")
    assert set(shared.kept.values()) == {2}
    assert notes[0] == ("4 of 12 turns are left out, as not every engine can hold them: b holds 8")
    layouts = [lay_out(setups[n], surveys[n], shared) for n in setups]
    turns = [
        [(p.turn.session_id, p.turn.index) for p in layout.search_plan.turns] for layout in layouts
    ]
    assert turns[0] == turns[1]
    assert len(turns[0]) == 4


def test_engines_without_a_turn_in_common_cannot_be_compared(setups: dict[str, Setup]) -> None:
    beyond = Survey(dict.fromkeys(survey_of(setups["b"]).depths, 40_000), Rendering.NATIVE)
    with pytest.raises(UserError, match=r"^b: no turn of the workload fits"):
        share(setups, {"a": survey_of(setups["a"]), "b": beyond}, "a")


def test_one_engine_that_needs_recorded_replies_brings_them_to_all(
    setups: dict[str, Setup],
) -> None:
    a, b = setups.values()
    unpinned = replace(b, launcher=OmlxLauncher(), request=replace(b.request, history="recorded"))
    alone = replace(b, launcher=Ds4Launcher())
    found = opened._same_history({"a": a, "b": unpinned, "c": alone})
    assert [s.request.history for s in found.values()] == ["recorded", "recorded", "closed-loop"]
    assert "prompts carry the recorded replies" in found["a"].notes[-1]
    assert "its prompts carry its own replies" in found["c"].notes[-1]
    assert opened._same_history({"a": a, "b": b}) == {"a": a, "b": b}
