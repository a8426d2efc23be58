"""The part of a dry run that is about the GPU: the card, the space, what fits, what is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autotune.candidate import Setting
    from autotune.search.describe import DryRun, SpaceRow
    from autotune.search.exclusions import Excluded
    from autotune.search.fitting import Fit

GIB = 2**30
NAME_WIDTH = 32

_FACTS = (
    ("memory_gib", "{:g} GiB"),
    ("memory_bandwidth_gb_s", "{:g} GB/s"),
    ("fp16_tflops", "{:g} TFLOPS FP16"),
    ("compute_capability", "compute capability {}"),
    ("power_limit_w", "{:g} W"),
)


def plan_lines(dry: DryRun) -> Iterator[str]:
    """What a person reads of it; nothing where nothing is known."""
    if dry.gpu:
        yield ""
        yield from gpu_lines(dry.gpu)
    if dry.space:
        yield "\nWhat is searched (the engine's default in brackets):"
        yield from _aligned((row.name, _choices(row)) for row in dry.space)
    if dry.fits:
        yield "\nWhat fits, by estimate:"
        yield from _aligned((fit.name, _fit(fit, dry)) for fit in dry.fits)
        if dry.largest_context is not None:
            yield f"One session alone can have {dry.largest_context:,} tokens of context at most."
    if dry.excluded:
        yield "\nWhat is left out:"
        yield from _aligned((_what(one), one.why) for one in dry.excluded)


def gpu_lines(gpu: Mapping[str, Any]) -> Iterator[str]:
    """The card in one line, and the profiles that it is taken as in another."""
    facts = gpu["facts"]
    if facts is not None:
        known = [form.format(facts[n]) for n, form in _FACTS if facts.get(n) is not None]
        known += ["FP8" if facts["fp8"] else "no FP8"] if facts.get("fp8") is not None else []
        known += ["memory shared with the processor"] if facts["unified_memory"] else []
        yield f"{gpu['name']}: {', '.join(known)}"
    below = "".join(f", which is {name}" for name in gpu["inherits"][:1])
    yield f"Taken as {gpu['profile']}{below}."


def _aligned(rows: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> Iterator[str]:
    listed = list(rows)
    width = min(max((len(name) for name, _ in listed), default=0), NAME_WIDTH)
    for name, text in listed:
        yield f"  {name:<{width}}  {text}"


def _choices(row: SpaceRow) -> str:
    return ", ".join(f"[{_word(c)}]" if c == row.default else _word(c) for c in row.choices)


def _fit(fit: Fit, dry: DryRun) -> str:
    if not fit.fits:
        return f"no: {fit.why}"
    parts = [_of(fit.device_bytes, dry.memory.device_bytes if dry.memory else None, "GPU")]
    parts.append(_of(fit.host_bytes, dry.memory.host_bytes if dry.memory else None, "host"))
    return ", ".join(part for part in parts if part) or "not known before it is tried"


def _of(need: int | None, limit: int | None, where: str) -> str:
    """``3.1 of 24.0 GiB of GPU memory``; empty where none is needed or known."""
    if not need:
        return ""
    of = "" if limit is None else f" of {limit / GIB:.1f}"
    return f"{need / GIB:.1f}{of} GiB of {where} memory"


def _what(one: Excluded) -> str:
    if one.values is None:
        return one.name if one.held is None else f"{one.name}={_word(one.held)}"
    return f"{one.name}: {', '.join(map(_word, one.values))}" if one.values else one.name


def _word(value: Setting) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
