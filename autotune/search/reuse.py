"""Which measurements of a study have their prefix reuse explained, and what is told of them.

Tokenizing every prompt once more takes about as long as one short turn. So it is asked of the
default's first trial and of every arm of the confirmation once, never of every trial.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autotune.search.ledger import arm_name
from autotune.study.reuse_log import ReuseLog
from autotune.trial.reuse_trace import ReuseTrace

CONFIRM = "confirm-"


def explained(arm: str, block: int) -> bool:
    """Whether the measurement of `arm` in `block` is to be explained."""
    return block == 0 and (arm.startswith(CONFIRM) or arm == arm_name(0))


def reuse_question(study: Path) -> ReuseTrace:
    """The question, for measurements of the study in the folder `study`."""
    return ReuseTrace(ReuseLog(study).append, explained)


def told_reuse(study: Path, **arms: str | None) -> dict[str, dict[str, Any]]:
    """What was found of each of `arms`, ``tuned="trial-0007"``, by the name it is shown under.

    From the last confirmation; for the default, where there was none, from its first trial. An arm
    that nothing is known of is left out.
    """
    found = ReuseLog(study).summaries()
    told = {}
    for shown, arm in arms.items():
        summary = _last(found, arm)
        if summary is not None:
            told[shown] = summary
    if "default" in arms and "default" not in told and arm_name(0) in found:
        told = {"default": found[arm_name(0)], **told}
    return told


def _last(found: dict[str, dict[str, Any]], arm: str | None) -> dict[str, Any] | None:
    if arm is None:
        return None
    names = [name for name in found if name.startswith(CONFIRM) and name.endswith(f"-{arm}")]
    return found[names[-1]] if names else None
