"""A target as promotions see it: its files, its hooks, and where it is asked how it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from night_world import NoCard, healthy_rule, target_in
from nightly_site import config

from autotune.nightly.target_site import exports_of, eyes_of, site_of


def test_a_site_is_the_targets(tmp_path: Path) -> None:
    target = target_in(tmp_path)
    site = site_of(target, {"A": "1"}, "boot-7")
    assert (site.target, site.boot, site.state) == ("coder", "boot-7", target.state)
    assert site.hooks == target.hooks
    assert [place.name for place in site.places] == ["a.json", "b.sh", "c.json"]
    assert site.health is None
    assert site.hook_env("before", "tuning")["A"] == "1"


def test_health_is_asked_where_it_says(tmp_path: Path) -> None:
    target = replace(target_in(tmp_path), health=healthy_rule())
    assert site_of(target, {}).health is not None
    assert eyes_of(target, None, NoCard()).endpoint == "http://127.0.0.1:9"
    assert eyes_of(target_in(tmp_path), None, NoCard()).endpoint is None


def test_each_export_has_its_own_options(tmp_path: Path) -> None:
    files = exports_of(target_in(tmp_path), config(512))
    assert set(files) == {"a.json", "b.sh", "c.json"}
    assert json.loads(files["a.json"].data)["settings"] == {"batch-size": 512}
    assert json.loads(files["c.json"].data)["settings"] == {"batch-size": 512, "threads": 4}
    assert files["b.sh"].mode == 0o755
