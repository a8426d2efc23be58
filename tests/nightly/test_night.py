"""Nights in order: what is done, what is kept of it, and how each ends. No engine is started."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import time as wall_time
from pathlib import Path
from typing import Any

import pytest
from night_world import DRIFTED, Answers, Clocked, healthy_rule, stub, target_in, tools_in
from nightly_site import hook_words, paired
from prints import A_PRINT

from autotune.errors import ExitCode, MachineError
from autotune.nightly.generations import Generations
from autotune.nightly.gpu_lock import gpu_lock, state_lock
from autotune.nightly.hooks import Hook, Hooks
from autotune.nightly.idle import IdleRule, Looked
from autotune.nightly.journal import Journal
from autotune.nightly.live import live_number
from autotune.nightly.night import NightDone, run_night
from autotune.nightly.night_record import Outcome
from autotune.nightly.night_steps import TUNING
from autotune.nightly.night_work import NightAsk
from autotune.nightly.nights import Nights
from autotune.nightly.notify import NotifySettings
from autotune.nightly.settled import read_settled

Play = Callable[..., NightDone]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Answers:
    """What the engine would say, in its place."""
    made = Answers(model=tmp_path / "m.gguf")
    made.model.touch()
    stub(made, monkeypatch.setattr)
    return made


@pytest.fixture
def play(tmp_path: Path, answers: Answers) -> Play:
    """One night after the other; words for `NightAsk`, and fields of the target."""
    clock = Clocked()

    def run(*words: str, tools: dict[str, Any] | None = None, **fields: Any) -> NightDone:
        ask = NightAsk(**dict.fromkeys(words, True))
        target = target_in(tmp_path, **fields)
        return run_night(target, tools_in(tmp_path, answers, clock, **(tools or {})), ask)

    return run


def served(folder: Path) -> int:
    """The batch size that the exported file says."""
    data = json.loads((folder / "served" / "a.json").read_text(encoding="utf-8"))
    return int(data["settings"]["batch-size"])


def test_the_first_night_tunes_and_promotes(play: Play, answers: Answers, tmp_path: Path) -> None:
    done = play()
    assert (done.night.outcome, done.exit_code) == (Outcome.PROMOTED, ExitCode.DONE)
    assert done.night.decision == "first tuning"
    assert done.night.generation == 1
    assert served(tmp_path) == 1024
    said = [word for word in answers.log if not word.startswith("said")]
    assert said == ["recover", "look", "study", "judged", "proofs", "figures"]
    assert hook_words(tmp_path) == ["before", "before ended", "after", "after ended"]
    assert [hook.name for hook in done.night.hooks] == ["before", "after"]
    state = tmp_path / "studies" / "nightly" / "coder"
    assert Journal(state / "journal.jsonl").open_steps() == ()
    settled = read_settled(state)
    assert settled is not None
    assert settled.study == f"nightly-coder-{done.night.stamp}"
    assert done.page is not None
    assert "# coder: a new config is live" in done.page.read_text(encoding="utf-8")
    assert done.night.promotion is not None
    assert done.night.promotion.changed == {"batch-size": (None, 1024)}


def test_nothing_changed_is_a_canary(play: Play, answers: Answers, tmp_path: Path) -> None:
    play()
    answers.log.clear()
    done = play()
    assert done.night.outcome is Outcome.STEADY
    assert done.night.why == "nothing changed; steady: 1.01x"
    assert "canary" in answers.log
    assert "study" not in answers.log
    assert done.exit_code == ExitCode.DONE
    assert paired(hook_words(tmp_path))


def test_where_no_canary_is_due_nothing_is_stopped(
    play: Play, answers: Answers, tmp_path: Path
) -> None:
    from autotune.nightly.targets import CanaryRule

    play()
    before = hook_words(tmp_path)
    done = play(canary=CanaryRule(every=0))
    assert done.night.outcome is Outcome.NOTHING
    assert hook_words(tmp_path) == before


def test_drift_is_tuned_away(play: Play, answers: Answers, tmp_path: Path) -> None:
    play()
    answers.canary, answers.batch = DRIFTED, 2048
    done = play()
    assert done.night.outcome is Outcome.PROMOTED
    assert done.night.decision == "retune"
    assert done.night.reasons == ("drift: 1.40x",)
    assert done.night.canary is not None
    assert done.night.canary.drifted
    assert served(tmp_path) == 2048
    assert hook_words(tmp_path) == ["before", "before ended", "after", "after ended"] * 2


def test_a_change_is_named_and_tuned_for(play: Play, answers: Answers) -> None:
    from autotune.nightly.retune_verdict import Act

    play()
    answers.print_ = replace(A_PRINT, model_sha256="e" * 64, model_bytes=1024)
    answers.act, answers.why = Act.LEAVE, "nothing beats the config in use"
    done = play()
    assert done.night.outcome is Outcome.KEPT
    assert done.exit_code == ExitCode.NOTHING_BETTER
    assert done.night.generation == 1
    assert [change.name for change in done.night.changes] == ["model"]
    assert "the model: coder.Q4_1.gguf (90.2 MiB" in done.night.reasons[0]
    assert play().night.outcome is Outcome.STEADY  # it was settled: not tuned again


def test_force_tunes_although_nothing_changed(play: Play) -> None:
    play()
    done = play("force")
    assert done.night.reasons == ("it was asked for",)
    assert done.night.generation == 2


def test_a_busy_machine_is_left_alone(play: Play, answers: Answers, tmp_path: Path) -> None:
    answers.looked = Looked(cores=1.7, core_limit=0.5)
    done = play()
    assert (done.night.outcome, done.exit_code) == (Outcome.SKIPPED, ExitCode.STOPPED_EARLY)
    assert done.night.why == "other work keeps 1.7 cores busy (limit 0.5)"
    assert hook_words(tmp_path) == []
    assert play("now").night.outcome is Outcome.PROMOTED


def test_two_nights_on_one_card(play: Play, answers: Answers, tmp_path: Path) -> None:
    """The second is skipped, or waits until its deadline, and says for whom."""
    with gpu_lock("cpu", tmp_path / "locks", "other"):
        done = play()
        assert done.night.outcome is Outcome.SKIPPED
        assert "the processor is taken by the night of other" in done.night.why
        clock = iter(range(1, 10**6))
        waits = IdleRule(when_busy="wait", person_s=None, deadline=wall_time(2, 31))
        told = {"monotonic": lambda: float(next(clock)), "stop": _Never()}
        done = play(idle=waits, tools=told)
        assert done.night.outcome is Outcome.SKIPPED
        assert any("waiting: the processor is taken" in word for word in answers.log)
        assert "study" not in answers.log
    assert play().night.outcome is Outcome.PROMOTED


class _Never(threading.Event):
    """Nobody stops it, and waiting takes no time."""

    def wait(self, timeout: float | None = None) -> bool:
        return False


def test_two_nights_of_one_target(play: Play, tmp_path: Path) -> None:
    state = tmp_path / "studies" / "nightly" / "coder"
    with state_lock(state, "coder"):
        done = play()
    assert (done.night.outcome, done.page) == (Outcome.SKIPPED, None)
    assert "target coder is taken" in done.night.why


def test_a_stop_is_polite_and_the_next_night_goes_on(
    play: Play, answers: Answers, tmp_path: Path
) -> None:
    stop = threading.Event()
    answers.during_study = stop.set
    done = play(tools={"stop": stop})
    assert (done.night.outcome, done.exit_code) == (Outcome.STOPPED, ExitCode.STOPPED_EARLY)
    assert paired(hook_words(tmp_path))
    journal = Journal(tmp_path / "studies" / "nightly" / "coder" / "journal.jsonl")
    assert [step.kind for step in journal.open_steps()] == [TUNING]
    answers.during_study = lambda: None
    done = play()
    assert done.night.outcome is Outcome.PROMOTED
    assert len({request.study for request in answers.requests}) == 1
    assert "an earlier night began" in " ".join(done.night.notes)
    assert journal.open_steps() == ()


def test_what_was_begun_for_something_else_is_given_up(play: Play, answers: Answers) -> None:
    stop = threading.Event()
    answers.during_study = stop.set
    play(tools={"stop": stop})
    answers.during_study = lambda: None
    answers.print_ = replace(A_PRINT, engine_version="b2")
    assert play().night.outcome is Outcome.PROMOTED
    assert len({request.study for request in answers.requests}) == 2


def test_an_interrupt_pairs_the_hooks(play: Play, answers: Answers, tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    answers.during_study = interrupt
    done = play()
    assert (done.night.outcome, done.exit_code) == (Outcome.STOPPED, ExitCode.INTERRUPTED)
    assert paired(hook_words(tmp_path))
    assert len(hook_words(tmp_path)) == 4


def test_a_stop_while_it_waits_ends_it(play: Play, answers: Answers) -> None:
    answers.looked = Looked(requests=2)
    stop = threading.Event()
    stop.set()
    done = play(idle=IdleRule(when_busy="wait", person_s=None), tools={"stop": stop})
    assert done.night.outcome is Outcome.STOPPED
    assert "waiting: the endpoint works on 2 requests" in " ".join(answers.log)


def test_what_the_engine_does_not_take_is_not_promoted(
    play: Play, answers: Answers, tmp_path: Path
) -> None:
    from autotune.nightly.night_stage import Proof

    answers.proofs = (Proof(name="a.json", said="", problem="no flag --x"),)
    done = play()
    assert done.night.outcome is Outcome.FAILED
    assert "a.json: no flag --x" in done.night.why
    assert live_number(tmp_path / "studies" / "nightly" / "coder") is None
    assert paired(hook_words(tmp_path))


def test_what_was_not_taken_is_tried_again_without_a_new_budget(
    play: Play, answers: Answers
) -> None:
    from autotune.nightly.night_stage import Proof

    answers.proofs = (Proof(name="a.json", said="", problem="no flag --x"),)
    play()
    answers.proofs = ()
    assert play().night.outcome is Outcome.PROMOTED
    assert len({request.study for request in answers.requests}) == 1


def test_a_model_that_was_replaced_by_a_slower_one_is_told(play: Play, answers: Answers) -> None:
    play()
    answers.print_, answers.canary = replace(A_PRINT, model_sha256="e" * 64), DRIFTED
    done = play()
    assert done.night.outcome is Outcome.PROMOTED
    assert "takes 1.40x the seconds of the one that it replaced" in done.night.hint
    assert "put the file before back" in done.night.hint


def test_a_config_that_does_not_run_is_not_promoted(play: Play, answers: Answers) -> None:
    answers.figures_fail = MachineError("the config in use could not be measured", "see its log")
    done = play()
    assert (done.night.outcome, done.exit_code) == (Outcome.FAILED, ExitCode.MACHINE)
    assert done.night.hint == "see its log"
    assert done.night.generation is None


def test_what_does_not_serve_is_taken_back(play: Play, answers: Answers, tmp_path: Path) -> None:
    done = play(health=healthy_rule())
    assert (done.night.outcome, done.exit_code) == (Outcome.ROLLED_BACK, ExitCode.MACHINE)
    assert "does not answer" in done.night.why
    assert "autotune nightly rollback coder --to 1" in done.night.hint
    assert done.night.generation is None
    assert paired(hook_words(tmp_path))
    assert not (tmp_path / "served" / "a.json").exists()


def test_a_before_hook_that_fails_ends_the_night(
    play: Play, answers: Answers, tmp_path: Path
) -> None:
    after = Hook(f"echo after >> {tmp_path / 'lines'}")
    done = play(hooks=Hooks(Hook("echo no; exit 3"), after))
    assert done.night.outcome is Outcome.FAILED
    assert done.night.why == "the before hook exited 3: no"
    assert hook_words(tmp_path) == ["after"]
    assert "study" not in answers.log


def test_too_little_time_is_no_tuning(play: Play, answers: Answers) -> None:
    soon = IdleRule(when_busy="skip", person_s=None, deadline=wall_time(2, 36))
    done = play(idle=soon)
    assert done.night.outcome is Outcome.SKIPPED
    assert "too little to tune in" in done.night.why
    later = IdleRule(when_busy="skip", person_s=None, deadline=wall_time(2, 40))
    assert play(idle=later).night.outcome is Outcome.PROMOTED
    (request,) = answers.requests
    assert request.budget_s is not None
    assert 200 < request.budget_s < 300


def test_nobody_is_promoted_over_a_model_that_is_faster(
    play: Play, answers: Answers, tmp_path: Path
) -> None:
    from autotune.nightly.model_builds import Builds

    old, new = tmp_path / "old.gguf", tmp_path / "new.gguf"
    for path in (old, new):
        path.touch()
    answers.model = old
    play()
    answers.model, answers.print_ = new, replace(A_PRINT, model_sha256="e" * 64)
    answers.builds = Builds(newer="new.gguf", in_use="old.gguf", ratio=0.7, low=0.6, high=0.8)
    done = play()
    assert done.night.outcome is Outcome.KEPT
    assert done.night.why == (
        "new.gguf has 0.70x the speed of old.gguf (0.60 to 0.80): the exports stay on old.gguf"
    )
    assert "--take-model" in done.night.hint
    assert done.night.generation == 1
    assert str(old) in (tmp_path / "served" / "b.sh").read_text(encoding="utf-8")
    assert play().night.outcome is Outcome.STEADY
    done = play("force", "take_model")
    assert done.night.outcome is Outcome.PROMOTED
    assert str(new) in (tmp_path / "served" / "b.sh").read_text(encoding="utf-8")


def test_a_model_that_says_other_things_is_not_taken(
    play: Play, answers: Answers, tmp_path: Path
) -> None:
    from autotune.nightly.model_quality import ModelQuality

    old, new = tmp_path / "old.gguf", tmp_path / "new.gguf"
    for path in (old, new):
        path.touch()
    answers.model = old
    play()
    answers.model, answers.print_ = new, replace(A_PRINT, model_sha256="e" * 64)
    answers.quality = ModelQuality("new.gguf does not say what old.gguf says: p99 KL 2", fails=True)
    done = play()
    assert done.night.outcome is Outcome.KEPT
    assert done.night.why.endswith("p99 KL 2: the exports stay on old.gguf")
    assert "builds" not in answers.log  # how fast it is does not matter then


def test_a_better_model_is_followed_although_no_setting_changed(
    play: Play, answers: Answers, tmp_path: Path
) -> None:
    from autotune.nightly.model_builds import Builds
    from autotune.nightly.retune_verdict import Act

    old, new = tmp_path / "old.gguf", tmp_path / "new.gguf"
    for path in (old, new):
        path.touch()
    answers.model = old
    play()
    answers.model, answers.print_ = new, replace(A_PRINT, model_sha256="e" * 64)
    answers.act = Act.FOLLOW
    answers.builds = Builds(newer="new.gguf", in_use="old.gguf", ratio=1.1, low=1.05, high=1.2)
    done = play()
    assert done.night.outcome is Outcome.PROMOTED
    assert str(new) in (tmp_path / "served" / "b.sh").read_text(encoding="utf-8")


def test_what_was_left_out_is_on_the_page(play: Play, answers: Answers) -> None:
    from autotune.nightly.incumbent_fit import Fitted
    from autotune.nightly.night_record import DroppedNote
    from autotune.nightly.retune_verdict import Act

    play()
    note = DroppedNote(setting="poll", value="50", why="the engine refuses it")
    answers.fitted = Fitted(settings={}, told={}, dropped=(note,))
    answers.print_, answers.act = replace(A_PRINT, engine_version="b2"), Act.FOLLOW
    done = play()
    assert done.night.outcome is Outcome.PROMOTED  # it has to be written anew
    assert done.page is not None
    page = done.page.read_text(encoding="utf-8")
    assert "## Settings left out" in page
    assert "| `poll` | `50` | the engine refuses it |" in page


def test_a_model_that_is_gone_is_tuned_for(play: Play, answers: Answers, tmp_path: Path) -> None:
    old, new = tmp_path / "old.gguf", tmp_path / "new.gguf"
    for path in (old, new):
        path.touch()
    answers.model = old
    play()
    old.unlink()
    answers.model = new
    done = play()
    assert done.night.reasons == (f"the model of the config in use is gone: {old}",)
    assert done.night.outcome is Outcome.PROMOTED


def test_who_is_told(play: Play, tmp_path: Path) -> None:
    told = tmp_path / "told"
    done = play(notify=NotifySettings(command=f"cat > {told}"))
    assert json.loads(told.read_text(encoding="utf-8"))["outcome"] == "promoted"
    assert done.night.notes == ()
    done = play(notify=NotifySettings(command="exit 3"))
    assert "the command was not told" in done.night.notes[0]
    kept = Nights.of(tmp_path / "studies" / "nightly" / "coder").last()
    assert kept is not None
    assert kept.notes == done.night.notes


def test_what_is_beyond_the_rule_goes_with_every_night(play: Play, tmp_path: Path) -> None:
    state = tmp_path / "studies" / "nightly" / "coder"
    for _ in range(4):
        play("force", keep_generations=2)
    assert Generations(state).numbers() == (3, 4)
