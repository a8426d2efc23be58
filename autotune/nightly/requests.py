"""Whether an endpoint works on a request right now, where its engine tells."""

from __future__ import annotations

import re

from autotune.launchers.http import ask_ok, ask_text

_RUNNING = re.compile(
    r"^(?:vllm:num_requests_(?:running|waiting)|sglang:num_(?:running|queue)_reqs"
    r"|llamacpp:requests_(?:processing|deferred))(?:\{[^}]*\})?\s+([0-9.eE+-]+)\s*$",
    re.MULTILINE,
)
"""Gauges of requests under way and in the queue (vLLM, SGLang, llama-server --metrics)."""


def requests_running(base_url: str) -> int | None:
    """Requests that an engine works on or has queued; ``None`` where it does not tell."""
    if base_url.startswith("https:"):
        return None
    text = ask_text(base_url, "/metrics")
    counted = None if text is None else running_in_metrics(text)
    return _busy_slots(base_url) if counted is None else counted


def running_in_metrics(text: str) -> int | None:
    """From what ``/metrics`` says; ``None`` where none of the known gauges is there."""
    values = [float(value) for value in _RUNNING.findall(text)]
    return round(sum(values)) if values else None


def _busy_slots(base_url: str) -> int | None:
    """By llama-server's slots."""
    answer = ask_ok(base_url, "/slots")
    slots = answer.body if answer is not None else None
    if not isinstance(slots, list) or not slots:
        return None
    return sum(isinstance(slot, dict) and slot.get("is_processing") is True for slot in slots)
