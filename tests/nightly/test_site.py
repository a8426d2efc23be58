"""A target's site: where its things are, and what its hooks are told."""

from __future__ import annotations

from pathlib import Path

from nightly_site import draft, site

from autotune.nightly.live import point_live
from autotune.nightly.site import boot_id


def test_hooks_inherit_and_are_told_what_is_live(tmp_path: Path) -> None:
    where = site(tmp_path, environ={"HOME": "/home/me"})
    assert where.hook_env("before", "tuning") == {
        "HOME": "/home/me",
        "AUTOTUNE_NIGHT_TARGET": "coder",
        "AUTOTUNE_NIGHT_HOOK": "before",
        "AUTOTUNE_NIGHT_WHY": "tuning",
        "AUTOTUNE_NIGHT_GENERATION": "",
        "AUTOTUNE_NIGHT_LIVE": str(tmp_path / "state" / "live"),
    }
    where.generations.stage(draft("1"))
    point_live(where.state, 1)
    assert where.hook_env("after", "promotion")["AUTOTUNE_NIGHT_GENERATION"] == "1"


def test_everything_of_a_target_is_in_its_folder(tmp_path: Path) -> None:
    where = site(tmp_path)
    assert where.journal.path == tmp_path / "state" / "journal.jsonl"
    assert where.generations.folder == tmp_path / "state" / "generations"


def test_a_boot_has_one_name() -> None:
    assert boot_id()
    assert boot_id() == boot_id()
