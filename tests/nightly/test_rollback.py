"""A person's way back."""

from __future__ import annotations

from pathlib import Path

import pytest
from nightly_site import draft, hook_words, paired, served, site, unhealthy_for

from autotune.errors import UserError
from autotune.nightly.generations import Generation, Rendered
from autotune.nightly.health import Health
from autotune.nightly.places import Place
from autotune.nightly.promote import promote
from autotune.nightly.rollback import rollback
from autotune.nightly.site import Site
from autotune.nightly.swap import Promoted


@pytest.fixture
def where(tmp_path: Path) -> Site:
    """Three generations, one after the other; the third is live."""
    found = site(tmp_path)
    for mark in "123":
        promote(found.generations.stage(draft(mark)), found)
    (tmp_path / "lines").unlink()
    return found


def test_it_goes_back_one_at_a_time(where: Site, tmp_path: Path) -> None:
    assert rollback(where) == Promoted(generation=2, was=3, health=Health())
    assert served(where) == {"2"}
    assert rollback(where).generation == 1
    assert served(where) == {"1"}
    assert paired(hook_words(tmp_path))
    with pytest.raises(UserError, match="generation 1 is the first") as caught:
        rollback(where)
    assert "before-autotune" in caught.value.hint


def test_it_goes_to_the_one_that_is_named(where: Site) -> None:
    assert rollback(where, to=1).generation == 1
    assert rollback(where, to=3) == Promoted(generation=3, was=1, health=Health())
    with pytest.raises(UserError, match="generation 3 is live already"):
        rollback(where, to=3)
    with pytest.raises(UserError, match="no generation 8"):
        rollback(where, to=8)


def test_it_stays_where_the_person_put_it(where: Site, tmp_path: Path) -> None:
    done = rollback(site(tmp_path, health=unhealthy_for(2)))
    assert done == Promoted(generation=2, was=3, health=Health(problems=("2 is sick",)))
    assert served(where) == {"2"}


def test_nothing_live_is_nothing_to_go_back_from(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing is live yet"):
        rollback(site(tmp_path))


def test_an_export_that_is_wanted_since_is_written(where: Site, tmp_path: Path) -> None:
    place = Place(tmp_path / "served" / "new.env", "new.env")
    wider = site(tmp_path, places=(*where.places, place))

    def render(generation: Generation) -> dict[str, Rendered]:
        mark = generation.study.removeprefix("study-")
        return {name: Rendered(f"again of {mark}\n".encode()) for name in ("new.env", "serve.sh")}

    with pytest.raises(UserError, match="no export for"):
        rollback(wider)
    rollback(wider, render=render)
    assert served(wider) == {"2"}
    assert place.path.read_text(encoding="utf-8") == "again of 2\n"
    assert where.places[0].path.read_text(encoding="utf-8") == "serve.sh of 2\n"
