"""How a contest ended: the verdict, a row for each config, and the files that say so."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from autotune import __version__
from autotune.errors import ExitCode
from autotune.scoring.noise import assumed_floor
from autotune.scoring.score import Score
from autotune.search.account import Account
from autotune.search.confirm import DEFAULT_ARM, Confirmed
from autotune.search.contest.arms import BASE, ContestArm
from autotune.search.contest.finals import Proof
from autotune.search.contest.opened import Opened
from autotune.search.contest.request import ContestRequest
from autotune.search.contest.resume import contest_resume
from autotune.search.contest.side import Side, leader
from autotune.search.contest.verdict import Verdict, compare_arms, reach_verdict
from autotune.search.events import ArmRow, Summary
from autotune.search.hold import Holding
from autotune.search.ladder_report import ladder_report
from autotune.search.ledger import arm_name
from autotune.search.outcome import (
    bucket_rows,
    config_of,
    confirmed_json,
    decide,
    disturbance_notes,
    export_argv,
    figures,
    interval_of,
    write_result,
)
from autotune.search.quality_store import quality_summary
from autotune.search.reuse import told_reuse
from autotune.search.simplify import told_effects
from autotune.search.usual import verdict_of
from autotune.study.folder import StudyFolder

REASONS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A contest whose search is over or was stopped; `proof` is what was confirmed, if anything."""

    request: ContestRequest
    folder: StudyFolder
    opened: Sequence[Opened]
    sides: Sequence[Side]
    proof: Proof | None
    stopped: bool
    holding: Holding | None = None
    noise: Mapping[str, Any] | None = None
    account: Account | None = None

    def one(self, label: str) -> Opened:
        """The engine called `label`."""
        return next(one for one in self.opened if one.label == label)

    def summary(self) -> Summary:
        """The verdict, written down where it is final."""
        if self.stopped:
            return self._unfinished()
        if self.proof is None:
            return self._nothing_ran()
        if self.proof.baseline.name in self.proof.confirmed.failed:
            return self._no_baseline(self.proof)
        return self._decided(self.proof)

    def _summary(self, code: ExitCode, verdict: str, **more: Any) -> Summary:
        measured = [entry for side in self.sides for entry in side.ledger.measured]
        return Summary(
            study=self.folder.name,
            study_dir=str(self.folder.path),
            exit_code=int(code),
            verdict=verdict,
            trials=len(measured),
            failed=sum(1 for entry in measured if entry.value is None),
            noise=None if self.noise is None else dict(self.noise),
            ladder=tuple(
                {"engine": side.label, **row}
                for side in self.sides
                for row in ladder_report(side.search.ladder.rungs, side.ledger)
            ),
            **{"winner": None, "speedup": None, "interval": None, **more},
        )

    def _unfinished(self) -> Summary:
        best, count = leader(tuple(self.sides)), self._summary(ExitCode.DONE, "").trials
        so_far = (
            f"; best so far is trial {best[1].number} of {best[0].label}, not confirmed"
            if best is not None
            else ""
        )
        resume = contest_resume(self.request, self.folder)
        verdict = f"Stopped after {count} trials{so_far}."
        code = ExitCode.STOPPED_EARLY
        return self._summary(code, verdict, resume=resume, seconds=self._seconds())

    def _seconds(self) -> dict[str, float]:
        """Where the wall time went, up to now."""
        if self.account is None:
            return {}
        self.account.save()
        return self.account.told()

    def _nothing_ran(self) -> Summary:
        reasons = sorted(
            {
                f"{side.label}: {e.failure}: {e.reason}"
                for side in self.sides
                for e in side.ledger.measured
                if e.value is None
            }
        )
        names = " and ".join(self.request.labels)
        verdict = f"No default of {names} could be measured, so nothing can be compared."
        notes = tuple(reasons[:REASONS_SHOWN])
        code = ExitCode.NO_FEASIBLE_TRIAL
        return self._written(self._summary(code, verdict, notes=notes), None)

    def _no_baseline(self, proof: Proof) -> Summary:
        name = proof.baseline.name
        verdict = f"{name} could not be measured, so nothing can be proved against it."
        notes = (proof.confirmed.failed[name],)
        code = ExitCode.NO_FEASIBLE_TRIAL
        return self._written(self._summary(code, verdict, notes=notes), None)

    def _decided(self, proof: Proof) -> Summary:
        base = self.one(proof.baseline.engine)
        verdict = reach_verdict(
            proof,
            base.layout.confirm_judge,
            seed=self.request.shared.seed,
            held_out=base.layout.held_out,
        )
        for one in self.opened:
            self._write_engine(one, proof)
        shown = verdict.shown or proof.baseline
        chosen = verdict.winner or proof.baseline
        same_engine = shown.engine == proof.baseline.engine
        records = proof.confirmed.records
        view = replace(
            proof.confirmed, records={**records, DEFAULT_ARM: records[proof.baseline.name]}
        )
        summary = self._summary(
            verdict.exit_code,
            verdict.sentence,
            winner=verdict.winner.entry.number if verdict.winner else None,
            engine=verdict.winner.engine if verdict.winner else None,
            speedup=verdict.comparison.ratio if verdict.comparison else None,
            interval=interval_of(verdict.comparison),
            changes=dict(verdict.winner.entry.changes) if verdict.winner else {},
            before=self._figures(proof, proof.baseline),
            after=self._figures(proof, shown),
            # Engines count differently: their buckets hold different turns.
            buckets=bucket_rows(base.layout, view, shown.name) if same_engine else (),
            launch_command=shlex.join(export_argv(self.one(chosen.engine).setup, chosen.entry)),
            quality=self._quality(chosen),
            notes=tuple(self._notes(proof)),
            arms=tuple(self._row(proof, arm) for arm in proof.arms),
            usual_chart=verdict_of(
                {side.label: side.ledger for side in self.sides},
                proof.baseline.engine,
                seed=self.request.shared.seed,
            ),
            reuse=self._reuse(proof.baseline, shown),
        )
        if verdict.winner is not None:
            summary = replace(summary, effects=self._effects(verdict.winner))
        if self.holding is not None:
            summary = self.holding.told(summary)
        return self._written(summary, verdict)

    def _effects(self, winner: ContestArm) -> tuple[dict[str, Any], ...]:
        """What each change of the winner is worth, by its engine's search."""
        search = next(side.search for side in self.sides if side.label == winner.engine)
        steady = search.steady
        return told_effects(
            search, winner.entry, assumed_floor() if steady is None else steady.floor
        )

    def _reuse(self, *arms: ContestArm) -> dict[str, dict[str, Any]]:
        told: dict[str, dict[str, Any]] = {}
        for arm in arms:
            told |= told_reuse(self.one(arm.engine).setup.folder.path, **{arm.name: arm.name})
        return told

    def _quality(self, arm: ContestArm) -> dict[str, Any] | None:
        """What the guard of its engine found."""
        one = self.one(arm.engine)
        return quality_summary(one.setup.folder.path, one.layout.space, arm.entry.settings)

    def _figures(self, proof: Proof, arm: ContestArm) -> dict[str, float | None]:
        return figures(self._score(proof, arm))

    def _score(self, proof: Proof, arm: ContestArm) -> Score | None:
        records = proof.confirmed.records.get(arm.name)
        judge = self.one(arm.engine).layout.confirm_judge
        return judge.score(records) if records else None

    def _row(self, proof: Proof, arm: ContestArm) -> ArmRow:
        one, score = self.one(arm.engine), self._score(proof, arm)
        known = figures(score)
        comparison = proof.confirmed.comparisons.get(arm.name)
        return ArmRow(
            engine=arm.engine,
            role=arm.role,
            trial=arm.entry.number,
            changes=dict(arm.entry.changes),
            depth=one.layout.depth_label,
            turns=len(one.layout.confirm_judge.at_depth),
            ttft_p50_s=known.get("ttft_p50_s"),
            ttft_p95_s=known.get("ttft_p95_s"),
            decode_p50_tps=known.get("decode_p50_tps"),
            turn_s=known.get("turn_s"),
            total_wait_s=known.get("total_wait_s"),
            speedup=comparison.ratio if comparison else None,
            interval=interval_of(comparison),
            failure=proof.confirmed.failed.get(arm.name),
            kinds=score.kinds if score else (),
        )

    def _notes(self, proof: Proof) -> list[str]:
        notes = [f"{arm} was dropped: {why}" for arm, why in proof.confirmed.failed.items()]
        present = {arm.engine for arm in proof.arms}
        notes += [self._absent(side) for side in self.sides if side.label not in present]
        if proof.baseline.engine != self.request.baseline:
            notes.append(
                f"{self.request.baseline} could not be measured as it is: everything is compared "
                f"with {proof.baseline.engine}"
            )
        ended = [f"{s.label}: {s.search.ended.sentence}" for s in self.sides if s.search.ended]
        return [*notes, *ended, *disturbance_notes(proof.confirmed)]

    def _absent(self, side: Side) -> str:
        """Why an engine has no config among those that were confirmed."""
        failed = [e for e in side.ledger.measured if e.value is None]
        why = f" ({failed[-1].failure}: {failed[-1].reason})" if failed else ""
        return f"none of {len(side.ledger.measured)} trials of {side.label} could be measured{why}"

    def _write_engine(self, one: Opened, proof: Proof) -> None:
        """An engine's own result: its best against its default, in its own study."""
        side = next(side for side in self.sides if side.label == one.label)
        view = own_view(one, proof)
        outcome = decide(one.setup, one.layout, side.ledger, view, stopped=False)
        write_result(one.setup, one.layout, outcome)

    def _written(self, summary: Summary, verdict: Verdict | None) -> Summary:
        """``result.json`` of the contest."""
        proof = self.proof
        summary = replace(summary, seconds=self._seconds())
        self.folder.write_result(
            {
                "autotune_version": __version__,
                "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "summary": asdict(summary),
                "objective": self.request.shared.objective,
                "depth": {one.label: one.layout.depth_label for one in self.opened},
                "held_out": self.opened[0].layout.held_out,
                "winner": self._config(verdict.winner if verdict else None),
                "baseline": self._config(proof.baseline if proof else None),
                "comparison": asdict(verdict.comparison)
                if verdict and verdict.comparison
                else None,
                "tied": list(verdict.tied) if verdict else [],
                "duels": _duels(verdict),
                "confirmed": confirmed_json(proof.confirmed if proof else None),
                "hold": self.holding.to_json() if self.holding else None,
            }
        )
        return summary

    def _config(self, arm: ContestArm | None) -> Mapping[str, Any] | None:
        if arm is None:
            return None
        one = self.one(arm.engine)
        return {"engine": arm.engine, **(config_of(one.setup, one.layout, arm.entry) or {})}


def _duels(verdict: Verdict | None) -> list[dict[str, Any]]:
    """The champion against the best of each other engine, as plain data."""
    if verdict is None:
        return []
    return [
        {
            "champion": verdict.champion.name,
            "rival": duel.rival.name,
            "told_apart": duel.told_apart,
            "comparison": asdict(duel.comparison) if duel.comparison else None,
        }
        for duel in verdict.duels
    ]


def own_view(one: Opened, proof: Proof) -> Confirmed | None:
    """What was confirmed of one engine, as a confirmation of it alone: best against default.

    ``None`` where its default was not among the arms.
    """
    mine = [arm for arm in proof.arms if arm.engine == one.label]
    default = next((arm for arm in mine if arm.role == BASE), None)
    if default is None:
        return None
    names = {a.name: DEFAULT_ARM if a is default else arm_name(a.entry.number) for a in mine}
    confirmed, judge = proof.confirmed, one.layout.confirm_judge
    compared = {
        names[arm.name]: found
        for arm in mine
        if arm is not default and arm.name not in confirmed.failed
        if (found := compare_arms(confirmed, default, arm, judge, one.setup.request.seed))
    }
    return Confirmed(
        records={names[n]: rows for n, rows in confirmed.records.items() if n in names},
        failed={names[n]: why for n, why in confirmed.failed.items() if n in names},
        comparisons=compared,
        blocks=confirmed.blocks,
        seconds=0.0,
        disturbed=confirmed.disturbed,
    )
