"""The ceiling of prefix reuse: what N cache slots could have held of a workload, turn by turn."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autotune.workload.prefix import shared_chain


@dataclass(frozen=True, slots=True)
class Step:
    """One request for the simulation.

    The session's prompt keeps its first `keep` links and goes on with `links`; `tokens[i]` are the
    prompt tokens up to new link `i`. `reply_tokens` are what the slot holds on top when the reply
    is done, if the next prompt of the session repeats it.
    """

    session: int
    timestamp_ms: float
    keep: int
    links: Sequence[int]
    tokens: Sequence[float]
    reply_tokens: float = 0.0


@dataclass(slots=True)
class _Slot:
    links: array[int]
    session: int
    used: int
    reply_tokens: float


@dataclass(slots=True)
class _Prompt:
    links: array[int] = field(default_factory=lambda: array("Q"))
    tokens: list[float] = field(default_factory=list)


def reuse_ceiling(steps: Iterable[Step], slots: int) -> tuple[float, float]:
    """(reused, prompt) tokens of all `steps` on a server with `slots` slots, by time.

    Each request takes the slot that shares most of it; when none shares anything, a free one, else
    the one that was used longest ago, as llama-server does by default. A slot that shares little
    with a request is not kept for it, so a session that is displaced starts cold: real engines
    with a host cache do better, real templates worse.
    """
    ordered = sorted(steps, key=lambda step: step.timestamp_ms)
    prompts: dict[int, _Prompt] = {}
    held: list[_Slot] = []
    reused = total = 0.0
    for now, step in enumerate(ordered):
        prompt = _advance(prompts.setdefault(step.session, _Prompt()), step)
        depth = prompt.tokens[-1] if prompt.tokens else 0.0
        total += depth
        best, shared = _best(held, prompt.links)
        if best is not None:
            own = best.session == step.session and shared == len(best.links)
            extra = best.reply_tokens if own else 0.0
            reused += min(depth, (prompt.tokens[shared - 1] if shared else 0.0) + extra)
        slot = _Slot(prompt.links[:], step.session, now, step.reply_tokens)
        _place(held, slot, best, slots)
    return reused, total


def _advance(prompt: _Prompt, step: Step) -> _Prompt:
    del prompt.links[step.keep :]
    del prompt.tokens[step.keep :]
    prompt.links.extend(step.links)
    prompt.tokens.extend(step.tokens)
    return prompt


def _best(held: Sequence[_Slot], links: array[int]) -> tuple[_Slot | None, int]:
    """The slot that shares most links with a prompt, and how many; none that shares nothing."""
    rows = [(shared_chain(slot.links, links), slot) for slot in held]
    shared, best = max(rows, key=lambda row: row[0], default=(0, None))
    return (best, shared) if shared else (None, 0)


def _place(held: list[_Slot], slot: _Slot, best: _Slot | None, slots: int) -> None:
    """Into the slot that it extends, else a free one, else the one used longest ago."""
    extends = best is not None and shared_chain(best.links, slot.links) * 2 > len(best.links)
    if extends and best is not None:
        held.remove(best)
    elif len(held) >= slots:
        held.remove(min(held, key=lambda other: other.used))
    held.append(slot)
