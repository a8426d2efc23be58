"""Which history goes with which engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from autotune.launchers.ds4 import Ds4Launcher
from autotune.launchers.llama_server import LlamaServerLauncher
from autotune.launchers.omlx import OmlxLauncher
from autotune.search.lengths import with_fitting_history
from autotune.search.request import RunRequest

CLOSED = RunRequest(workload=Path("captures"))


def test_an_engine_that_keeps_to_the_length_is_left_alone() -> None:
    assert with_fitting_history(CLOSED, LlamaServerLauncher()) == (CLOSED, ())


def test_replies_that_may_end_early_are_replaced_by_the_recorded_ones() -> None:
    fitting, (note,) = with_fitting_history(CLOSED, OmlxLauncher())
    assert fitting == replace(CLOSED, history="recorded")
    assert "prompts carry the recorded replies" in note


def test_who_asked_for_it_is_only_told_about_the_lengths() -> None:
    recorded = replace(CLOSED, history="recorded")
    fitting, (note,) = with_fitting_history(recorded, OmlxLauncher())
    assert fitting == recorded
    assert note.endswith("time counts by the token")


def test_an_engine_that_only_goes_on_from_its_own_reply_keeps_the_closed_loop() -> None:
    fitting, (note,) = with_fitting_history(CLOSED, Ds4Launcher())
    assert fitting == CLOSED
    assert "ds4 cannot be held" in note
