"""The survey: one small launch that asks the engine how deep every turn of a workload is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotune.candidate import Candidate
from autotune.errors import MachineError
from autotune.launchers.failure import TrialError
from autotune.launchers.process import launch
from autotune.launchers.protocol import Server
from autotune.replay.endpoint import Rendering
from autotune.replay.plan import ReplayPlan
from autotune.replay.probe import probe_rendering
from autotune.trial.real import RealMeasurer
from autotune.trial.true_depth import find_true_depth
from autotune.workload.model import Message, Session
from autotune.workload.padding import SessionPads
from autotune.workload.token_scale import Scale

METHOD = "true-depth/1"
"""How depths and pads are worked out; a survey by another method is taken again."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the engine says of a workload.

    `depths` maps (session, turn) to prompt tokens after the chat template, filler included; `notes`
    say what the rendering changed, if the template takes the captured messages only rewritten.
    `pads` are the filler of each session that lacks something, `scales` what this engine counts
    for one recorded token, by agent.
    """

    depths: Mapping[tuple[str, int], int]
    rendering: Rendering
    notes: tuple[str, ...] = ()
    pads: Mapping[str, SessionPads] = field(default_factory=dict)
    scales: Mapping[str, Scale] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data for ``survey.json``."""
        rows = [[session, turn, depth] for (session, turn), depth in self.depths.items()]
        return {
            "rendering": self.rendering.value,
            "notes": list(self.notes),
            "scales": {agent: scale.to_json() for agent, scale in self.scales.items()},
            "pads": {session: pads.to_json() for session, pads in self.pads.items()},
            "depths": rows,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Survey:
        """The survey back from `to_json`."""
        return cls(
            depths={(str(s), int(t)): int(d) for s, t, d in data["depths"]},
            rendering=Rendering(data["rendering"]),
            notes=tuple(data["notes"]),
            pads={s: SessionPads.from_json(one) for s, one in data.get("pads", {}).items()},
            scales={a: Scale(**one) for a, one in data.get("scales", {}).items()},
        )


def take_survey(
    measurer: RealMeasurer, smallest: Candidate, plan: ReplayPlan, sessions: Sequence[Session]
) -> Survey:
    """Launch `smallest`, find the rendering its template takes, and bring `sessions` to true depth.

    `plan` has every turn of `sessions`, unpadded. Raises `MachineError` when the engine does not
    start at all or cannot count, `UserError` when its template takes the messages in no rendering.
    """
    context = measurer.context("survey")
    try:
        server = launch(measurer.launcher, smallest, context)
    except TrialError as error:
        raise MachineError(
            f"the engine does not start with this model: {error.message}",
            f"its log is {context.log_path}; 'autotune doctor' checks the machine",
        ) from None
    try:
        return _asked(measurer, server, plan, sessions)
    finally:
        measurer.launcher.stop(server)
        shutil.rmtree(context.work_dir, ignore_errors=True)


def _asked(
    measurer: RealMeasurer, server: Server, plan: ReplayPlan, sessions: Sequence[Session]
) -> Survey:
    """Everything that is asked of the running engine."""

    def maybe(messages: tuple[Message, ...], tools: tuple[Mapping[str, Any], ...]) -> int | None:
        return measurer.launcher.count_tokens(server, messages, tools)

    rendering, notes = probe_rendering(maybe, plan)
    lengths = {(p.turn.session_id, p.turn.index): p.output_tokens for p in plan.turns}
    count = surely_counting(maybe, measurer.launcher.name)
    found = find_true_depth(sessions, lengths, plan.history, rendering, count)
    return Survey(found.depths, rendering, notes, found.pads, found.scales)


def surely_counting(
    maybe: Callable[[tuple[Message, ...], tuple[Mapping[str, Any], ...]], int | None], engine: str
) -> Callable[[tuple[Message, ...], tuple[Mapping[str, Any], ...]], int]:
    """`maybe`, which counts prompts, but raising `MachineError` where it has no answer."""

    def count(messages: tuple[Message, ...], tools: tuple[Mapping[str, Any], ...]) -> int:
        tokens = maybe(messages, tools)
        if tokens is None:
            raise MachineError(
                f"{engine} cannot count the tokens of a prompt",
                "name a token-count endpoint in the engine's manifest",
            )
        return tokens

    return count
