"""What every display has in common."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from autotune.report.shown import JsonLines, Silence, is_live, write_at_once


class Gone(io.StringIO):
    """A pipe whose reader leaves after so many lines."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self.lines = lines

    def write(self, text: str) -> int:
        if not self.lines:
            raise BrokenPipeError
        self.lines -= 1
        return super().write(text)


def square(number: int) -> dict[str, object]:
    return {"square": number * number, "name": "ü"}


def test_one_object_a_line_as_it_is_spelt() -> None:
    out = io.StringIO()
    with JsonLines(out, square) as shown:
        shown(2)
        shown(3)
        shown.stopping()
    lines = out.getvalue().splitlines()
    assert [json.loads(line)["square"] for line in lines] == [4, 9]
    assert "ü" in lines[0]


def test_a_reader_that_left_ends_the_output_only() -> None:
    out = Gone(1)
    shown = JsonLines(out, square)
    for number in (1, 2, 3):
        shown(number)
    assert json.loads(out.getvalue())["square"] == 1


def test_silence_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Silence() as shown:
        shown(object())
        shown.stopping(at_once=True)
    assert capsys.readouterr() == ("", "")


def test_what_is_written_at_once_is_not_buffered(tmp_path: Path) -> None:
    path = tmp_path / "err"
    with path.open("w") as stream:
        stream.write("later")
        write_at_once(stream, "now")
        assert path.read_text() == "now\n"


def test_a_stream_that_is_no_file_or_is_closed_is_no_error(tmp_path: Path) -> None:
    write_at_once(io.StringIO(), "x")
    stream = (tmp_path / "err").open("w")
    stream.close()
    write_at_once(stream, "x")


@pytest.mark.parametrize(
    ("kind", "terminal", "term", "expected"),
    [
        ("auto", True, "xterm", True),
        ("auto", False, "xterm", False),
        ("auto", True, "dumb", False),
        ("rich", False, "xterm", True),
        ("plain", True, "xterm", False),
        ("none", True, "xterm", False),
    ],
)
def test_which_displays_move(kind: str, terminal: bool, term: str, expected: bool) -> None:
    err = Console(file=io.StringIO(), force_terminal=terminal, _environ={"TERM": term})
    assert is_live(kind, err) is expected
