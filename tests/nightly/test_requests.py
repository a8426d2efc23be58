"""Requests under way, as engines tell them."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.launchers.http import Answer
from autotune.nightly import requests
from autotune.nightly.requests import requests_running, running_in_metrics

VLLM = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="/m"} 2.0
vllm:num_requests_waiting{engine="0",model_name="/m"} 1.0
vllm:num_requests_waiting_by_reason{reason="capacity"} 5.0
"""
SGLANG = 'sglang:num_running_reqs{model_name="m"} 1.0\nsglang:num_queue_reqs{model_name="m"} 0.0\n'
LLAMA = "llamacpp:requests_processing 1\nllamacpp:requests_deferred 0\nllamacpp:n_decode_total 9\n"


@pytest.mark.parametrize(
    ("text", "count"),
    [(VLLM, 3), (SGLANG, 1), (LLAMA, 1), ("process_cpu_seconds_total 3\n", None), ("", None)],
)
def test_gauges_are_added_up(text: str, count: int | None) -> None:
    assert running_in_metrics(text) == count


@pytest.mark.parametrize(
    ("metrics", "slots", "count"),
    [
        (LLAMA, None, 1),
        (None, [{"is_processing": True}, {"is_processing": False}, {"is_processing": True}], 2),
        (None, [{"is_processing": False}], 0),
        (None, [], None),
        (None, {"error": "no"}, None),
        ("other 1\n", [{"is_processing": True}], 1),
    ],
)
def test_slots_are_counted_where_there_are_no_gauges(
    monkeypatch: pytest.MonkeyPatch, metrics: str | None, slots: Any, count: int | None
) -> None:
    monkeypatch.setattr(requests, "ask_text", lambda *_: metrics)
    answer = None if slots is None else Answer(200, slots)
    monkeypatch.setattr(requests, "ask_ok", lambda *_: answer)
    assert requests_running("http://127.0.0.1:8080") == count


def test_nobody_there_and_nobody_to_ask() -> None:
    assert requests_running("http://127.0.0.1:9") is None
    assert requests_running("https://example.org") is None
