"""An endpoint as an arm: found for each block, marked anew after a kill, never above its price."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_service import FakeService, Turn

from autotune.compare.attached import COST_STOP, AttachedArm
from autotune.paths import services
from autotune.paths.prices import Prices
from autotune.paths.services import Service
from autotune.paths.spec import AttachedPath
from autotune.paths.turns import Turns, TurnsRequest, lay_out, load
from autotune.records import TurnRecord
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

KEY = "sk-test-0123456789abcdef"
Make = Callable[..., FakeService]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """``service(Turn(500))``: one that autotune takes for OpenRouter."""
    made: list[FakeService] = []
    one = Service("openrouter", "localhost", "OPENROUTER_API_KEY", lists_all=True)
    monkeypatch.setattr(services, "SERVICES", (one,))

    def make(*turns: Turn, **options: Any) -> FakeService:
        made.append(FakeService(*turns, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    path = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=1, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), path)
    request = TurnsRequest(workload=path, max_output_tokens=4)
    return lay_out(request, load(request))


def arm(turns: Turns, url: str, tries: dict[int, int] | None = None, **path: Any) -> AttachedArm:
    usual: dict[str, Any] = {"key": KEY, "key_name": "K", "secrets": (KEY,), "max_cost_usd": 9.0}
    return AttachedArm(
        path=AttachedPath(name="far", url=url, **{**usual, **path}),
        plan=turns.plan,
        depths=turns.depths,
        seed=7,
        tries=tries or {},
    )


def test_a_block_is_every_turn_once(service: Make, turns: Turns) -> None:
    kept: list[TurnRecord] = []
    far = arm(turns, service(key=KEY).url)
    found = far.measure(3, kept.append)
    assert found.failure is None
    assert [(r.arm, r.block, r.order, r.ok) for r in found.records] == [
        ("far", 3, 0, True), ("far", 3, 1, True)
    ]  # fmt: skip
    assert kept == list(found.records)
    assert far.spent_usd > 0
    assert found.measurement is None


def nonces(one: FakeService) -> list[str]:
    """The mark of each prompt: what its system message begins with."""
    bodies = [body for body in one.bodies if body["messages"][0]["role"] == "system"]
    return [str(body["messages"][0]["content"])[:31] for body in bodies]


def test_what_was_sent_before_a_kill_is_not_found_in_a_cache(service: Make, turns: Turns) -> None:
    one = service(key=KEY)
    arm(turns, one.url).measure(0, lambda _: None)
    arm(turns, one.url, {0: 1}).measure(0, lambda _: None)
    arm(turns, one.url).measure(1, lambda _: None)
    first, again, next_block = (nonces(one)[at] for at in (0, 2, 4))
    assert len({first, again, next_block}) == 3


def test_nothing_is_sent_above_the_price(service: Make, turns: Turns) -> None:
    dear = arm(turns, service(key=KEY).url, prices=Prices.told(1e5, 1e5, None, None))
    assert "would cost" in (dear.measure(0, lambda _: None).failure or "")


def test_a_block_that_turns_out_dearer_stops_before_its_limit(service: Make, turns: Turns) -> None:
    far = arm(turns, service(Turn(), Turn(cost=8.999)).url)
    found = far.measure(0, lambda _: None)
    assert found.failure == COST_STOP
    assert len(found.records) == 1


@pytest.mark.parametrize(
    ("key", "turn", "reason"),
    [
        ("another", Turn(), "refuses the key in K"),
        (KEY, Turn(error=True), "turn 0"),
    ],
)
def test_what_goes_wrong_is_a_reason(
    service: Make, turns: Turns, key: str, turn: Turn, reason: str
) -> None:
    one = service(Turn(), turn, key=key)
    found = arm(turns, one.url).measure(0, lambda _: None)
    assert reason in (found.failure or "")
    assert KEY not in (found.failure or "")


def test_nobody_answers(turns: Turns) -> None:
    found = arm(turns, "http://127.0.0.1:9").measure(0, lambda _: None)
    assert "nobody answers at 127.0.0.1:9" in (found.failure or "")
    assert found.records == ()
