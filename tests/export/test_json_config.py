"""The exported JSON, and reading it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import UserError
from autotune.export.json_config import read_config, render_json
from autotune.export.model import ExportConfig


@pytest.mark.parametrize("full", [False, True])
def test_what_was_written_is_read_back(config: ExportConfig, tmp_path: Path, full: bool) -> None:
    path = tmp_path / "config.json"
    path.write_text(render_json(config, full))
    again = read_config(path)
    assert again.full_settings == config.full_settings
    assert again.settings == (config.full_settings if full else config.settings)
    assert (again.argv, again.env, again.provenance) == (
        config.argv,
        config.env,
        config.provenance,
    )


def test_argv_holds_what_settings_hold(config: ExportConfig) -> None:
    document = json.loads(render_json(config))
    assert document["schema_version"] == "export/1"
    assert document["argv"][-3:] == ["--batch-size", "512", "--no-kv-unified"]
    assert json.loads(render_json(config, True))["argv"] == list(config.argv)
    assert document["settings"] == {"batch-size": 512, "kv-unified": False}


def broken(config: ExportConfig, **changes: Any) -> str:
    return json.dumps({**json.loads(render_json(config)), **changes})


def test_anything_else_is_refused(config: ExportConfig, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with pytest.raises(UserError, match="cannot read"):
        read_config(path)
    texts = (
        "{",
        "[]",
        broken(config, schema_version="export/9"),
        broken(config, extra=1),
        broken(config, argv=[]),
        broken(config, settings={"a": None}),
        broken(config, provenance={"oops": 1}),
    )
    for text in texts:
        path.write_text(text)
        with pytest.raises(UserError, match="is no exported config") as caught:
            read_config(path)
        assert "--format json" in caught.value.hint
