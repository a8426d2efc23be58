"""The loop, with arms that answer at once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from quick_arms import QuickArm

from autotune.compare.blocks import Blocks
from autotune.compare.events import ArmEnded, BlockEnded, CompareEvent
from autotune.compare.narrow import ALONE, BLOCKS, BUDGET, NARROW, STOPPED, Rule
from autotune.compare.progress import Progress
from autotune.compare.verdicts import Judging
from autotune.errors import MachineError
from autotune.search.remeasure import Remeasure
from autotune.study.turn_log import TurnLog, read_turns


class Bench:
    """Arms, their log, and the order in which they were measured."""

    def __init__(self, path: Path, depths: Mapping[tuple[str, int], int], *arms: QuickArm) -> None:
        self.path, self.depths, self.arms = path, depths, arms
        self.events: list[CompareEvent] = []
        self.order: list[tuple[str, int]] = []
        self.stop = threading.Event()
        self.progress = Progress(tuple(arm.name for arm in arms))
        self.saved = 0
        self.clean: Remeasure | None = None

    def run(self, **limits: float | int | None) -> str:
        log = TurnLog(self.path / "turns.jsonl")
        clock = iter(range(0, 100_000, 7))
        usual: dict[str, object] = {"until": 0.05, "blocks": None, "budget_s": None}
        rule = Rule(
            **{**usual, **limits},  # type: ignore[arg-type]
            clock=lambda: float(next(clock)),
            started_s=0.0,
        )
        try:
            return Blocks(
                sides={arm.name: arm.side for arm in self.arms},
                progress=self.progress,
                judging=Judging(self.depths),
                metrics=("ttft", "decode", "total_wait"),
                rule=rule,
                log=log,
                listener=self._told,
                stop=self.stop,
                save=self._save,
                clean=self.clean,
            ).run()
        finally:
            log.close()

    def _save(self) -> None:
        self.saved += 1

    def _told(self, event: CompareEvent) -> None:
        self.events.append(event)
        if isinstance(event, ArmEnded):
            self.order.append((event.arm, event.block))


Depths = dict[tuple[str, int], int]


def test_the_order_turns_around_and_ends_when_narrow(tmp_path: Path, depths: Depths) -> None:
    bench = Bench(tmp_path, depths, QuickArm("a"), QuickArm("b"))
    assert bench.run() == NARROW
    assert bench.order == [("a", 0), ("b", 0), ("b", 1), ("a", 1)]
    assert bench.saved == 4
    assert len(list(read_turns(tmp_path / "turns.jsonl"))) == 24
    ended = [e for e in bench.events if isinstance(e, BlockEnded)]
    assert len(ended) == 2
    assert ended[1].widest is not None
    assert ended[1].widest <= 0.05


def test_a_wide_interval_goes_on_to_the_blocks_or_the_budget(
    tmp_path: Path, depths: Depths
) -> None:
    def noisy(block: int, turn: int) -> float:
        return 1.0 + (block * 7 + turn * 5) % 11 / 3

    bench = Bench(tmp_path, depths, QuickArm("a"), QuickArm("b", noisy))
    assert bench.run(blocks=3) == BLOCKS
    assert bench.progress.done == 3
    # More blocks of the same comparison begin where these ended.
    assert bench.run(blocks=4) == BLOCKS
    assert bench.arms[0].measured == [0, 1, 2, 3]
    assert bench.run(budget_s=1.0) == BUDGET


def test_an_arm_that_fails_is_named_and_the_others_go_on(tmp_path: Path, depths: Depths) -> None:
    bad = QuickArm("bad", fails={1: "crash: session s0 turn 3: gone"})
    bench = Bench(tmp_path, depths, QuickArm("a"), bad, QuickArm("c"))
    assert bench.run(blocks=4, until=-1.0) == BLOCKS
    assert bench.progress.failed == {"bad": "crash: session s0 turn 3: gone"}
    assert bad.measured == [0, 1]
    assert bench.progress.blocks("c") == 4
    failures = [e.failure for e in bench.events if isinstance(e, ArmEnded) and e.failure]
    assert failures == ["crash: session s0 turn 3: gone"]


def test_with_one_arm_left_there_is_nothing_to_compare(tmp_path: Path, depths: Depths) -> None:
    bench = Bench(tmp_path, depths, QuickArm("a", fails={1: "hang: silent"}), QuickArm("b"))
    assert bench.run(until=-1.0) == ALONE
    # b went first in the second block, and is not measured a third time.
    assert bench.order == [("a", 0), ("b", 0), ("b", 1), ("a", 1)]


def test_a_polite_stop_finishes_the_arm_and_goes_on_there(tmp_path: Path, depths: Depths) -> None:
    bench = Bench(tmp_path, depths, QuickArm("a"), QuickArm("b"))
    bench.arms[0].before = lambda block: bench.stop.set()
    assert bench.run() == STOPPED
    assert bench.order == [("a", 0)]
    bench.stop.clear()
    bench.arms[0].before = lambda block: None
    assert bench.run() == NARROW
    assert bench.order == [("a", 0), ("b", 0), ("b", 1), ("a", 1)]


def test_what_the_machine_refuses_ends_it(tmp_path: Path, depths: Depths) -> None:
    def full(block: int) -> None:
        raise MachineError("the disk is full", "free some space")

    bench = Bench(tmp_path, depths, QuickArm("a", before=full), QuickArm("b"))
    with pytest.raises(MachineError, match="disk is full"):
        bench.run()


def test_a_block_that_others_disturbed_is_made_again(tmp_path: Path, depths: Depths) -> None:
    class Once:
        """Says once that the first block is to be made again."""

        gave_up = False
        left = 1

        def again(self, measurement: object, *, times: int, left_s: float | None) -> bool:
            self.left -= 1
            return self.left == 0

    bench = Bench(tmp_path, depths, QuickArm("a", started=True), QuickArm("b", started=True))
    bench.clean = Once()  # type: ignore[assignment]
    assert bench.run(blocks=1) == BLOCKS
    assert [arm.measured for arm in bench.arms] == [[0, 0], [0]]
    assert (bench.progress.again, bench.progress.again_s) == (1, 10.0)
    assert bench.progress.seconds == 30.0
