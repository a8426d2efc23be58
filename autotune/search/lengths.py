"""Engines whose replies may end before the asked length: which history their prompts carry."""

from __future__ import annotations

from dataclasses import replace

from autotune.launchers.habits import habits_of
from autotune.launchers.protocol import Launcher
from autotune.replay.plan import History
from autotune.search.request import RunRequest


def with_fitting_history(
    request: RunRequest, launcher: Launcher
) -> tuple[RunRequest, tuple[str, ...]]:
    """`request` as `launcher`'s engine can be measured, and what a person should know of it.

    Where a reply may end early, prompts carry the recorded one: else two candidates that end one
    differently would be given different prompts from there on. An engine that reuses a prompt only
    together with its own reply keeps the closed loop: with recorded replies it would reuse nothing.
    """
    habits = habits_of(launcher)
    if habits.pins_length:
        return request, ()
    note = f"{launcher.name} cannot be held to a reply's length: time counts by the token"
    if habits.continues_only or request.history == History.RECORDED.value:
        return request, (note,)
    fitting = replace(request, history=History.RECORDED.value)
    return fitting, (f"{note}, and prompts carry the recorded replies (--history recorded)",)
