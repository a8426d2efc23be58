"""A retune of a night: the study, its verdict, and the way of what won until it serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autotune.candidate import Setting
from autotune.errors import AutotuneError, ExitCode
from autotune.export.model import ExportConfig
from autotune.nightly.generations import Generation
from autotune.nightly.grown_workload import write_sessions
from autotune.nightly.incumbent_fit import Fitted, asked_of_build, fit, proven, starter
from autotune.nightly.model_builds import Builds, builds_compared, model_of, other_model
from autotune.nightly.model_quality import model_quality
from autotune.nightly.night_record import Outcome, PromotionNote
from autotune.nightly.night_stage import Proof, proofs, stage
from autotune.nightly.night_steps import Tuning, begin_tuning
from autotune.nightly.night_work import Ending, Known, NightWork
from autotune.nightly.promote import promote
from autotune.nightly.retune_verdict import Act, Verdict, judged, tuning_note
from autotune.nightly.session_files import FOLDER
from autotune.nightly.settled import Settled, write_settled
from autotune.nightly.swap import Promoted, RolledBack
from autotune.search.events import Summary
from autotune.search.request import RunRequest
from autotune.study.folder import StudyFolder

INCUMBENT = "incumbent.json"
LOGS = "incumbent-logs"

BEHIND_S = 300.0
"""Kept back before the deadline for what comes behind the study: proof of the exports, figures for
canaries, the hooks."""

LEAST_SHARE = 0.25
"""Of a budget: with less left before the deadline a retune is not begun."""

BUILDS_SHARE = 0.5
"""Of the budget, at most, for holding a newer model against the one in use."""


@dataclass(frozen=True, slots=True)
class Retune:
    """One retune, in a pause that is open."""

    night: NightWork
    known: Known

    def go(self) -> Ending:
        """Raises what goes wrong; the tuning can then be gone on with."""
        night, known = self.night, self.known
        budget_s = self._budget_s()
        if isinstance(budget_s, Ending):
            return budget_s
        fitted = self._incumbent()
        warning = self._same_settings()
        tuning = begin_tuning(night.site.journal, night.target.name, night.page.stamp, known.digest)
        if tuning.resumed:
            night.page.note(f"it went on with {tuning.study}, which an earlier night began")
        request = request_of(night, known, tuning.study, budget_s, fitted)
        with night.page.timing("tuning"):
            summary = night.tools.tune(request, night.tools.listener, night.tools.stop)
        end = self._after(summary, request, tuning, fitted)
        return replace(end, hint=warning) if warning and not end.hint else end

    def _budget_s(self) -> float | Ending | None:
        """The target's, cut to what is left before the deadline."""
        asked, left = self.night.target.budget_s, self.night.left_s()
        if left is None:
            return asked
        room = left - BEHIND_S
        if room < LEAST_SHARE * (asked or 0.0) or room <= 0:
            why = f"only {max(0.0, left) / 60:.0f} min are left until the deadline"
            return Ending(Outcome.SKIPPED, f"{why}, too little to tune in")
        return room if asked is None else min(asked, room)

    def _incumbent(self) -> Fitted | None:
        """The config in use, as tonight's engine takes it; ``None`` before the first."""
        night, known = self.night, self.known
        if known.live is None:
            return None
        full = any(export.options.full for export in night.target.exports)
        launcher, build = known.seen.launcher, known.seen.build
        fitted = fit(known.live.config(), launcher, build, full=full)
        with night.page.timing("asking the engine"):
            start = starter(known.seen, night.tools.probe, night.target.state / LOGS)
            fitted = proven(fitted, launcher, build, start)
        self._tell(fitted)
        fitted.write(night.target.state / INCUMBENT, build.engine)
        return fitted

    def _tell(self, fitted: Fitted) -> None:
        night = self.night
        night.page.put(dropped=fitted.dropped)
        for note in fitted.dropped:
            night.say(f"left out of the config in use: --{note.setting} {note.value}: {note.why}")
        for name, flag in (fitted.renamed or {}).items():
            night.page.note(f"this build knows --{name} of the config in use as {flag}")
        if fitted.problem is not None:
            night.page.note(f"the config in use does not run: {fitted.problem.message}")

    def _same_settings(self) -> str:
        """A model that was replaced where it lay: the same settings on it, against the figures of
        the one before, as nothing of that one is left to be asked. What a person should know."""
        night, known = self.night, self.known
        changed = any(change.name == "model" for change in known.decision.changes)
        if known.live is None or not changed or night.page.facts.get("canary") is not None:
            return ""
        if other_model(known.live.config(), known.seen) is not None:
            return ""
        with night.page.timing("canary"):
            found = night.canary_site(known).look(known.live, time_s=night.left_s())
        if found is None:
            return ""
        night.page.put(canary=found.note())
        if found.failure is not None or not found.drifted or found.ratio is None:
            return ""
        said = (
            f"the model on disk takes {found.ratio:.2f}x the seconds of the one that it replaced, "
            "with the same settings; that one is gone, so the exports cannot stay on it"
        )
        night.page.note(said)
        return f"{said}: if a slower model was not meant, put the file before back"

    def _after(
        self, summary: Summary, request: RunRequest, tuning: Tuning, fitted: Fitted | None
    ) -> Ending:
        night = self.night
        folder = StudyFolder(request.studies_dir / tuning.study)
        night.page.put(tuning=tuning_note(summary, folder, request.effective_budget_s))
        if summary.exit_code == ExitCode.STOPPED_EARLY:
            return Ending(Outcome.STOPPED, summary.verdict, "the next night goes on with it")
        had = self.known.live is not None
        verdict = judged(summary, folder, had=had, owned=self._is_owned())
        end = self._acted(verdict, request, folder, fitted)
        self._settle(tuning, end)
        return end

    def _is_owned(self) -> bool:
        """Whether a person's own files stand where the exports go."""
        return any(place.path.exists() for place in self.night.site.places)

    def _settle(self, tuning: Tuning, end: Ending) -> None:
        """From now on the next night is held against this one.

        Not where what won could not be put in use: the study stands, and the next night goes on
        with it, which costs no budget.
        """
        if end.outcome is Outcome.FAILED:
            return
        night, seen = self.night, self.known.seen
        sessions = seen.workload.sessions
        settled = Settled(fingerprint=seen.fingerprint, sessions=sessions, study=tuning.study)
        write_settled(night.target.state, settled)
        night.site.journal.end(tuning.step, outcome=end.outcome.value)

    def _acted(
        self, verdict: Verdict, request: RunRequest, folder: StudyFolder, fitted: Fitted | None
    ) -> Ending:
        live = self.known.live
        if verdict.act is Act.LEAVE or (
            verdict.act is Act.FOLLOW and not self._is_written_otherwise(verdict, fitted)
        ):
            return self._kept(verdict.why, request)
        old = None if live is None else other_model(live.config(), self.known.seen)
        if live is not None and old is not None and not self.night.ask.take_model:
            why = self._against_the_newer_model(live, old, verdict.config, request)
            if why is not None:
                return self._stays_on_the_old_model(why, old)
        return self._put(verdict, request, folder)

    def _against_the_newer_model(
        self, live: Generation, old: Path, best: ExportConfig, request: RunRequest
    ) -> str | None:
        """Why a newer model is not taken; ``None`` where nothing speaks against it."""
        night, new = self.night, self.known.seen.model
        with night.page.timing("quality of the model"):
            quality = model_quality(old, new, request, night.target.state, night.tools.probe)
        if quality.said:
            night.page.note(quality.said)
            night.say(quality.said)
        if quality.fails:
            return quality.said
        builds = self._builds(live, best, request)
        return None if builds.may_go_live else builds.said

    def _is_written_otherwise(self, verdict: Verdict, fitted: Fitted | None) -> bool:
        """Whether the config in use has to be written anew to serve as it did."""
        live = self.known.live
        if live is None or (fitted is not None and fitted.is_other):
            return True
        was, now = live.config(), verdict.config
        return model_of(was) != model_of(now) or was.argv[:1] != now.argv[:1]

    def _kept(self, why: str, request: RunRequest) -> Ending:
        """The config in use stays; later canaries are held against tonight's figures of it."""
        known = self.known
        self.night.page.put(promotion=PromotionNote(promoted=False, why=why))
        if known.live is not None and other_model(known.live.config(), known.seen) is None:
            try:
                refresh(self.night, known, known.live, request)
            except AutotuneError as error:
                self.night.page.note(f"no figures for later canaries: {error.message}")
        return Ending(Outcome.KEPT, why)

    def _builds(self, live: Generation, best: ExportConfig, request: RunRequest) -> Builds:
        """The newer model against the one in use, in turns."""
        night = self.night
        night.say("measuring the newer model beside the one in use")
        budget_s = request.effective_budget_s
        with night.page.timing("both models"):
            builds = builds_compared(
                live.config(),
                best,
                request,
                self.known.seen.workload.sessions,
                night.target.workload,
                duel=night.tools.duel,
                stop=night.tools.stop,
                budget_s=None if budget_s is None else BUILDS_SHARE * budget_s,
            )
        night.page.note(builds.said)
        night.say(builds.said)
        return builds

    def _stays_on_the_old_model(self, why: str, old: Path) -> Ending:
        why = f"{why}: the exports stay on {old.name}"
        self.night.page.put(promotion=PromotionNote(promoted=False, why=why))
        name, newer = self.night.target.name, self.known.seen.model.name
        hint = f"to have {newer} all the same: autotune nightly run {name} --force --take-model"
        return Ending(Outcome.KEPT, why, hint)

    def _put(self, verdict: Verdict, request: RunRequest, folder: StudyFolder) -> Ending:
        """Staged, proved, measured for later canaries, and promoted."""
        night, known = self.night, self.known
        why = verdict.why
        staged = stage(
            night.target, verdict.config, folder.name, why, known.seen.fingerprint, verdict.gain
        )
        with night.page.timing("proof"):
            found = proofs(night.target, staged, folder, night.say)
        bad = [proof for proof in found if proof.problem is not None]
        if bad:
            return self._unproven(staged, bad)
        refresh(night, known, staged, request)
        with night.page.timing("promotion"):
            done = promote(staged, night.site)
        return self._promoted(done, staged, verdict)

    def _unproven(self, staged: Generation, bad: list[Proof]) -> Ending:
        why = "; ".join(f"{proof.name}: {proof.problem}" for proof in bad)
        why = f"the engine does not take generation {staged.number} as it was exported: {why}"
        self.night.page.put(
            promotion=PromotionNote(promoted=False, why=why, generation=staged.number)
        )
        logs = self.night.target.state / "export-logs"
        return Ending(Outcome.FAILED, why, f"its logs are in {logs}; the config in use stays")

    def _promoted(
        self, done: Promoted | RolledBack, staged: Generation, verdict: Verdict
    ) -> Ending:
        night, was = self.night, self.known.live
        good = isinstance(done, Promoted)
        health = done.health if isinstance(done, Promoted) else None
        why = verdict.why if isinstance(done, Promoted) else done.reason
        night.page.put(
            promotion=PromotionNote(
                promoted=good,
                why=why,
                generation=staged.number,
                was_generation=None if was is None else was.number,
                changed=changed(None if was is None else was.config(), verdict.config),
                exports=tuple(str(place.path) for place in night.site.places),
                health=None if health is None else health.text,
            )
        )
        if good:
            return Ending(Outcome.PROMOTED, why)
        hint = (
            "see the logs of the after hook and of the engine; once that is mended: "
            f"autotune nightly rollback {night.target.name} --to {staged.number}"
        )
        return Ending(Outcome.ROLLED_BACK, why, hint)


def request_of(
    night: NightWork,
    known: Known,
    study: str,
    budget_s: float | None = None,
    fitted: Fitted | None = None,
) -> RunRequest:
    """What a study of tonight asks for: tonight's model and sessions, and what has to be beaten."""
    target, seen = night.target, known.seen
    path = target.state / FOLDER / seen.workload.file_name
    write_sessions(target.workload, seen.workload.sessions, path)
    incumbent = None if fitted is None else target.state / INCUMBENT
    request = target.asking(model=seen.model, workload=path, study=study, incumbent=incumbent)
    request, gone = asked_of_build(request, seen.launcher, seen.build)
    for name in gone:
        night.page.note(
            f"what the target says of --{name} is left out: this build has no such flag"
        )
    return request if budget_s is None else replace(request, budget_s=budget_s)


def refresh(night: NightWork, known: Known, generation: Generation, request: RunRequest) -> None:
    """Measures what later canaries of `generation` are held against, and keeps it.

    Raises `MachineError` when the config does not run.
    """
    turns = night.target.canary.turns
    if not night.target.canary.every or not turns:
        return
    night.say("taking figures for later canaries")
    with night.page.timing("figures for canaries"):
        site = night.canary_site(replace(known, live=generation))
        figures = site.refresh(generation, request, turns)
    night.site.generations.set_reference(generation.number, figures.to_json())


def changed(
    was: ExportConfig | None, now: ExportConfig
) -> Mapping[str, tuple[Setting | None, Setting | None]]:
    """The settings that differ, as ``(was, now)``; ``None`` is the engine's default."""
    before: Mapping[str, Any] = {} if was is None else was.settings
    names = dict.fromkeys((*before, *now.settings))
    pairs = {name: (before.get(name), now.settings.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
