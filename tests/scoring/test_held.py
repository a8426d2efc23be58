"""Whether a config that was filled held, in figures and in words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from autotune.models.bounded import Caches
from autotune.records import TurnMachine, TurnRecord
from autotune.scoring.growth import GrowthKind
from autotune.scoring.held import Held, held

MIB = 2**20
GIB = 2**30


def turn(at: int, block: int, depth: int | None, rss: int = GIB, **fields: Any) -> TurnRecord:
    machine = TurnMachine(looks=1, rss_peak_bytes=rss, host_free_min_bytes=6 * GIB - rss)
    base = TurnRecord(
        arm="hold", block=block, order=at, session_id="s", turn=at, started_at="",
        asked_output_tokens=8, depth_tokens=depth, machine=machine,
    )  # fmt: skip
    return replace(base, **fields)


def filled(leak: int = 0) -> list[TurnRecord]:
    """Four sessions of five turns to 50,000 tokens; the first goes on to 55,000."""
    rows = [turn(at, 0, 10_000 * (at + 1), GIB + leak * at) for at in range(5)]
    rows.append(turn(5, 0, 55_000, GIB + leak * 5))
    for block in (1, 2, 3):
        count = len(rows)
        rows += [turn(at, block, 10_000 * (at + 1), GIB + leak * (count + at)) for at in range(5)]
    return rows


def showed(records: list[TurnRecord], **fields: Any) -> Held:
    known: dict[str, Any] = {
        "expected": {},
        "deepest_tokens": 50_000,
        "wanted_tokens": 55_000,
        "caches": Caches(),
    }
    return held(records, **{**known, **fields})


def test_a_healthy_config_by_hand() -> None:
    one = showed(filled())
    assert one.holds
    assert one.has_headroom
    assert (one.to_tokens, one.sessions, one.turns) == (55_000, 4, 21)
    assert (one.free_bytes_at_deepest, one.free_where) == (5 * GIB, "host")
    assert one.sentence == "held to 55,000 tokens over 4 sessions, 5.0 GiB free"


def test_a_leak_in_words() -> None:
    one = showed(filled(leak=14 * MIB))
    assert one.leaks
    assert not one.holds
    # After 20 turns 1024 + 280 MiB are held and 6144 - 1304 = 4840 free: 345 turns of 14.
    assert one.growth is not None
    assert one.growth.turns_left == 345
    assert one.sentence == (
        "leaks 14 MiB a turn: full after about 340 turns; "
        "held to 55,000 tokens over 4 sessions, 4.9 GiB free"
    )


def test_the_gpu_is_what_counts_where_there_is_one() -> None:
    def on_card(record: TurnRecord, at: int) -> TurnRecord:
        assert record.machine is not None
        machine = replace(
            record.machine, vram_peak_bytes=GIB + at * 20 * MIB, vram_free_min_bytes=2 * GIB
        )
        return replace(record, machine=machine)

    one = showed([on_card(record, at) for at, record in enumerate(filled())])
    assert (one.free_bytes_at_deepest, one.free_where) == (2 * GIB, "gpu")
    assert one.growth is not None
    assert (one.growth.where, one.growth.kind) == ("gpu", GrowthKind.LEAK)


def test_a_failure_is_named_with_its_depth() -> None:
    rows = [*filled()[:4], turn(4, 0, None, failure="crash")]
    one = showed(
        rows, expected={(0, 4): 50_003}, failure=("out-of-memory", "session s turn 4: cudaMalloc")
    )
    assert not one.holds
    assert one.growth is None
    assert (one.to_tokens, one.failed_at_tokens, one.sessions) == (40_000, 50_003, 0)
    assert one.sentence == "failed at 50,003 tokens: out of memory"


def test_a_failure_after_some_sessions_says_so() -> None:
    rows = [
        *filled()[:13],
        turn(2, 2, None, failure="crash"),
        turn(3, 2, None, failure="unreached"),
    ]
    one = showed(rows, expected={(2, 2): 30_000}, failure=("crash", "it died"))
    assert one.sentence == "failed at 30,000 tokens after 2 sessions: crash"


def test_one_that_never_started_has_no_depth() -> None:
    one = showed([], failure=("load-error", "no"))
    assert one.to_tokens == 0
    assert one.sentence == "did not start: load error"


def test_a_prompt_refused_in_the_headroom_is_the_end_of_the_context() -> None:
    rows = filled()
    rows[5] = turn(5, 0, None, failure="context-overflow")
    one = showed(rows, expected={(0, 5): 55_000}, context_tokens=51_200)
    assert one.holds
    assert not one.has_headroom
    assert one.sessions == 4
    assert one.sentence == (
        "held to 50,000 tokens over 4 sessions, 5.0 GiB free; its context of 51,200 tokens ends "
        "before the headroom does (55,000 tokens)"
    )


def test_a_cache_is_named_with_its_limit() -> None:
    rows = [turn(r.order, r.block, r.depth_tokens, GIB + 200 * MIB * r.block) for r in filled()]
    cache = Caches(0, GIB, "its host prompt cache", 8 * GIB)
    one = showed(rows, caches=cache)
    assert one.holds
    assert one.growth is not None
    assert one.growth.kind is GrowthKind.BOUNDED
    assert "; its host prompt cache grew by 600 MiB, 8.0 GiB at most" in one.sentence
    unknown = showed(rows, caches=None)
    assert unknown.holds
    assert "; host memory grows by 40 MiB a turn, full after about " in unknown.sentence


def test_too_few_turns_are_said_to_be() -> None:
    one = showed(filled()[:11])
    assert one.holds
    assert one.sentence.endswith("; too few turns to tell whether memory grows")


def test_without_telemetry_only_the_depth_is_known() -> None:
    one = showed([replace(r, machine=None) for r in filled()])
    assert (one.free_bytes_at_deepest, one.free_where, one.growth) == (None, None, None)
    assert one.sentence.startswith("held to 55,000 tokens over 4 sessions; ")


def test_there_and_back_as_json() -> None:
    for one in (
        showed(filled()),
        showed(filled(leak=14 * MIB)),
        showed([], failure=("crash", "x")),
        showed([]),
    ):
        data = json.loads(json.dumps(one.to_json()))
        assert data["sentence"] == one.sentence
        assert data["holds"] == one.holds
        assert Held.from_json(data) == one
