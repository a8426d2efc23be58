"""``autotune config show``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autotune.cli.config_show import Config, ConfigShow, setting_rows
from autotune.cli.io import CommandIO
from autotune.cli.tree import subcommands
from autotune.config import Locations, Settings
from autotune.config.layers import key_of
from autotune.errors import UserError


def places(tmp_path: Path, text: str, **env: str) -> Locations:
    (tmp_path / "autotune.toml").write_text(text)
    return Locations.of({"HOME": str(tmp_path), **env}, tmp_path)


def test_every_setting_has_a_row(tmp_path: Path) -> None:
    rows = setting_rows(places(tmp_path, 'budget = "2h"\n[set]\nthreads = 8', AUTOTUNE_SEED="4"))
    assert [key for key, _, _ in rows] == [key_of(name) for name in Settings.model_fields]
    found = {key: (value, origin) for key, value, origin in rows}
    assert found["budget"] == (7200.0, f"budget in {tmp_path}/autotune.toml")
    assert found["set"][0] == {"threads": 8}
    assert found["seed"] == (4, "AUTOTUNE_SEED")
    assert found["studies-dir"] == ("studies", "default")


def test_a_bad_value_is_refused_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^trials in .*autotune.toml: 'x' is not a whole number$"):
        setting_rows(places(tmp_path, 'trials = "x"'))


def test_shown_for_people_and_for_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places(tmp_path, "seed = 3\nallow-quality-change = true\n[set]\nthreads = 8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    ConfigShow(origins=True).run(CommandIO())
    out = capsys.readouterr().out
    assert "allow-quality-change" in out
    assert "threads=8" in out
    assert f"{tmp_path}/autotune.toml: read\n" in out
    ConfigShow().run(CommandIO(json=True))
    shown = json.loads(capsys.readouterr().out)
    assert (shown["seed"], shown["set"]) == (3, {"threads": 8})


def test_show_is_in_the_group() -> None:
    assert subcommands(Config) == {"show": ConfigShow}
