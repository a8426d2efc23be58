"""A verification as a person reads it."""

from __future__ import annotations

from pathlib import Path

from autotune.export.verify.outcome import TurnPair, Verification
from autotune.export.verify.words import verification_lines

TURN = TurnPair(
    session_id="synthetic-0-00123",
    turn=1,
    depth_tokens=12345,
    cached_tokens=0,
    ttft_s=0.5,
    wall_s=1.25,
    study_ttft_s=0.4,
)


def test_a_start_that_went_well() -> None:
    found = Verification(
        format="shell", started=True, checked=("a",), unread=("poll",), turns=(TURN,), load_s=1.04
    )
    lines = verification_lines(Path("x/serve.sh"), found)
    assert lines[0] == "serve.sh runs as tuned"
    assert "  it was ready after 1.0 s" in lines
    assert "  not told by the engine: poll" in lines
    row = next(line for line in lines if "#1" in line)
    assert row.split() == [
        *("synthetic-0-0012", "#1", "12,345", "0", "0.50", "s", "(0.40", "s)"),
        *("1.25", "s", "(–)"),
    ]
    assert all(len(line) <= 80 for line in lines)
    assert "too few to compare" in lines[-1]


def test_problems_come_first() -> None:
    found = Verification(format="shell", started=True, problems=("no",), notes=("n",))
    assert verification_lines(Path("s"), found) == [
        "s does not run as tuned",
        "  problem: no",
        "  note: n",
    ]
    turn = TurnPair(session_id="s", turn=0, failure="crash: gone")
    failed = Verification(format="shell", started=True, turns=(turn,))
    assert verification_lines(Path("s"), failed)[0] == "s does not run as tuned"
    assert "failed: crash: gone" in "\n".join(verification_lines(Path("s"), failed))


def test_a_file_that_was_only_checked() -> None:
    found = Verification(format="compose", started=False, unchecked=("docker",))
    assert verification_lines(Path("c"), found) == ["c is valid", "  not checked: docker"]
    broken = Verification(format="compose", started=False, problems=("x",))
    assert verification_lines(Path("c"), broken)[0] == "c is not valid"
    assert broken.to_json()["as_tuned"] is False
    assert broken.to_json()["read_back"] is None
