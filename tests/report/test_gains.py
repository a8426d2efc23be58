"""The table at the end of several studies."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from autotune.report.gains import GainRow, gain_row, print_gains, state_of

WON = {
    "study": "s", "exit_code": 0, "verdict": "Trial 3 wins.", "winner": 3, "speedup": 1.42,
    "interval": [1.3, 1.55], "changes": {"batch-size": 512, "flash-attn": True},
}  # fmt: skip
LOST = {**WON, "exit_code": 1, "verdict": "No config beats the default.", "winner": None}


def shown(*rows: GainRow) -> str:
    out = StringIO()
    print_gains(rows, Console(file=out, width=150), "target")
    return out.getvalue()


def test_a_gain_has_its_interval_and_its_config() -> None:
    text = shown(gain_row("coder", "RTX 3090", WON))
    header, _, row, verdict = text.splitlines()
    assert header.split() == ["target", "GPU", "found", "gain", "interval", "config"]
    for word in ("coder", "RTX 3090", "faster", "1.42x", "1.30x to 1.55x"):
        assert word in row
    assert "batch-size=512, flash-attn=on" in row
    assert verdict == "coder: Trial 3 wins."


def test_what_did_not_win_has_no_gain() -> None:
    row = gain_row("coder", "RTX 3090", LOST)
    assert (row.speedup, row.interval, dict(row.settings)) == (None, None, {})
    assert "nothing better" in shown(row)
    assert "1.42x" not in shown(row)


def test_what_failed_says_why_and_what_to_do() -> None:
    row = GainRow(name="b", gpu="4090", state="failed", verdict="it is busy", hint="wait")
    assert "b: it is busy (wait)" in shown(row)


def test_every_exit_code_has_a_word() -> None:
    assert [state_of(code) for code in (0, 1, 4, 75, 130, 3, 2)] == [
        *("faster", "nothing better", "nothing runs", "stopped", "interrupted"),
        *("failed", "failed"),
    ]


def test_a_row_is_plain_data() -> None:
    data = gain_row("coder", "RTX 3090", WON).to_json()
    assert data["interval"] == (1.3, 1.55)
    assert data["settings"] == {"batch-size": 512, "flash-attn": True}
