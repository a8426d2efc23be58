"""A verification in plain lines, at most 80 columns wide where names allow it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autotune.export.verify.outcome import TurnPair, Verification


def verification_lines(path: Path, found: Verification) -> list[str]:
    """The verdict first, then what it rests on."""
    lines = [_verdict(path, found)]
    lines += [f"  problem: {text}" for text in found.problems]
    lines += [f"  checked: {text}" for text in found.checked]
    if found.load_s is not None:
        lines.append(f"  it was ready after {found.load_s:.1f} s")
    if found.unread:
        lines.append(f"  not told by the engine: {', '.join(found.unread)}")
    lines += _turn_lines(found)
    lines += [f"  not checked: {text}" for text in found.unchecked]
    lines += [f"  note: {text}" for text in found.notes]
    return lines


def _verdict(path: Path, found: Verification) -> str:
    if not found.started:
        return f"{path.name} is valid" if found.as_tuned else f"{path.name} is not valid"
    return f"{path.name} runs as tuned" if found.as_tuned else f"{path.name} does not run as tuned"


def _turn_lines(found: Verification) -> Iterator[str]:
    if not found.turns:
        return
    yield "  turn                    depth  cached     TTFT (study)        turn (study)"
    for turn in found.turns:
        yield _turn_line(turn)
    yield "  Times of one replay, beside the study's medians: too few to compare."


def _turn_line(turn: TurnPair) -> str:
    name = f"{turn.session_id[:16]} #{turn.turn}"
    if turn.failure is not None:
        return f"  {name:<20} failed: {turn.failure}"
    depth, cached = _count(turn.depth_tokens), _count(turn.cached_tokens)
    ttft = _beside(turn.ttft_s, turn.study_ttft_s)
    return f"  {name:<20} {depth:>8} {cached:>7} {ttft} {_beside(turn.wall_s, turn.study_wall_s)}"


def _beside(now_s: float | None, study_s: float | None) -> str:
    """``0.42 s (0.40 s)``; a dash for what is not known."""
    return f"{_seconds(now_s):>8} {f'({_seconds(study_s)})':>10}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
