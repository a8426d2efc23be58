"""The survey: one small launch that asks the engine how deep every turn of a workload is."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autotune.candidate import Candidate
from autotune.errors import MachineError
from autotune.launchers.failure import TrialError
from autotune.launchers.process import launch
from autotune.replay.endpoint import Rendering
from autotune.replay.plan import ReplayPlan
from autotune.replay.probe import CountTokens, probe_rendering
from autotune.replay.rendering import render
from autotune.trial.real import RealMeasurer
from autotune.workload.model import Turn


@dataclass(frozen=True, slots=True)
class Survey:
    """What the engine says of a workload.

    `depths` maps (session, turn) to prompt tokens after the chat template; `notes` say what the
    rendering changed, if the template takes the captured messages only rewritten.
    """

    depths: Mapping[tuple[str, int], int]
    rendering: Rendering
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data for ``survey.json``."""
        rows = [[session, turn, depth] for (session, turn), depth in self.depths.items()]
        return {"rendering": self.rendering.value, "notes": list(self.notes), "depths": rows}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Survey:
        """The survey back from `to_json`."""
        depths = {(str(s), int(t)): int(d) for s, t, d in data["depths"]}
        return cls(depths, Rendering(data["rendering"]), tuple(data["notes"]))


def take_survey(measurer: RealMeasurer, smallest: Candidate, plan: ReplayPlan) -> Survey:
    """Launch `smallest`, find the rendering its template takes, and count every turn of `plan`.

    Raises `MachineError` when the engine does not start at all or cannot count, `UserError` when
    its template takes the messages in no rendering.
    """
    context = measurer.context("survey")
    launcher = measurer.launcher
    try:
        server = launch(launcher, smallest, context)
    except TrialError as error:
        raise MachineError(
            f"the engine does not start with this model: {error.message}",
            f"its log is {context.log_path}; 'autotune doctor' checks the machine",
        ) from None
    try:

        def count(
            messages: tuple[Mapping[str, Any], ...], tools: tuple[Mapping[str, Any], ...]
        ) -> int | None:
            return launcher.count_tokens(server, messages, tools)

        rendering, notes = probe_rendering(count, plan)
        depths = {
            (p.turn.session_id, p.turn.index): _depth(count, p.turn, rendering, launcher.name)
            for p in plan.turns
        }
        return Survey(depths, rendering, notes)
    finally:
        launcher.stop(server)
        shutil.rmtree(context.work_dir, ignore_errors=True)


def _depth(count: CountTokens, turn: Turn, rendering: Rendering, engine: str) -> int:
    rendered = render(turn.messages, turn.tools, rendering)
    tokens = count(rendered.messages, rendered.tools)
    if tokens is None:
        raise MachineError(
            f"{engine} cannot count the tokens of a prompt",
            "name a token-count endpoint in the engine's manifest",
        )
    return tokens
