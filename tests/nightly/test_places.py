"""The files that a person's programs read: all of one generation, and what stood there kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from nightly_site import draft, served, site

from autotune.errors import MachineError, UserError
from autotune.nightly.live import clear_live, point_live
from autotune.nightly.places import Place, Places, export_names
from autotune.nightly.site import Site


@pytest.fixture
def where(tmp_path: Path) -> Site:
    found = site(tmp_path)
    for mark in "12":
        found.generations.stage(draft(mark))
    point_live(found.state, 1)
    return found


def kept(where: Site) -> list[str]:
    folder = where.places[0].path.parent
    return sorted(path.name for path in folder.rglob("*") if "before" in path.name)


def test_links_follow_the_swap_and_copies_follow_when_they_are_put(where: Site) -> None:
    assert where.files.put() == tuple(place.path for place in where.places)
    assert served(where) == {"1"}
    assert where.files.put() == ()
    point_live(where.state, 2)
    assert served(where) == {"1", "2"}
    assert where.files.astray() == (where.places[2].path,)
    assert where.files.put() == (where.places[2].path,)
    assert served(where) == {"2"}
    assert kept(where) == []


def test_what_can_be_run_can_be_run(where: Site) -> None:
    where.files.put()
    assert where.places[0].path.stat().st_mode & 0o111
    assert where.places[2].path.stat().st_mode & 0o111


def test_what_stood_there_is_kept_beside_it_and_given_back(where: Site) -> None:
    for place in where.places:
        place.path.parent.mkdir(parents=True, exist_ok=True)
        place.path.write_text("mine of person\n", encoding="utf-8")
    where.files.put()
    assert served(where) == {"1"}
    assert kept(where) == [
        "copied.json.before-autotune",
        "preset.ini.before-autotune",
        "serve.sh.before-autotune",
    ]
    where.files.take_away()
    clear_live(where.state)
    assert served(where) == {"person"}
    assert kept(where) == []


def test_where_nothing_stood_nothing_is_left(where: Site) -> None:
    where.files.put()
    where.files.take_away()
    where.files.take_away()
    assert served(where) == {"nobody"}


def test_a_link_of_the_persons_own_is_kept_as_a_link(where: Site, tmp_path: Path) -> None:
    path = where.places[0].path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(tmp_path / "elsewhere.sh")
    where.files.put()
    beside = path.with_name("serve.sh.before-autotune")
    assert beside.readlink() == tmp_path / "elsewhere.sh"


def test_a_second_file_of_the_persons_own_does_not_take_the_place_of_the_first(where: Site) -> None:
    path = where.places[0].path
    for text in ("first", "second"):
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        where.files.put()
    folder = path.parent
    texts = [(folder / name).read_text(encoding="utf-8") for name in kept(where)]
    assert kept(where) == ["serve.sh.before-autotune", "serve.sh.before-autotune-2"]
    assert texts == ["first", "second"]


def test_what_was_kept_already_is_not_kept_twice(where: Site) -> None:
    path = where.places[0].path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    path.with_name("serve.sh.before-autotune").write_text("mine", encoding="utf-8")
    where.files.put()
    assert kept(where) == ["serve.sh.before-autotune"]


def test_a_disk_without_hard_links_gets_a_copy(
    where: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = where.places[0].path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine", encoding="utf-8")

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    where.files.put()
    beside = path.with_name("serve.sh.before-autotune")
    assert beside.read_text(encoding="utf-8") == "mine"


def test_what_cannot_be_is_said_before_anything_is_done(where: Site) -> None:
    names = {place.name for place in where.places}
    where.files.check(names)
    with pytest.raises(UserError, match=r"no export for .*serve\.sh"):
        where.files.check(names - {"serve.sh"})
    where.places[0].path.mkdir(parents=True)
    with pytest.raises(UserError, match="is a folder"):
        where.files.check(names)


def test_a_path_below_a_file_is_said_before_anything_is_done(where: Site, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    places = Places(where.state, (Place(tmp_path / "file" / "deep" / "serve.sh", "serve.sh"),))
    with pytest.raises(UserError, match=r"file is not a folder that you may write to"):
        places.check({"serve.sh"})


def test_a_disk_that_refuses_is_named(where: Site, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    places = Places(where.state, (Place(tmp_path / "file" / "serve.sh", "serve.sh"),))
    with pytest.raises(MachineError, match=r"cannot write .*serve\.sh"):
        places.put()


def test_every_export_gets_a_name_of_its_own() -> None:
    paths = [Path("/a/serve.sh"), Path("/b/serve.sh"), Path("/c/preset.ini"), Path("/d/serve.sh")]
    assert export_names(paths) == ("serve.sh", "serve-2.sh", "preset.ini", "serve-3.sh")
