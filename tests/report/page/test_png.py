"""Figures as PNG: in their colours, with their letters, and a word where that cannot be."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from drawing import needs_png

from autotune.errors import MachineError
from autotune.report.page import png as module
from autotune.report.page.figures import Panel, Panels, Series
from autotune.report.page.gather import StudyData
from autotune.report.page.palette import LOOKS
from autotune.report.page.study_page import study_page
from autotune.report.page.writing import write_plots

FIGURE = Panels(
    name="n", title="A title", described="d", across="x",
    panels=(Panel("P", (Series(name="tuned", role="tuned", x=(0.0, 1.0), y=(1.0, 2.0),
                               shape="bars"),)),),
)  # fmt: skip


def colours(data: bytes) -> tuple[tuple[int, int], dict[tuple[int, ...], int]]:
    """Width and height of a PNG of 8 bits a channel, and how often each colour is in it."""
    wide, tall, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert (depth, kind) == (8, 6)
    packed, at = b"", 8
    while at < len(data):
        (size,), name = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        packed += data[at + 8 : at + 8 + size] if name == b"IDAT" else b""
        at += 12 + size
    found: dict[tuple[int, ...], int] = {}
    row, stride = bytearray(4 * wide), 1 + 4 * wide
    raw = zlib.decompress(packed)
    for top in range(tall):
        line = raw[top * stride : (top + 1) * stride]
        row = _unfiltered(line[0], line[1:], row)
        for place in range(0, len(row), 4):
            pixel = tuple(row[place : place + 4])
            found[pixel] = found.get(pixel, 0) + 1
    return (wide, tall), found


def _unfiltered(kind: int, line: bytes, above: bytearray) -> bytearray:
    """A row without its filter (PNG specification, 9.2)."""
    row = bytearray(line)
    for at in range(len(row)):
        left = row[at - 4] if at >= 4 else 0
        corner = above[at - 4] if at >= 4 else 0
        guess = (0, left, above[at], (left + above[at]) // 2, _paeth(left, above[at], corner))
        row[at] = (row[at] + guess[kind]) & 255
    return row


def _paeth(left: int, up: int, corner: int) -> int:
    """The neighbour nearest to left + up - corner (PNG specification, 9.4)."""
    wanted = left + up - corner
    return min((left, up, corner), key=lambda one: abs(wanted - one))


def rgba(colour: str) -> tuple[int, int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue, 255


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the pixels: these tests look at each of them."""
    monkeypatch.setattr(module, "SCALE", 0.5)


@pytest.mark.usefixtures("small")
def test_a_png_has_the_colours_of_its_figure() -> None:
    pytest.importorskip("resvg_py")
    size, found = colours(module.png(FIGURE))
    assert size[0] == 440
    assert max(found, key=lambda pixel: found[pixel]) == rgba("#ffffff")
    assert found[rgba(LOOKS["tuned"].light)] > 1000
    assert rgba(LOOKS["tuned"].dark) not in found


def test_plots_are_written_as_png(data: StudyData, tmp_path: Path) -> None:
    needs_png()
    found = write_plots(study_page(data), tmp_path / "plots", "png")
    assert found["turns"] == tmp_path / "plots" / "turns.png"
    assert all(path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for path in found.values())


def test_without_resvg_nothing_is_written(
    data: StudyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(MachineError, match="resvg-py, which is not installed") as caught:
        write_plots(study_page(data), tmp_path / "plots", "png")
    assert "autotune-serving[png]" in caught.value.hint
    assert not (tmp_path / "plots").exists()


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    """What fonts there are is looked up once a process, and here once a test."""
    module._family.cache_clear()
    yield
    module._family.cache_clear()


@pytest.mark.parametrize("there", ["Arial", "DejaVu Sans", "Noto Sans"])
def test_the_font_that_is_there_is_taken(monkeypatch: pytest.MonkeyPatch, there: str) -> None:
    """A fresh Debian has DejaVu alone, which resvg does not take for ``sans-serif`` by itself."""

    def draw(*, svg_string: str, sans_serif_family: str | None, **_: object) -> bytes:
        has_text = "<text" in svg_string and sans_serif_family == there
        return b"\x89PNG with letters" if has_text else b"\x89PNG"

    monkeypatch.setitem(sys.modules, "resvg_py", SimpleNamespace(svg_to_bytes=draw))
    module.check_png()
    assert module.png(FIGURE) == b"\x89PNG with letters"


def test_a_machine_without_fonts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    blank = SimpleNamespace(svg_to_bytes=lambda **_: b"\x89PNG")
    monkeypatch.setitem(sys.modules, "resvg_py", blank)
    with pytest.raises(MachineError, match="need a font") as caught:
        module.check_png()
    assert "fonts-dejavu-core" in caught.value.hint
