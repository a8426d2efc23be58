"""What a manifest may say, and how it is told that it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w

from autotune.errors import UserError
from autotune.launchers.manifest import fill, read_manifest

SMALLEST: dict[str, Any] = {
    "schema_version": "engine-manifest/1",
    "name": "mine",
    "command": {"argv": ["mine", "{settings}"]},
    "address": {"port": "free"},
}


def written(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / "mine.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    return path


def test_the_smallest_manifest(tmp_path: Path) -> None:
    manifest = read_manifest(written(tmp_path, SMALLEST))
    assert manifest.ready.path == "/health"
    assert manifest.request.output_tokens == ["max_tokens"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nmae": "x"}, "nmae: Extra inputs are not permitted"),
        ({"command": {"argv": ["mine"]}}, 'exactly one item "{settings}"'),
        ({"command": {"argv": ["mine", "--x={settings}"]}}, 'exactly one item "{settings}"'),
        ({"command": {"argv": ["{moddel}", "{settings}"]}}, "unknown placeholder {moddel}"),
        ({"address": {}}, "give a log pattern"),
        ({"address": {"log": "listening ("}}, "address.log: Value error, not a regular expression"),
        ({"failure": [{"regex": "x", "kind": "tired"}]}, "failure.0.kind"),
        ({"effective": [{"setting": "x"}]}, "give either path or log"),
        ({"ready": {"checks": [{"path": "/p", "json_path": "a"}]}}, "either equals or above"),
        ({"schema_version": "engine-manifest/9"}, "schema_version"),
    ],
)
def test_one_clear_error(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = written(tmp_path, {**SMALLEST, **change})
    with pytest.raises(UserError) as caught:
        read_manifest(path)
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith(str(path))


@pytest.mark.parametrize(
    ("data", "message"), [(b"name = ", "is not TOML"), (b"\xff\xfe", "is not UTF-8")]
)
def test_not_even_toml(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(data)
    with pytest.raises(UserError, match=message):
        read_manifest(path)


def test_only_known_braces_are_filled() -> None:
    assert fill('{model} {"a": 1} {port}', {"model": "m", "port": "1"}) == 'm {"a": 1} 1'
