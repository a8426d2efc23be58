"""What the dashboard offers with each trial: its facts, its turns, a plot of them, its logs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotune.dashboard.engine_logs import logs_by_arm, shown_log
from autotune.dashboard.shelf import Artifact
from autotune.search.ledger import arm_name

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from autotune.records import TurnRecord
    from autotune.study.folder import StudyFolder

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class TrialFiles:
    """The files of the trials of `folder`. `arms` are those with turns, `default` a trial."""

    folder: StudyFolder
    arms: frozenset[str]
    default: int | None
    logs: Mapping[str, list[Path]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: StudyFolder, arms: frozenset[str], default: int | None) -> TrialFiles:
        """With the logs that are there now."""
        return cls(folder, arms, default, logs_by_arm(folder.logs))

    def of_trial(self, trial: FrozenTrial) -> Iterator[Artifact]:
        """The files of one trial, those that are looked at most first."""
        arm, owner = arm_name(trial.number), f"{self.folder.path.resolve()}/{trial.number}"
        if arm in self.arms:
            yield Artifact(owner, f"{arm}-turns.svg", partial(self._plot, trial.number))
        yield from (
            Artifact(owner, path.name, partial(shown_log, path))
            for path in self._logs(trial.number)
        )
        if arm in self.arms:
            yield Artifact(owner, f"{arm}-turns.csv", partial(self._csv, arm))
        yield Artifact(owner, f"{arm}.json", partial(_facts, self.folder.name, trial))

    def _logs(self, number: int) -> Iterable[Path]:
        own = self.logs.get(arm_name(number), [])
        return [*own, *self.logs.get(DEFAULT, [])] if number == self.default else own

    def _records(self, *arms: str) -> dict[str, tuple[TurnRecord, ...]]:
        from autotune.report.page.turn_lines import lines_by_arm, records

        lines = lines_by_arm(self.folder.turns_path, lambda arm: arm in arms)
        return {arm: records(lines, arm) for arm in arms}

    def _csv(self, arm: str) -> bytes:
        from autotune.report.frames import turn_frame

        return bytes(turn_frame(self._records(arm)[arm]).to_csv(index=False).encode())

    def _plot(self, number: int) -> bytes:
        """The trial's turns, over those of the engine's defaults where that is another trial."""
        from autotune.report.page.drawn import alone
        from autotune.report.page.turns import side, turns_plot

        wanted = {DEFAULT: self.default, f"trial {number}": number}
        if number == self.default:
            del wanted[f"trial {number}"]
        arms = {name: arm_name(n) for name, n in wanted.items() if n is not None}
        told = self._records(*arms.values())
        roles = {DEFAULT: "default"}
        sides = [side(name, roles.get(name, "tuned"), told[arm]) for name, arm in arms.items()]
        plot = turns_plot(sides, name=f"{arm_name(number)}-turns")
        return (alone(plot.figure) if plot is not None else _NO_TURNS).encode()


_NO_TURNS = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 40"><text x="10" y="25">'
    "no turn was measured</text></svg>"
)


def _facts(study: str, trial: FrozenTrial) -> bytes:
    """Everything that the study keeps of a trial."""
    told: dict[str, Any] = {
        "study": study,
        "number": trial.number,
        "params": trial.params,
        "started": _stamp(trial.datetime_start),
        "ended": _stamp(trial.datetime_complete),
        **trial.user_attrs,
    }
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def _stamp(moment: Any) -> str | None:
    return None if moment is None else moment.isoformat()
