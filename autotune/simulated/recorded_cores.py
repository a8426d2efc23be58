"""The two combinations on a processor against this project's own recorded turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autotune.simulated.calibration import (
    Error,
    RecordedTurn,
    RooflineOf,
    decode_errors,
    fitted,
    read_turns,
    ttft_errors,
)
from autotune.simulated.combinations import TWO_CORES, TWO_CORES_LLAMA, TWO_CORES_VLLM
from autotune.simulated.llama_costs import LlamaCosts
from autotune.simulated.model_shapes import RANDOM_LLAMA, RANDOM_LLAMA_HF
from autotune.simulated.models import simulated_model
from autotune.simulated.roofline import Pace, Roofline
from autotune.simulated.vllm_costs import VllmCosts

SESSIONS = ("made-up-session", "real-session")
PACES = {"llama-server": TWO_CORES_LLAMA, "vllm": TWO_CORES_VLLM}


@dataclass(frozen=True, slots=True)
class Judged:
    """Errors by depth bucket of one pace over one set of turns: `what` says which."""

    engine: str
    what: str
    cold: dict[str, Error]
    warm: dict[str, Error]
    decode: dict[str, Error]


def llama_server(pace: Pace) -> Roofline:
    """As it was recorded: the engine's defaults."""
    return LlamaCosts(TWO_CORES, simulated_model(RANDOM_LLAMA), pace).roofline({})


def vllm(pace: Pace) -> Roofline:
    """As it was recorded: the engine's defaults, which leave one core to the scheduler."""
    return VllmCosts(TWO_CORES, simulated_model(RANDOM_LLAMA_HF), pace, fp8=False).roofline({})


ROOFLINES: dict[str, RooflineOf] = {"llama-server": llama_server, "vllm": vllm}


def recorded(studies: Path, engine: str, session: str) -> list[RecordedTurn]:
    """The turns of a committed prefix-cache study, cold and warm."""
    return read_turns(studies / f"prefix-cache-{engine}" / session / "cache-effect.csv")


def judged(studies: Path, engine: str) -> list[Judged]:
    """The shipped pace over all turns; by halves and by sessions, each fitted to the other one."""
    of, start = ROOFLINES[engine], PACES[engine]
    sessions = [recorded(studies, engine, name) for name in SESSIONS]
    every = [turn for turns in sessions for turn in turns]
    halves = _halves(every)
    found = [_judge(engine, "all turns, as shipped", every, of(start))]
    unseen = "half of the turns, fitted to the others"
    of_halves = [of(fitted(half, of, start)) for half in reversed(halves)]
    found.append(_judge_each(engine, unseen, halves, of_halves))
    for name, turns, others in zip(SESSIONS, sessions, reversed(sessions), strict=True):
        roofline = of(fitted(others, of, start))
        found.append(_judge(engine, f"{name}, fitted to the other session", turns, roofline))
    return found


def _halves(turns: Sequence[RecordedTurn]) -> tuple[list[RecordedTurn], list[RecordedTurn]]:
    """Turn by turn in alternation; a turn's cold and warm request stay together."""
    pairs = [turns[at : at + 2] for at in range(0, len(turns), 2)]
    return [t for pair in pairs[::2] for t in pair], [t for pair in pairs[1::2] for t in pair]


def _judge(engine: str, what: str, turns: Sequence[RecordedTurn], roofline: Roofline) -> Judged:
    return _judge_each(engine, what, [turns], [roofline])


def _judge_each(
    engine: str,
    what: str,
    parts: Sequence[Sequence[RecordedTurn]],
    rooflines: Sequence[Roofline],
) -> Judged:
    """Over several sets of turns, each by a roofline of its own."""
    owners = {id(t): r for part, r in zip(parts, rooflines, strict=True) for t in part}
    turns = [turn for part in parts for turn in part]

    def of(turn: RecordedTurn) -> Roofline:
        return owners[id(turn)]

    return Judged(
        engine,
        what,
        cold=ttft_errors([t for t in turns if not t.warm], of),
        warm=ttft_errors([t for t in turns if t.warm], of),
        decode=decode_errors(turns, of),
    )
