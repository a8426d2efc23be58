"""Generations: whole or not there, told apart, bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from nightly_site import config, draft

from autotune.errors import MachineError, UserError
from autotune.export.options import ExportOptions
from autotune.nightly.generations import Generations, Rendered, rendered
from autotune.nightly.live import point_live
from autotune.search.incumbent import read_incumbent


@pytest.fixture
def generations(tmp_path: Path) -> Generations:
    return Generations(tmp_path)


def test_what_is_staged_is_on_disk_whole_and_not_live(generations: Generations) -> None:
    staged = generations.stage(draft("a"))
    assert (staged.number, staged.study, staged.why, staged.parent) == (1, "study-a", "why-a", None)
    assert staged.folder.name == "0001"
    assert staged.damage() == ()
    assert staged.export_names == ("copied.json", "preset.ini", "serve.sh")
    assert (staged.exports / "serve.sh").read_text(encoding="utf-8") == "serve.sh of a\n"
    assert (staged.exports / "serve.sh").stat().st_mode & 0o777 == 0o755
    assert (staged.fingerprint(), staged.gain(), staged.reference()) == (
        {"model": "a"},
        {"speedup": 1.5},
        None,
    )
    assert staged.config() == config()
    assert read_incumbent(staged.config_path) == {"batch-size": 512}
    assert generations.live() is None


def test_the_one_that_was_live_is_the_parent(generations: Generations) -> None:
    generations.stage(draft("a"))
    point_live(generations.state, 1)
    generations.stage(draft("never promoted"))
    third = generations.stage(draft("c"))
    assert (third.number, third.parent) == (3, 1)
    point_live(generations.state, 3)
    live, previous = generations.live(), generations.previous()
    assert live == third
    assert previous is not None
    assert previous.number == 1
    assert [one.number for one in generations.history()] == [1, 2, 3]


def test_the_first_has_none_before_it(generations: Generations) -> None:
    assert generations.previous() is None
    generations.stage(draft("a"))
    point_live(generations.state, 1)
    assert generations.previous() is None


def test_damage_is_named(generations: Generations) -> None:
    staged = generations.stage(draft("a"))
    (staged.exports / "serve.sh").write_text("by hand\n", encoding="utf-8")
    (staged.folder / "gain.json").unlink()
    assert staged.damage() == ("gain.json is missing", "exports/serve.sh was changed")


def test_a_reference_may_be_measured_later(generations: Generations) -> None:
    staged = generations.stage(draft("a"))
    generations.set_reference(1, {"ttft_s": 0.5})
    generations.set_reference(1, {"ttft_s": 0.75})
    assert staged.reference() == {"ttft_s": 0.75}
    assert staged.damage() == ()


def test_an_export_that_is_wanted_later_is_added(generations: Generations) -> None:
    generations.stage(draft("a", names=("serve.sh",)))
    wanted = {"serve.sh": Rendered(b"other"), "new.env": Rendered(b"A=1\n")}
    found = generations.add_exports(1, wanted)
    assert found.export_names == ("new.env", "serve.sh")
    assert found.damage() == ()
    assert (found.exports / "serve.sh").read_bytes() == b"serve.sh of a\n"


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden"])
def test_an_exports_name_is_a_name(generations: Generations, name: str) -> None:
    with pytest.raises(ValueError, match="not a file's name"):
        generations.stage(draft("a", names=(name,)))


def test_what_a_killed_process_left_is_no_generation(generations: Generations) -> None:
    generations.stage(draft("a"))
    (generations.folder / ".staging-0002" / "exports").mkdir(parents=True)
    (generations.folder / ".leaving-0000").mkdir()
    assert generations.numbers() == (1,)
    generations.sweep()
    assert sorted(path.name for path in generations.folder.iterdir()) == ["0001"]
    assert generations.stage(draft("b")).number == 2


def test_old_ones_go_but_never_the_live_one_or_its_parent(generations: Generations) -> None:
    for mark in "abcdef":
        generations.stage(draft(mark))
        if mark in "ac":
            point_live(generations.state, len(generations.numbers()))
    live = generations.live()
    assert live is not None
    assert (live.number, live.parent) == (3, 1)
    assert generations.prune(1, protected=(4,)) == (2, 5)
    assert generations.numbers() == (1, 3, 4, 6)


def test_one_that_is_not_there_is_a_users_error(generations: Generations) -> None:
    generations.stage(draft("a"))
    with pytest.raises(UserError, match="no generation 4") as caught:
        generations.read(4)
    assert caught.value.hint == "there are: 1"


def test_one_of_another_version_is_not_guessed_at(generations: Generations) -> None:
    about = generations.stage(draft("a")).folder / "generation.json"
    about.write_text('{"schema_version": "generation/9"}', encoding="utf-8")
    with pytest.raises(MachineError, match="not of this version"):
        generations.read(1)
    about.write_text('{"schema_version": "generation/1"}', encoding="utf-8")
    with pytest.raises(MachineError, match="is damaged: 'number'"):
        generations.read(1)


def test_exports_are_rendered_with_their_permissions() -> None:
    script = rendered(config(batch=256), "shell", ExportOptions())
    assert script.data.startswith(b"#!/bin/sh")
    assert b"--batch-size 256" in script.data
    assert script.mode == 0o755
    preset = rendered(config(batch=256), "llama-preset", ExportOptions(name="coder"))
    assert b"[coder]" in preset.data
    assert preset.mode == 0o644


def test_what_it_wrote_is_known_again(generations: Generations) -> None:
    generations.stage(draft("a"))
    assert generations.wrote("serve.sh", b"serve.sh of a\n")
    assert not generations.wrote("serve.sh", b"serve.sh of person\n")
