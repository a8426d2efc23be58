from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from autotune.errors import UserError
from autotune.workload import lines
from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile, open_capture, read_objects
from autotune.workload.model import Damage


def read(path: Path) -> tuple[list[tuple[int, object]], tuple[Damage, ...]]:
    ledger = DamageLedger()
    found = [(line.number, line.value) for line in read_objects(CaptureFile(path, "f"), ledger)]
    return found, ledger.entries()


def written(folder: Path, data: bytes) -> Path:
    path = folder / "f.jsonl"
    path.write_bytes(data)
    return path


def test_good_lines(tmp_path: Path) -> None:
    found, damage = read(written(tmp_path, b'{"a":1}\n\n{"b":2}'))
    assert found == [(1, {"a": 1}), (3, {"b": 2})]
    assert damage == ()


@pytest.mark.parametrize(
    ("data", "kind", "line", "left"),
    [
        (b'{"a":1}\n{"b":', "torn-line", 2, 1),
        (b'{"a":1}\n{"b":"\xc3', "torn-line", 2, 1),
        (b'{"a":\n{"b":2}\n', "bad-json", 1, 1),
        (b'{"a":NaN}\n{"b":2}\n', "bad-json", 1, 1),
        (b"[1]\n" + b'{"b":2}\n', "not-an-object", 1, 1),
        (b"17\n" + b'{"b":2}\n', "not-an-object", 1, 1),
        (b'{"a":"\xff"}\n{"b":2}\n', "bad-encoding", 1, 1),
        (b"[" * 100_000 + b'\n{"b":2}\n', "bad-json", 1, 1),
    ],
)
def test_broken_lines_are_named(
    tmp_path: Path, data: bytes, kind: str, line: int, left: int
) -> None:
    found, damage = read(written(tmp_path, data))
    assert len(found) == left
    (entry,) = damage
    assert (entry.kind, entry.first_line, entry.count, entry.harmless) == (kind, line, 1, False)


def test_details_hold_no_text_of_the_file(tmp_path: Path) -> None:
    _, damage = read(written(tmp_path, b'{"password": hunter2}\n'))
    assert "hunter2" not in damage[0].detail
    assert damage[0].detail == "Expecting value at column 14"


def test_byte_order_mark_and_windows_lines_cost_nothing(tmp_path: Path) -> None:
    found, damage = read(written(tmp_path, b'\xef\xbb\xbf{"a":1}\r\n{"b":2}\r\n'))
    assert found == [(1, {"a": 1}), (2, {"b": 2})]
    assert [(d.kind, d.count, d.harmless) for d in damage] == [("bom", 1, True), ("crlf", 2, True)]


def test_lines_of_four_megabytes_are_read_and_mentioned(tmp_path: Path) -> None:
    text = "x" * (4 * 1024 * 1024)
    found, damage = read(written(tmp_path, f'{{"a":"{text}"}}\n'.encode()))
    assert found == [(1, {"a": text})]
    assert [(d.kind, d.harmless) for d in damage] == [("long-line", True)]


def test_an_endless_line_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    found, damage = read(written(tmp_path, b'{"a":"' + b"x" * 1000 + b'"}\n{"b":2}\n'))
    assert found == [(2, {"b": 2})]
    assert [(d.kind, d.first_line) for d in damage] == [("overlong-line", 1)]


@contextmanager
def packed(path: Path, kind: str) -> Iterator[Path]:
    data = path.read_bytes()
    out = path.with_name("no-suffix")
    out.write_bytes(gzip.compress(data) if kind == "gzip" else zstandard.compress(data))
    yield out


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_compression_is_told_by_its_magic(tmp_path: Path, kind: str) -> None:
    plain = written(tmp_path, b'{"a":1}\n' * 1000)
    with packed(plain, kind) as path:
        found, damage = read(path)
    assert len(found) == 1000
    assert damage == ()


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_several_frames_are_one_file(tmp_path: Path, compress: object) -> None:
    assert callable(compress)
    path = written(tmp_path, compress(b'{"a":1}\n') + compress(b'{"b":2}\n'))
    assert [value for _, value in read(path)[0]] == [{"a": 1}, {"b": 2}]


def test_a_cut_gzip_gives_what_came_before(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b'{"a":%d}\n' % n for n in range(30_000)), compresslevel=1)
    found, damage = read(written(tmp_path, whole[: len(whole) // 2]))
    assert 0 < len(found) < 30_000
    assert [d.kind for d in damage] == ["torn-file"]


def test_corrupt_gzip_is_named(tmp_path: Path) -> None:
    _, damage = read(written(tmp_path, b"\x1f\x8b" + b"\x00" * 40))
    assert [d.kind for d in damage] == ["torn-file"]


def test_corrupt_zstd_is_named(tmp_path: Path) -> None:
    _, damage = read(written(tmp_path, b"\x28\xb5\x2f\xfd" + b"\xff" * 40))
    assert [d.kind for d in damage] == ["torn-file"]


def test_zip_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jsonl", "{}")
    with pytest.raises(UserError, match="zip archive") as caught, open_capture(path):
        pass
    assert "unpack" in caught.value.hint


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"), open_capture(tmp_path / "none"):
        pass


def test_a_number_without_an_end_is_bad_json(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": 1e999}\n{"a": 0.5}\n')
    ledger = DamageLedger()
    found = [o.value for o in read_objects(CaptureFile(tmp_path / "x.jsonl", "x"), ledger)]
    assert found == [{"a": 0.5}]
    assert [(d.kind, d.first_line) for d in ledger.entries()] == [("bad-json", 1)]
