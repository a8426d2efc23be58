"""Prices, estimates, progress, turns and the table, with numbers worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.paths.estimate import prompt_tokens, text_tokens
from autotune.paths.folder import PathsFolder
from autotune.paths.prices import Prices, published, usd
from autotune.paths.progress import progress_of
from autotune.paths.spending import Spending, check_limit, estimate
from autotune.paths.table import depth_rows, latest_block, read_table
from autotune.paths.turns import Turns, TurnsRequest, lay_out, load
from autotune.records import TurnRecord
from autotune.replay.plan import History
from autotune.workload.depth import DepthBuckets, DepthRange
from autotune.workload.filler import filler

PRICES = Prices.told(2.0, 10.0, 0.2, 2.5)


def record(session: str, turn: int, **fields: Any) -> TurnRecord:
    usual: dict[str, Any] = {
        "arm": "p",
        "block": 0,
        "order": turn,
        "started_at": "",
        "asked_output_tokens": 4,
        "output_tokens": 4,
        "depth_tokens": 100,
        "ttft_s": 1.0,
        "wall_s": 2.0,
    }
    return TurnRecord(session_id=session, turn=turn, **{**usual, **fields})


@pytest.fixture
def turns(capture: Path) -> Turns:
    request = TurnsRequest(workload=capture)
    return lay_out(request, load(request))


def test_prices() -> None:
    # 900 cached, 60 written, 40 fresh, 10 out
    cost = PRICES.cost_usd(1000, 10, cached=900, written=60)
    assert cost == pytest.approx((900 * 0.2 + 60 * 2.5 + 40 * 2.0 + 10 * 10.0) / 1e6)
    assert PRICES.cost_usd(1000, 0) == pytest.approx(0.002)  # untold counts as fresh
    assert PRICES.most_usd(1000, 10) == pytest.approx(0.0026)
    assert published({"prompt": "0.000001", "completion": "0.000002"}) == Prices(
        fresh=1.0, cached=1.0, written=1.0, output=2.0
    )
    assert published({"prompt": "-1", "completion": "-1"}) is None
    assert published({}) is None


def test_an_estimate_with_a_cache_and_without(turns: Turns) -> None:
    """Two sessions of 100, 130 and 160 tokens, 4 out each."""
    found = estimate(turns.plan, turns.depths, PRICES)
    assert found.most_usd == pytest.approx((2 * 390 * 2.5 + 24 * 10) / 1e6)
    new, read = 2 * (100 + 30 + 30), 2 * (100 + 130)
    assert found.cached_usd == pytest.approx((new * 2.5 + read * 0.2 + 24 * 10) / 1e6)
    assert (usd(12.345), usd(0.0123), usd(0)) == ("$12.35", "$0.012", "$0")


def test_money_needs_a_limit_and_a_limit_needs_prices(turns: Turns) -> None:
    found = estimate(turns.plan, turns.depths, PRICES)
    with pytest.raises(UserError, match="prices are not known"):
        check_limit(None, 1.0, 0.0, hosted=True, name="x")
    with pytest.raises(UserError, match="costs money") as caught:
        check_limit(found, None, 0.0, hosted=True, name="x")
    assert caught.value.hint.endswith("--max-cost 0.01")
    with pytest.raises(UserError, match="beyond the"):
        check_limit(found, 1.0, 1.0, hosted=True, name="x")
    check_limit(found, None, 0.0, hosted=False, name="x")
    check_limit(None, None, 0.0, hosted=True, name="x")


def test_a_turn_that_broke_off_is_charged_in_full(turns: Turns) -> None:
    spending = Spending(turns.plan, turns.depths, PRICES, 1.0)
    first = turns.plan.turns[0].turn
    broken = record(first.session_id, 0, output_tokens=None, failure="bad-reply")
    assert spending.cost_usd(broken) == pytest.approx(PRICES.most_usd(100, 4))
    refused = record(first.session_id, 0, depth_tokens=None, wall_s=None, failure="bad-reply")
    assert spending.cost_usd(refused) is None
    assert spending.cost_usd(record("s", 0, cost_usd=0.5)) == 0.5


@given(st.floats(0.001, 0.01), st.integers(1, 3))
def test_the_limit_is_never_passed(limit: float, concurrency: int) -> None:
    """Whatever turns cost up to their estimate, spending stops in time."""
    from dataclasses import replace

    plan = replace(_PLAN.plan, concurrency=concurrency)
    spending = Spending(plan, _PLAN.depths, PRICES, limit)
    for planned in plan.turns:
        if spending.exhausted():
            break
        key = (planned.turn.session_id, planned.turn.index)
        cost = PRICES.most_usd(_PLAN.depths[key], planned.output_tokens)
        spending.add(record(*key, cost_usd=cost))
    assert spending.spent_usd <= limit


def _made_plan() -> Turns:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        body = {"messages": [{"role": "user", "content": "x"}], "model": "m"}
        reply = {"choices": [{"message": {"role": "assistant", "content": "y"}}]}
        usage = {"prompt_tokens": 300, "completion_tokens": 20}
        lines = [
            json.dumps({"request": {**body, "user": str(n)}, "response": {**reply, "usage": usage}})
            for n in range(1)
        ]
        path.write_text("\n".join(lines))
        request = TurnsRequest(workload=path)
        return lay_out(request, load(request))


_PLAN = _made_plan()


def test_progress_of_a_path_that_was_cut(turns: Turns) -> None:
    one, two = turns.plan.session_ids
    done = [record(one, 0), record(two, 0), record(one, 1, failure="bad-reply")]
    progress = progress_of("p", done, turns.plan)
    left = [(p.turn.session_id, p.turn.index) for p in progress.left.turns]
    assert sorted(left) == sorted([(one, 1), (one, 2), (two, 1), (two, 2)])
    assert progress.resumed == {(one, 1), (two, 1)}
    assert progress.done == 2
    assert progress_of("other", done, turns.plan).done == 0
    again = progress_of("p", done, turns.plan, again=True)
    assert (again.block, len(again.left.turns)) == (1, 6)


def test_what_does_not_fit_is_not_tried_again(turns: Turns) -> None:
    one, two = turns.plan.session_ids
    done = [
        record(one, 0),
        record(one, 1, failure="context-overflow"),
        record(one, 2, failure="unreached"),
    ]
    left = progress_of("p", done, turns.plan).left.turns
    assert {p.turn.session_id for p in left} == {two}


def test_closed_loop_begins_broken_sessions_anew(capture: Path) -> None:
    request = TurnsRequest(workload=capture, history=History.CLOSED_LOOP)
    plan = lay_out(request, load(request)).plan
    one, two = plan.session_ids
    done = [*(record(one, at) for at in range(3)), record(two, 0)]
    progress = progress_of("p", done, plan)
    assert [(p.turn.session_id, p.turn.index) for p in progress.left.turns] == [
        (two, 0),
        (two, 1),
        (two, 2),
    ]
    assert (progress.resumed, progress.attempt) == (frozenset(), 4)


def test_rows_by_the_depth_of_the_capture() -> None:
    depths = {("a", 0): 50, ("a", 1): 150, ("a", 2): 160, ("b", 0): 170}
    records = [
        record("a", 0, ttft_s=1.0, depth_tokens=70),
        record("a", 1, ttft_s=2.0, cached_tokens=50),
        record("a", 2, ttft_s=4.0, cached_tokens=100),
        record("b", 0, ttft_s=9.0, boundary="edit"),
    ]
    shallow, deep = depth_rows(records, depths, DepthBuckets((100,)).ranges)
    assert (shallow.bucket, shallow.turns, shallow.depth_p50_tokens) == ("0-100", 1, 70)
    assert (deep.turns, deep.ttft_p50_s, deep.cached_share) == (2, 3.0, 0.75)
    assert shallow.cached_share is None
    assert shallow.directional
    assert deep.directional
    only_edits = depth_rows(records[3:], depths, DepthBuckets((100,)).ranges)
    assert [row.bucket for row in only_edits] == ["all"]
    assert depth_rows(records, depths, (DepthRange(1000),)) == ()


def test_the_latest_repetition_and_the_latest_record_count() -> None:
    old, failed = record("a", 0), record("a", 1, block=1, failure="bad-reply")
    mended = record("a", 1, block=1)
    assert latest_block([old, failed, mended]) == [mended]


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no table"):
        read_table(PathsFolder(tmp_path / "nothing"))
    (tmp_path / "table.json").write_text('{"schema_version": "serving-paths/9"}')
    with pytest.raises(UserError, match="another version"):
        PathsFolder(tmp_path).read()


def test_turns_and_their_limits(capture: Path, turns: Turns) -> None:
    assert sorted(turns.depths.values()) == [100, 100, 130, 130, 160, 160]
    short = TurnsRequest(workload=capture, max_turns=1, max_output_tokens=2)
    laid = lay_out(short, load(short))
    assert [(p.turn.index, p.output_tokens) for p in laid.plan.turns] == [(0, 2), (0, 2)]
    assert laid.notes == ("4 turns lie beyond the limits given",)
    whole = TurnsRequest(workload=capture)
    assert whole.fingerprint("d", False) != whole.fingerprint("d", True)
    assert whole.fingerprint("d", False) != short.fingerprint("d", False)


def test_tokens_by_estimate() -> None:
    """Words, the space before them, digits by threes, marks by twos, and the indent of a line."""
    assert text_tokens("") == 0
    assert text_tokens("read the file") == 3
    assert text_tokens("internationalization") == 3  # 20 letters in sevens
    assert text_tokens("12345") == 2
    assert text_tokens("x == y\n    z") == 6
    assert text_tokens(filler("a", 500)) == pytest.approx(500, rel=0.02)
    message = {"role": "user", "content": "read the file"}
    assert prompt_tokens((message, message)) == 2 * (3 + 4)
    called = {"function": {"name": "ls", "arguments": "{}"}}
    assert prompt_tokens(({"role": "assistant", "content": None, "tool_calls": [called]},)) == 6
    assert prompt_tokens((), ({"type": "function"},)) > 0
