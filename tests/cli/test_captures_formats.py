"""Every format that is read is listed, in words and as data."""

from __future__ import annotations

import json

import pytest

from autotune.cli.main import main
from autotune.workload.readers import READERS


def test_all_of_them_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captures", "formats"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in READERS)
    assert max(map(len, out.splitlines())) <= 80


def test_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["captures", "formats", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["format"]: row["description"] for row in rows} == {
        name: reader.description for name, reader in READERS.items()
    }
