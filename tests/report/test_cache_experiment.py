"""The files and the block of the prefix-cache experiment."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from autotune.records import TurnRecord
from autotune.report.cache_experiment import block, write
from autotune.report.cache_plot import plot
from autotune.report.cache_rows import COLUMNS, SCHEMA_VERSION, to_csv, to_json
from autotune.report.cache_style import DARK, LIGHT, style
from autotune.report.cache_table import headline, notes, rows
from autotune.scoring.cache_effect import COLD_ARM, WARM_ARM, CacheEffect, cache_effect

NAMESPACE = "{http://www.w3.org/2000/svg}"


def record(arm: str, session: str, turn: int, **fields: Any) -> TurnRecord:
    """Depth grows by 8000; cold prefills 2000 tokens a second, warm the last 500 tokens."""
    depth = 4000 + 8000 * turn
    warm = arm == WARM_ARM
    reused = depth - 500 if warm and turn else 0
    ttft_s = (depth - reused) / 2000 + 0.1
    defaults: dict[str, Any] = {
        "arm": arm,
        "block": 0,
        "order": turn,
        "session_id": session,
        "turn": turn,
        "started_at": "2026-01-01T00:00:00+00:00",
        "asked_output_tokens": 10,
        "output_tokens": 10,
        "depth_tokens": depth,
        "cached_tokens": reused,
        "computed_tokens": depth - reused,
        "ttft_s": ttft_s,
        "decode_tps": 20.0 if warm else 19.0,
        "wall_s": ttft_s + 0.5,
    }
    return TurnRecord(**{**defaults, **fields})


@pytest.fixture
def records() -> list[TurnRecord]:
    """Three sessions of eight turns, to 60k tokens."""
    return [
        record(arm, session, turn)
        for arm in (WARM_ARM, COLD_ARM)
        for session in ("one", "two", "th<ree")
        for turn in range(8)
    ]


@pytest.fixture
def effect(records: list[TurnRecord]) -> CacheEffect:
    return cache_effect(records)


def printed(effect: CacheEffect, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(block(effect))
    out = console.file
    assert isinstance(out, io.StringIO)
    return out.getvalue()


def test_three_files_are_written(tmp_path: Path, records: list[TurnRecord]) -> None:
    paths = write(tmp_path, records, subject="engine 1, model 2")
    assert [p.name for p in paths] == ["cache-effect.csv", "cache-effect.json", "cache-effect.svg"]
    data = json.loads(paths[1].read_text())
    assert (data["schema_version"], data["subject"]) == (SCHEMA_VERSION, "engine 1, model 2")
    assert len(data["rows"]) == 24
    assert [b["bucket"] for b in data["buckets"]] == ["0-10k", "10-30k", "30-60k", "60-120k"]
    assert "engine 1, model 2" in paths[2].read_text()


def test_the_csv_goes_round(effect: CacheEffect) -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(effect))))
    told = to_json(effect, "")["rows"]
    assert list(lines[0]) == list(COLUMNS)
    assert len(lines) == len(told) == 24
    for line, row in zip(lines, told, strict=True):
        assert {name: _typed(line[name], value) for name, value in row.items()} == row


def _typed(text: str, like: Any) -> Any:
    if like is None:
        return None if text == "" else text
    return type(like)(text)


def test_json_by_hand(effect: CacheEffect) -> None:
    data = to_json(effect, "")
    third = data["rows"][2]  # of "one": 20k deep, 500 computed
    assert (third["depth_tokens"], third["reused_tokens"]) == (20_000, 19_500)
    assert (third["ttft_cold_s"], third["ttft_warm_s"], third["ttft_saved_s"]) == (10.1, 0.35, 9.75)
    # A session's cold waits: depths sum to 256k, at 2000/s and 0.6 s a turn.
    assert data["sessions"][0]["wait_cold_s"] == 132.8
    # Warm: 4000 and seven times 500 computed.
    assert data["sessions"][0]["wait_warm_s"] == 8.55
    assert data["saved_s"] == 372.75
    assert data["cold_checked"] is True


def test_the_plot_is_well_formed_and_holds_every_figure_of_the_table(effect: CacheEffect) -> None:
    root = ET.fromstring(plot(effect, "an <engine>"))
    texts = [t.text for t in root.iter(f"{NAMESPACE}text")]
    for cells in rows(effect):
        for cell in cells:
            assert cell in texts
    assert headline(effect) in texts
    assert set(notes(effect)) <= set(texts)
    assert "an <engine>: 24 turns of 3 sessions, 1 block" in texts
    units = "\n".join(t or "" for t in texts)
    assert "seconds" in units
    assert "tokens per second" in units
    assert "depth: prompt tokens of the turn" in texts


def test_every_turn_is_drawn_in_every_panel(effect: CacheEffect) -> None:
    root = ET.fromstring(plot(effect))
    kinds = [e.get("class") for e in root.iter() if (e.get("class") or "").startswith("mark ")]
    # Warm: TTFT, reused, decode; cold: TTFT, decode; one more of each is the key.
    assert kinds.count("mark warm") == 3 * 24 + 1
    assert kinds.count("mark cold") == 2 * 24 + 1
    assert kinds.count("mark saved") == 24
    told = [e.text or "" for e in root.iter(f"{NAMESPACE}title")]
    assert any("th<ree, turn 2: 20,000 tokens, 19,500 reused" in text for text in told)
    view = [float(v) for v in (root.get("viewBox") or "").split()]
    places = [float(v) for e in root.iter() for k in ("cx", "x") if (v := e.get(k))]
    downs = [float(v) for e in root.iter() for k in ("cy", "y") if (v := e.get(k))]
    assert 0 <= min(places) <= max(places) <= view[2]
    assert 0 <= min(downs) <= max(downs) <= view[3]


def test_what_is_absent_is_not_drawn() -> None:
    silent: dict[str, Any] = {"cached_tokens": None, "computed_tokens": None, "decode_tps": None}
    effect = cache_effect([record(arm, "a", 0, **silent) for arm in (WARM_ARM, COLD_ARM)])
    root = ET.fromstring(plot(effect))
    kinds = [e.get("class") for e in root.iter()]
    assert kinds.count("mark warm") == 2  # its TTFT, and the key
    assert any("not checked" in (t.text or "") for t in root.iter(f"{NAMESPACE}text"))
    assert effect.turns[0].reused_tokens is None
    assert ",,," in to_csv(effect)


def test_light_and_dark_have_the_same_colours_to_fill() -> None:
    assert set(LIGHT) == set(DARK)
    rules = style()
    assert "prefers-color-scheme:dark" in rules
    assert all(colour in rules for colour in (*LIGHT.values(), *DARK.values()))
    assert rules.count("{") == rules.count("}")


def test_the_block_is_a_table_by_depth(effect: CacheEffect) -> None:
    text = printed(effect)
    assert text.splitlines()[0] == (
        "Prefix reuse saved 6m 13s of waiting over 24 turns of 3 sessions: 6m 38s without, "
        "25.6 s with"
    )
    (line,) = [line for line in text.splitlines() if line.startswith("30-60k")]
    # 36k, 44k and 52k deep: 18.1, 22.1 and 26.1 s cold, 0.35 s warm.
    assert "22.1/26.1" in line
    assert "0.350/0.35" in line
    assert "21.8" in line
    assert "63x" in line
    assert "99%" in line
    assert "the interval draws sessions" in text


def test_the_table_fits_a_narrow_terminal_without_a_break(effect: CacheEffect) -> None:
    worst = [
        record(arm, "a", turn, ttft_s=0.2 + 0.1 * (turn + (arm == COLD_ARM)) * (-1) ** turn % 1)
        for arm in (WARM_ARM, COLD_ARM)
        for turn in range(8)
    ]
    for found in (effect, cache_effect(worst)):
        lines = printed(found, 80).splitlines()
        assert max(map(len, lines)) <= 80
        starts = [line.split(" ")[0] for line in lines]
        after = starts.index("0-10k")
        assert starts[after : after + 5] == ["0-10k", "10-30k", "30-60k", "60-120k", "all"]


def test_doubts_are_told(records: list[TurnRecord]) -> None:
    odd = [r for r in records if not (r.arm == WARM_ARM and r.turn == 7)]
    text = " ".join(notes(cache_effect([*odd, record("else", "x", 0)])))
    assert "3 turns of one arm had no partner" in text
    alike = cache_effect([r for r in records if r.turn == 0])
    assert alike.saved_s == 0
    assert "* fewer than 5 turns" in " ".join(notes(alike))
    useless = [
        record(arm, "a", turn, ttft_s=1.0, depth_tokens=9000)
        for arm in (WARM_ARM, COLD_ARM)
        for turn in range(1, 7)
    ]
    assert "were reused, and no time was saved" in " ".join(notes(cache_effect(useless)))
