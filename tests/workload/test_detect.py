from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.workload.damage import DamageLedger
from autotune.workload.detect import KNOWN_FORMATS, Found, detect, find_captures
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Damage


def detected(path: Path) -> str | None:
    reader = detect(CaptureFile(path, path.name))
    return reader.name if reader else None


def found(*paths: Path) -> tuple[list[tuple[str, str]], tuple[Damage, ...]]:
    ledger = DamageLedger()
    names = [(f.file.name, f.reader.name) for f in find_captures(list(paths), ledger)]
    return names, ledger.entries()


def test_known_formats(fixtures: Path) -> None:
    assert detected(fixtures / "capture-small.jsonl") == "capture/1"
    assert detected(fixtures / "fizeau-small.jsonl") == "fizeau"


def test_names_do_not_matter(fixtures: Path, tmp_path: Path) -> None:
    shutil.copy(fixtures / "fizeau-small.jsonl", tmp_path / "picture.png")
    assert detected(tmp_path / "picture.png") == "fizeau"
    assert found(tmp_path / "picture.png")[0] == [("picture.png", "fizeau")]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"plain text\n",
        b"\x00\x01\x02" * 5000,
        b"[]\n",
        b'{"schema":"capture/2"}\n',
        b'{"session_id":1}\n',
        b"\x1f\x8b\x00",
    ],
)
def test_everything_else_is_unknown(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    assert detected(tmp_path / "x") is None


def test_most_evidence_decides(fixtures: Path, tmp_path: Path) -> None:
    lines = (fixtures / "fizeau-small.jsonl").read_text().splitlines()[:3]
    lines.insert(0, json.dumps({"schema": "capture/1"}))
    (tmp_path / "mixed.jsonl").write_text("\n".join(lines))
    assert detected(tmp_path / "mixed.jsonl") == "fizeau"


def test_only_the_first_lines_decide(fixtures: Path, tmp_path: Path) -> None:
    late = (fixtures / "fizeau-small.jsonl").read_text()
    (tmp_path / "late.jsonl").write_text('{"a":1}\n' * 50 + late)
    assert detected(tmp_path / "late.jsonl") is None


def test_folders_are_searched_in_order(fixtures: Path, tmp_path: Path) -> None:
    for name in ("b/z.jsonl", "b/a.ndjson", "a/deep/x.jsonl.gz", ".git/y.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(fixtures / "capture-small.jsonl", tmp_path / name)
    (tmp_path / "b" / "other.jsonl").write_text('{"rule":"user","secret":"no"}\n')
    (tmp_path / "b" / "README.md").write_text("hello")
    names, damage = found(tmp_path)
    assert names == [
        ("a/deep/x.jsonl.gz", "capture/1"),
        ("b/a.ndjson", "capture/1"),
        ("b/z.jsonl", "capture/1"),
    ]
    assert [(d.kind, d.file, d.harmless) for d in damage] == [
        ("skipped-file", str(tmp_path), True),
        ("unknown-format", "b/other.jsonl", False),
    ]
    assert damage[1].detail == "its first line has keys rule, secret; " + KNOWN_FORMATS


def test_a_listed_file_that_is_gone_is_told(tmp_path: Path) -> None:
    manifest = {"schema": "capture-manifest/1", "sessions": [{"file": "gone.jsonl.zst"}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    names, damage = found(tmp_path)
    assert names == []
    assert [(d.kind, d.detail) for d in damage] == [("missing-file", "gone.jsonl.zst")]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('{"schema":"capture/2"}\n', "it says schema 'capture/2'"),
        ('{"b":1,"a":2}\n', "its first line has keys a, b"),
        ("hello\n", "no line of it is a JSON object"),
    ],
)
def test_a_named_file_of_no_known_format(tmp_path: Path, text: str, hint: str) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(UserError, match=r"x\.jsonl is not a capture") as caught:
        found(tmp_path / "x.jsonl")
    assert caught.value.hint == f"{hint}; {KNOWN_FORMATS}"


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no"):
        found(tmp_path / "none")


def test_what_is_found_names_its_reader(fixtures: Path) -> None:
    (one,) = find_captures([fixtures / "fizeau-small.jsonl"], DamageLedger())
    assert isinstance(one, Found)
    assert one.reader.name == "fizeau"


def test_lines_of_no_known_format_are_not_read_as_a_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def noting(file: CaptureFile, ledger: DamageLedger) -> None:
        asked.append(file.name)

    monkeypatch.setattr("autotune.workload.detect.read_document", noting)
    (tmp_path / "two.jsonl").write_text('{"a":1}\n{"a":2}\n')
    (tmp_path / "one.jsonl").write_text('{"a":1}\n')
    assert detected(tmp_path / "two.jsonl") is None
    assert detected(tmp_path / "one.jsonl") is None
    assert asked == ["one.jsonl"]
