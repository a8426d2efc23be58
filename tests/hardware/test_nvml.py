from __future__ import annotations

import ctypes.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Library = Callable[..., Path]

LOOK = """
import json
from autotune.hardware.nvml import nvml_probe
with nvml_probe() as probe:
    cards = probe.gpus()
    states = [probe.state(card.uuid) for card in cards]
    again = [probe.state(card.uuid) for card in cards]
def state(s):
    events = None if s.events is None else int(s.events)
    processes = [[p.pid, p.used_bytes, p.sm_share] for p in s.processes or ()]
    listed = None if s.processes is None else processes
    return {"sm": s.sm_clock_mhz, "mem": s.memory_clock_mhz, "events": events, "used": s.used_bytes,
            "free": s.free_bytes, "power": s.power_w, "limit": s.power_limit_w,
            "energy": s.energy_j, "temp": s.temperature_c, "processes": listed}
print(json.dumps({"problem": probe.problem, "cards": [c.to_json() for c in cards],
                  "states": [state(s) for s in states], "again": [state(s) for s in again]}))
"""

SELECT = """
import json, sys
from autotune.errors import AutotuneError
from autotune.hardware.nvml import nvml_probe
from autotune.hardware.select import select_gpu
answers = {}
with nvml_probe() as probe:
    for ask in ("3090", "3090 ti", "rtx3090", "3080", "auto", "cpu", "1", "GPU-2222", "spark"):
        try:
            gpu = select_gpu(ask, probe.gpus())
            answers[ask] = gpu.name if gpu else None
        except AutotuneError as error:
            answers[ask] = [type(error).__name__, error.message, error.hint]
print(json.dumps(answers))
"""

GIB = 2**30


def test_two_cards(nvml_library: Library, with_library: Run) -> None:
    seen = with_library(LOOK, nvml_library())
    assert seen["problem"] is None
    first, second = seen["cards"]
    assert first == {
        "uuid": "GPU-11111111-aaaa-bbbb-cccc-000000000001",
        "name": "NVIDIA GeForce RTX 3090",
        "index": 0,
        "vram_bytes": 24 * GIB,
        "free_bytes": 20 * GIB,
        "driver": "580.95.05",
        "compute_capability": [8, 6],
        "power_limit_w": 280.0,
        "default_power_limit_w": 350.0,
        "max_sm_clock_mhz": 2100,
        "vendor": "nvidia",
        "board_uuid": None,
    }
    assert (second["name"], second["index"]) == ("NVIDIA GeForce RTX 3090 Ti", 1)


def test_state_of_a_card(nvml_library: Library, with_library: Run) -> None:
    seen = with_library(LOOK, nvml_library())
    busy, idle = seen["states"]
    assert busy == {
        "sm": 1695,
        "mem": 9751,
        "events": 0x24,
        "used": 4 * GIB,
        "free": 20 * GIB,
        "power": 279.5,
        "limit": 280.0,
        "energy": 5250.0,
        "temp": 71,
        "processes": [[1, 3 * GIB, 0.4], [4000001, None, None]],  # unknown memory is not zero
    }
    assert idle["processes"] == []
    # nothing newer than the last look: no share, which is not a share of zero
    assert seen["again"][0]["processes"] == [[1, 3 * GIB, None], [4000001, None, None]]


def test_gb10_has_no_memory_of_its_own(nvml_library: Library, with_library: Run) -> None:
    seen = with_library(LOOK, nvml_library(), "gb10")
    (card,) = seen["cards"]
    assert card["name"] == "NVIDIA GB10"
    assert card["compute_capability"] == [12, 1]
    for unknown in ("vram_bytes", "free_bytes", "power_limit_w", "default_power_limit_w"):
        assert card[unknown] is None
    assert seen["states"][0]["free"] is None
    assert seen["states"][0]["used"] is None
    assert seen["states"][0]["power"] == 279.5


def test_a_divided_card_is_its_parts(nvml_library: Library, with_library: Run) -> None:
    seen = with_library(LOOK, nvml_library(), "mig")
    large, small, whole = seen["cards"]
    assert (large["name"], large["index"]) == ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", 0)
    assert large["uuid"].startswith("MIG-5555")
    assert large["board_uuid"].startswith("GPU-4444")
    assert (small["vram_bytes"], small["free_bytes"]) == (5 * GIB, 4 * GIB)
    assert small["power_limit_w"] == 400.0  # of the board: a part has none
    assert (whole["name"], whole["board_uuid"]) == ("NVIDIA GeForce RTX 3090", None)
    state = seen["states"][1]
    assert (state["sm"], state["power"], state["limit"]) == (1695, 279.5, 400.0)
    assert (state["free"], state["processes"]) == (4 * GIB, [[1, 3 * GIB, None]])


def test_a_part_of_a_card_is_selected_by_its_uuid(nvml_library: Library, with_library: Run) -> None:
    code = SELECT.replace('"3090 ti"', '"a100", "MIG-6", "0", "3g.20gb mig"')
    answers = with_library(code, nvml_library(), "mig")
    assert answers["MIG-6"] == "NVIDIA A100-SXM4-40GB MIG 1g.5gb"
    kind, _, hint = answers["a100"]  # nobody can use the whole card as it is
    assert kind == "MachineError"
    assert "NVIDIA A100-SXM4-40GB MIG 3g.20gb" in hint
    assert "could be any of 2" in answers["0"][1]


def test_an_old_driver_is_asked_by_the_old_names(nvml_library: Library, with_library: Run) -> None:
    seen = with_library(LOOK, nvml_library("-DOLD"))
    assert [state["events"] for state in seen["states"]] == [0x24, 0x1]
    assert seen["states"][0]["processes"] == [[1, 3 * GIB, 0.4], [4000001, None, None]]


def test_no_driver_is_no_card_and_no_error(with_library: Run) -> None:
    if ctypes.util.find_library("nvidia-ml"):
        pytest.skip("this machine has the driver library")
    assert with_library(LOOK, None) == {"problem": None, "cards": [], "states": [], "again": []}


def test_a_driver_that_does_not_answer_is_named(nvml_library: Library, with_library: Run) -> None:
    seen = with_library(LOOK, nvml_library(), "broken")
    assert seen["cards"] == []
    assert "does not start: Driver Not Loaded" in seen["problem"]


def test_selection_over_real_nvml(nvml_library: Library, with_library: Run) -> None:
    answers = with_library(SELECT, nvml_library())
    assert answers["3090"] == answers["rtx3090"] == "NVIDIA GeForce RTX 3090"
    assert answers["3090 ti"] == answers["1"] == answers["GPU-2222"] == "NVIDIA GeForce RTX 3090 Ti"
    assert answers["cpu"] is None
    kind, message, hint = answers["3080"]
    assert kind == "MachineError"
    assert "NVIDIA GeForce RTX 3090 Ti, 24.0 GiB (GPU-2222" in message
    assert "--gpu cpu" in hint
    assert answers["auto"][0] == "MachineError"  # two kinds of card: which one is not guessed
    assert answers["spark"][0] == "MachineError"
    assert with_library(SELECT, nvml_library(), "gb10")["spark"] == "NVIDIA GB10"


def test_a_card_that_is_not_here(nvml_library: Library, with_library: Run) -> None:
    code = """
import json
from autotune.errors import MachineError
from autotune.hardware.nvml import nvml_probe
with nvml_probe() as probe:
    try:
        probe.state("GPU-none")
    except MachineError as error:
        print(json.dumps(error.message))
"""
    assert with_library(code, nvml_library()) == "no GPU GPU-none on this machine"
