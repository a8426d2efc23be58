"""Paths over a fake hosted service: what is sent, marked, priced, resumed and never written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_service import PRICING, FakeService, Turn

from autotune.errors import MachineError, UserError
from autotune.paths import attach
from autotune.paths.events import PathEnded, PathStarted
from autotune.paths.measure import ASKED_TO_STOP, COST_STOP
from autotune.paths.prices import Prices
from autotune.paths.spec import AttachedPath
from autotune.paths.table import read_table
from autotune.replay.retry import Retries

KEY = "sk-test-0123456789abcdef"
Make = Callable[..., FakeService]
Attached = Callable[..., AttachedPath]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attach, "RETRIES", Retries(most=2, first_s=0.001, longest_s=0.05))


def test_every_turn_is_sent_as_the_service_wants_it(
    service: Make, attached: Attached, measured: Any
) -> None:
    served = service(key=KEY)
    outcome = measured(attached(served.url, provider="alpha", prices=None, max_cost_usd=None))
    assert outcome.stopped is None
    warm_up, *turns = served.bodies
    assert len(turns) == 6
    assert warm_up["max_tokens"] == 8
    first = turns[0]
    assert first["provider"] == {
        "order": ["alpha"],
        "allow_fallbacks": False,
        "require_parameters": True,
    }
    assert (first["model"], first["max_tokens"]) == ("maker/model", 4)
    assert "ignore_eos" not in first
    assert "temperature" not in first
    headers = {name.lower(): value for name, value in served.headers[1].items()}
    assert headers["x-openrouter-metadata"] == "enabled"
    assert headers["authorization"] == f"Bearer {KEY}"
    row = read_table(measured.folder).rows[0]
    assert (row.sessions, row.answered, row.marked, row.failed) == (2, 6, 0, 0)
    assert row.providers == ("Alpha",)
    assert row.deepest is not None
    assert row.deepest.turns == 6
    assert (row.deepest.cached_share or 0) > 0.3
    assert not row.fixed_length


def test_a_retried_turn_is_marked_and_left_out(
    service: Make, attached: Attached, measured: Any
) -> None:
    busy = Turn(429, headers={"Retry-After": "0"})
    served = service(Turn(), Turn(), busy, Turn(529))
    measured(attached(served.url))
    records = measured.folder.records()
    assert [r.mark for r in records] == [None, "retried", None, None, None, None]
    assert records[1].retries == 2
    row = read_table(measured.folder).rows[0]
    assert (row.answered, row.marked) == (6, 1)
    assert row.deepest is not None
    assert row.deepest.turns == 5


def test_too_many_refusals_end_the_path_with_one_error(
    service: Make, attached: Attached, measured: Any
) -> None:
    served = service(Turn(), Turn(), *[Turn(429)] * 3)
    with pytest.raises(MachineError, match="over its rate limit") as caught:
        measured(attached(served.url))
    assert "same command later" in caught.value.hint
    served.turns.clear()
    measured(attached(served.url))  # it goes on where it stopped
    table = read_table(measured.folder).rows[0]
    assert (table.answered, table.failed) == (6, 0)
    # Of the session that was begun, the turn behind the gap finds another cache than it would.
    assert [r.mark for r in measured.folder.records() if r.ok].count("resumed") == 1


def test_another_provider_marks_the_turn(service: Make, attached: Attached, measured: Any) -> None:
    served = service(Turn(), Turn(), Turn(provider="Beta"), Turn())
    measured(attached(served.url))
    assert [r.mark for r in measured.folder.records()][:3] == [None, "other provider", None]
    assert read_table(measured.folder).rows[0].providers == ("Alpha", "Beta")


def test_an_error_behind_http_200_is_data(service: Make, attached: Attached, measured: Any) -> None:
    served = service(Turn(), Turn(), Turn(error=True))
    measured(attached(served.url))
    failed = [r for r in measured.folder.records() if not r.ok]
    assert failed[0].detail == "error in the stream: 502: lost"
    assert {r.failure for r in failed[1:]} == {"unreached"}
    row = read_table(measured.folder).rows[0]
    assert row.failed == len(failed)
    assert "502: lost" in str(row.first_failure)


def test_missing_usage_is_absent_not_zero(service: Make, attached: Attached, measured: Any) -> None:
    served = service(*[Turn(usage=False, provider=None)] * 7)
    measured(attached(served.url))
    row = read_table(measured.folder).rows[0]
    assert row.deepest is not None
    assert (row.deepest.cached_share, row.deepest.depth_p50_tokens) == (None, None)
    assert row.deepest.decode_p50_tps is None
    assert row.deepest.ttft_p50_s is not None
    assert row.providers == ()


def test_a_stop_keeps_what_is_there_and_the_same_call_goes_on(
    service: Make, attached: Attached, measured: Any
) -> None:
    served = service()
    measured.stop_after = 4
    assert measured(attached(served.url)).stopped == ASKED_TO_STOP
    assert len(measured.folder.records()) == 4
    measured.stop_after = None
    assert measured(attached(served.url)).stopped is None
    assert len(served.bodies) == 4 + 2 + 2  # six turns, a warm-up for each run
    started = [e for e in measured.events if isinstance(e, PathStarted)]
    assert [e.done for e in started] == [0, 4]
    # What was sent is what would have been sent: the mark in front is the same.
    prompts = [body["messages"][0]["content"] for body in served.bodies[1:5] + served.bodies[6:]]
    assert len({text[:40] for text in prompts}) == 1
    measured(attached(served.url))
    assert isinstance(measured.events[-1], PathEnded)
    assert measured.events[-1].reason == "measured before"
    assert len(served.bodies) == 8


def test_again_measures_anew_and_finds_nothing_of_the_last_time(
    service: Make, attached: Attached, measured: Any
) -> None:
    served = service()
    measured(attached(served.url))
    measured(attached(served.url), again=True)
    assert [r.block for r in measured.folder.records()] == [0] * 6 + [1] * 6
    assert read_table(measured.folder).rows[0].answered == 6


def test_the_cost_is_estimated_kept_and_never_passed(
    service: Make, attached: Attached, measured: Any
) -> None:
    """Six turns of 100, 130 and 160 tokens and 4 out, at $2 in and $10 out a million."""
    served = service()
    told = Prices.told(2.0, 10.0, None, None)
    with pytest.raises(UserError, match="above --max-cost") as caught:
        measured(attached(served.url, prices=told, max_cost_usd=0.0001))
    assert "--max-sessions" in caught.value.hint
    assert served.bodies == []  # not even the warm-up
    # 2 * (100 + 130 + 160) * 2 / 1e6 + 6 * 4 * 10 / 1e6 = 0.0018
    outcome = measured(attached(served.url, prices=told, max_cost_usd=0.0019))
    assert outcome.stopped in (None, COST_STOP)
    spent = sum(r.cost_usd or 0.0 for r in measured.folder.records())
    assert 0 < spent <= 0.0019


def test_the_limit_stops_before_the_turn_that_could_pass_it(
    service: Make, attached: Attached, measured: Any
) -> None:
    """The service takes a dollar a turn, whatever its list says: five of six fit into 5.5."""
    served = service(*[Turn(cost=1.0)] * 7)
    told = Prices.told(0.000001, 0.000001, None, None)
    assert measured(attached(served.url, prices=told, max_cost_usd=5.5)).stopped == COST_STOP
    assert 4.0 <= sum(r.cost_usd or 0.0 for r in measured.folder.records()) <= 5.0
    assert measured(attached(served.url, prices=told, max_cost_usd=20.0)).stopped is None


def test_published_prices_and_those_of_the_pinned_provider(
    service: Make, attached: Attached, measured: Any
) -> None:
    served = service()
    measured(attached(served.url, max_cost_usd=1.0))
    record = measured.folder.records()[0]
    assert record.depth_tokens is not None
    written = record.depth_tokens - (record.cached_tokens or 0)
    assert record.cost_usd == pytest.approx(
        (written * 2.5 + (record.cached_tokens or 0) * 0.2 + 4 * 10) / 1e6
    )
    served.endpoints = [{"tag": "beta/fp8", "pricing": {**PRICING, "prompt": "0.000007"}}]
    measured(attached(served.url, name="q", provider="beta", max_cost_usd=1.0))
    document = measured.folder.read()
    assert document["paths"]["q"]["prices"].startswith("USD per million tokens: 7 in")


def test_hidden_reasoning_does_not_count_as_fast_text(
    service: Make, attached: Attached, measured: Any
) -> None:
    served = service(*[Turn(reasoning_tokens=1_000_000)] * 7)
    measured(attached(served.url))
    rates = [r.decode_tps for r in measured.folder.records() if r.decode_tps is not None]
    assert all(rate < 1_000_000 for rate in rates)
    assert all((r.output_tokens or 0) > 1_000_000 for r in measured.folder.records())


def test_other_turns_and_other_paths_of_the_same_name_are_refused(
    service: Make, attached: Attached, measured: Any
) -> None:
    served = service()
    served.models = [{"id": "a"}, {"id": "b"}]
    measured(attached(served.url, model="a"))
    with pytest.raises(UserError, match="another model"):
        measured(attached(served.url, model="b"), again=True)
    with pytest.raises(UserError, match="of other turns"):
        measured(attached(served.url, model="a"), max_turns=1)


def test_the_key_is_nowhere_on_disk_and_in_no_error(
    service: Make, attached: Attached, measured: Any, tmp_path: Path
) -> None:
    served = service(key=KEY)
    measured(attached(served.url))
    served.key = "another"
    with pytest.raises(UserError, match="refuses the key in K") as caught:
        measured(attached(served.url), again=True)
    assert KEY not in str(caught.value.message) + caught.value.hint
    assert "[hidden]" in caught.value.message
    everything = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert KEY.encode() not in everything
    assert KEY not in repr(measured.events)
    assert KEY not in json.dumps(read_table(measured.folder).to_json())
