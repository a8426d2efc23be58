"""Prefix reuse explained: what was lost in a session, by cause, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from autotune.report.text import number, plural, share

if TYPE_CHECKING:
    from rich.console import RenderableType

SMALL_SHARE = 0.02
"""Causes below this share of what was lost are told together."""


def reuse_block(explained: Mapping[str, Mapping[str, Any]]) -> RenderableType | None:
    """What is told of each explained config, by its name; ``None`` of none."""
    from rich.text import Text

    lines = [line for name, summary in explained.items() for line in reuse_lines(name, summary)]
    return Text("\n".join(lines)) if lines else None


def reuse_lines(name: str, summary: Mapping[str, Any]) -> Iterator[str]:
    """One config: the seconds a session lost, then a line a cause, then hits that save nothing."""
    yield f"Prefix reuse, {name}: {_head(summary)}"
    sessions = max(1, summary["sessions"])
    lost = summary["lost_s"]
    small = []
    for row in summary["causes"]:
        if _is_small(row, lost, summary["prompt_tokens"]):
            small.append(row)
            continue
        yield f"  {_seconds(row['seconds'], sessions)} {_cause(row)} -> {row['remedy']}"
    if small and len(small) < len(summary["causes"]):
        seconds = sum(row["seconds"] or 0.0 for row in small)
        tokens = sum(row["tokens"] for row in small)
        yield f"  {_seconds(seconds, sessions)} small things ({tokens:,} tokens)"
    yield from _in_time(summary["time"])


def _head(summary: Mapping[str, Any]) -> str:
    reused, before = summary["reused_tokens"], summary["before_tokens"]
    if reused is None:
        return "the engine does not say what it reused"
    by = " (estimated from characters)" if summary["counted_by"] == "estimate" else ""
    if not summary["causes"] or not before:
        return f"all that could be reused was{by}"
    tokens = sum(row["tokens"] for row in summary["causes"])
    lost = summary["lost_s"]
    if lost is None:
        return f"{tokens:,} tokens computed again{by}"
    a_session = number(lost / max(1, summary["sessions"]))
    return f"{a_session} s a session lost, {tokens:,} tokens computed again{by}"


def _is_small(row: Mapping[str, Any], lost: float | None, prompt_tokens: int) -> bool:
    if row["seconds"] is None or not lost:
        return bool(row["tokens"] < SMALL_SHARE * prompt_tokens)
    return bool(row["seconds"] < SMALL_SHARE * lost)


def _seconds(seconds: float | None, sessions: int) -> str:
    return "?" if seconds is None else f"{number(seconds / sessions)} s"


def _cause(row: Mapping[str, Any]) -> str:
    at = f", most {row['worst_detail']}" if row["worst_detail"] else ""
    return f"{row['words']} ({plural(row['turns'], 'turn')}, {row['tokens']:,} tokens{at})"


def _in_time(time: Mapping[str, Any]) -> Iterator[str]:
    """Only where hits save less than they say."""
    verdict = time["verdict"]
    if verdict not in ("hits-save-nothing", "hits-save-less"):
        return
    said = f"{share(time['cached_share'])} of warm prompts is reported as reused"
    turns = plural(time["turns"], "turn")
    if verdict == "hits-save-nothing":
        yield (
            f"  hits save nothing: {said}, and the first token takes as long as cold "
            f"({turns}, {number(time['lost_s'])} s) -> another engine or cache mode for this model"
        )
    else:
        yield (
            f"  hits save less than they say: {said}, and {share(time['saved_share'])} of that "
            f"time is saved ({turns}) -> compare cache=on with cache=off"
        )
