"""Promotion: there and proven, or back; nothing in between."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from nightly_site import draft, hook_words, paired, served, site, unhealthy_for

from autotune.errors import MachineError, UserError
from autotune.nightly import places
from autotune.nightly.generations import Generation
from autotune.nightly.health import Health
from autotune.nightly.hooks import Hook, Hooks
from autotune.nightly.live import live_number
from autotune.nightly.pause import open_pause, paused
from autotune.nightly.places import Place
from autotune.nightly.promote import promote
from autotune.nightly.site import Site
from autotune.nightly.swap import Promoted, RolledBack, begin


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where generation 1 is live, and no hook has written yet."""
    where = site(tmp_path)
    promote(where.generations.stage(draft("1")), where)
    (tmp_path / "lines").unlink()
    return tmp_path


def second(where: Site) -> Generation:
    return where.generations.stage(draft("2"))


def outcomes(where: Site) -> list[Any]:
    lines = where.journal.lines()
    return [one.get("outcome") for one in lines if (one.kind, one.phase) == ("promotion", "end")]


def test_what_is_healthy_stays(folder: Path) -> None:
    asked: list[tuple[int, datetime | None]] = []

    def healthy(generation: Generation, since: datetime | None) -> Health:
        asked.append((generation.number, since))
        assert served(where) == {"2"}
        return Health(checked=("it replies",))

    where = site(folder, health=healthy)
    done = promote(second(where), where)
    assert done == Promoted(generation=2, was=1, health=Health(checked=("it replies",)))
    assert [number for number, _ in asked] == [2]
    assert asked[0][1] is not None
    assert served(where) == {"2"}
    assert hook_words(folder) == ["before", "before ended", "after", "after ended"]
    assert outcomes(where) == ["confirmed", "confirmed"]
    assert where.journal.open_steps() == ()


def test_what_is_sick_goes_back(folder: Path) -> None:
    where = site(folder, health=unhealthy_for(2))
    done = promote(second(where), where)
    assert done == RolledBack(generation=2, live=1, reason="2 is sick", restored=Health())
    assert served(where) == {"1"}
    assert live_number(where.state) == 1
    words = hook_words(folder)
    assert paired(words)
    assert len(words) == 8
    assert outcomes(where)[-1] == "rolled-back"


def test_when_the_old_one_is_sick_too_that_is_said(folder: Path) -> None:
    where = site(folder, health=unhealthy_for(1, 2))
    done = promote(second(where), where)
    assert isinstance(done, RolledBack)
    assert done.restored == Health(problems=("1 is sick",))


def test_a_first_one_that_is_sick_gives_back_what_stood_there(tmp_path: Path) -> None:
    where = site(tmp_path, health=unhealthy_for(1))
    for place in where.places:
        place.path.parent.mkdir(parents=True, exist_ok=True)
        place.path.write_text("mine of person\n", encoding="utf-8")
    done = promote(where.generations.stage(draft("1")), where)
    assert done == RolledBack(generation=1, live=None, reason="1 is sick", restored=None)
    assert served(where) == {"person"}
    assert live_number(where.state) is None
    assert paired(hook_words(tmp_path))


def test_an_after_hook_that_fails_is_a_reason_to_go_back(folder: Path) -> None:
    words = folder / "lines"
    line = f'echo after $AUTOTUNE_NIGHT_GENERATION >> {words}; [ "$AUTOTUNE_NIGHT_GENERATION" = 1 ]'
    where = site(folder, hooks=Hooks(Hook(f"echo before >> {words}"), Hook(line)), health=None)
    done = promote(second(where), where)
    assert isinstance(done, RolledBack)
    assert (done.live, done.reason) == (1, "the after hook exited 1")
    assert hook_words(folder) == ["before", "after 2", "before", "after 1"]


def test_a_before_hook_that_fails_on_the_way_back_does_not_keep_the_old_one_away(
    folder: Path,
) -> None:
    where = site(folder, health=unhealthy_for(2))
    hooks = Hooks(
        Hook(f"echo before >> {folder}/lines; exit $(grep -c after {folder}/lines)"),
        Hook(f"echo after >> {folder}/lines"),
    )
    where = site(folder, health=unhealthy_for(2), hooks=hooks)
    done = promote(second(where), where)
    assert isinstance(done, RolledBack)
    assert done.reason == "2 is sick; then the before hook exited 1"
    assert (served(where), live_number(where.state)) == ({"1"}, 1)
    assert hook_words(folder) == ["before", "after", "before", "after"]


def test_a_before_hook_that_fails_leaves_everything_as_it_was(folder: Path) -> None:
    hooks = Hooks(Hook("exit 9"), Hook(f"echo after >> {folder}/lines"))
    where = site(folder, hooks=hooks)
    with pytest.raises(MachineError, match="before hook exited 9"):
        promote(second(where), where)
    assert served(where) == {"1"}
    assert hook_words(folder) == ["after"]
    assert where.journal.open_steps() == ()
    assert outcomes(where)[-1] == "abandoned"


def test_in_a_pause_the_before_hook_does_not_run_again(folder: Path) -> None:
    where = site(folder)
    with paused(where, "tuning"):
        promote(second(where), where)
        assert open_pause(where.journal) is None
    assert hook_words(folder) == ["before", "before ended", "after", "after ended"]


def test_without_a_health_check_the_after_hook_is_all_there_is(folder: Path) -> None:
    where = site(folder, health=None)
    assert promote(second(where), where) == Promoted(generation=2, was=1)


def test_a_health_check_that_cannot_ask_is_no_proof(folder: Path) -> None:
    def check(generation: Generation, since: datetime | None) -> Health:
        if generation.number == 2:
            raise UserError("the endpoint is not a URL", "")
        return Health()

    where = site(folder, health=check)
    done = promote(second(where), where)
    assert isinstance(done, RolledBack)
    assert done.reason == "the endpoint is not a URL"
    assert paired(hook_words(folder))


def test_a_ctrl_c_during_the_health_check_takes_it_back(folder: Path) -> None:
    def check(generation: Generation, since: datetime | None) -> Health:
        raise KeyboardInterrupt

    where = site(folder, health=check)
    with pytest.raises(KeyboardInterrupt):
        promote(second(where), where)
    assert served(where) == {"1"}
    assert paired(hook_words(folder))
    assert where.journal.open_steps() == ()


def test_a_file_that_cannot_be_written_takes_it_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = site(folder)
    write = places.write_bytes_atomic

    def refuse(path: Path, data: bytes, *, mode: int) -> None:
        if b"of 2" in data:
            raise MachineError(f"cannot write {path}: no", "")
        write(path, data, mode=mode)

    monkeypatch.setattr(places, "write_bytes_atomic", refuse)
    done = promote(second(where), where)
    assert isinstance(done, RolledBack)
    assert done.reason == f"cannot write {folder}/served/copied.json: no"
    assert (served(where), live_number(where.state)) == ({"1"}, 1)
    assert paired(hook_words(folder))
    assert where.journal.open_steps() == ()


def test_what_goes_wrong_on_the_way_back_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = site(folder, health=unhealthy_for(2))
    write = places.write_bytes_atomic

    def refuse(path: Path, data: bytes, *, mode: int) -> None:
        if b"of 1" in data:
            raise MachineError("cannot write it back", "")
        write(path, data, mode=mode)

    monkeypatch.setattr(places, "write_bytes_atomic", refuse)
    done = promote(second(where), where)
    assert isinstance(done, RolledBack)
    assert done.reason == "2 is sick; then cannot write it back"
    assert live_number(where.state) == 1
    assert paired(hook_words(folder))


def test_a_generation_that_is_not_whole_is_not_promoted(folder: Path) -> None:
    where = site(folder)
    staged = second(where)
    (staged.exports / "serve.sh").unlink()
    with pytest.raises(MachineError, match=r"generation 2 is not whole: exports/serve\.sh"):
        promote(staged, where)
    assert hook_words(folder) == []


def test_a_place_that_cannot_be_is_said_before_anything_is_done(folder: Path) -> None:
    where = site(folder)
    (folder / "mine").mkdir()
    bad = site(folder, places=(*where.places, Place(folder / "mine", "serve.sh")))
    with pytest.raises(UserError, match="is a folder"):
        promote(second(where), bad)
    assert hook_words(folder) == []


def test_an_open_promotion_must_be_recovered_first(folder: Path) -> None:
    where = site(folder)
    staged = second(where)
    begin(where, staged, "promotion", revert=True)
    with pytest.raises(RuntimeError, match="recover first"):
        promote(staged, where)
