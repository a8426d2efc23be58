"""After a crash: finished or undone, by what the journal says, at whatever byte it was cut."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nightly_site import draft, hook_words, paired, served, site, unhealthy_for, unsynced

from autotune.nightly.hooks import Hook, Hooks
from autotune.nightly.live import live_number, point_live
from autotune.nightly.pause import pause
from autotune.nightly.promote import promote
from autotune.nightly.recover import Recovered, recover
from autotune.nightly.site import Site
from autotune.nightly.swap import Promoted, RolledBack, begin, go_live, undo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where generation 1 is live, 2 is staged, and no hook has written yet."""
    where = site(tmp_path)
    for mark in "12":
        where.generations.stage(draft(mark))
    promote(where.generations.read(1), where)
    (tmp_path / "lines").unlink()
    return tmp_path


def test_when_nothing_is_open_nothing_is_done(folder: Path) -> None:
    where = site(folder)
    before = where.journal.lines()
    found = recover(where)
    assert found == Recovered()
    assert not found
    assert where.journal.lines() == before


def test_an_empty_state_needs_nothing(tmp_path: Path) -> None:
    assert recover(site(tmp_path)) == Recovered()


def test_a_tuning_that_was_killed_gets_its_after_hook(folder: Path) -> None:
    pause(site(folder), "tuning")
    found = recover(site(folder))
    assert found.said == ("the after hook was run",)
    assert [run.name for run in found.hooks] == ["after"]
    assert paired(hook_words(folder))
    assert recover(site(folder)) == Recovered()


def swapped(where: Site, *, revert: bool = True) -> None:
    """As a process leaves it that is killed right after the swap."""
    promotion = begin(where, where.generations.read(2), "promotion", revert=revert)
    pause(where, "promotion")
    go_live(where, promotion)


def test_a_swap_that_was_made_is_finished(folder: Path) -> None:
    swapped(site(folder))
    found = recover(site(folder))
    assert found.said[0] == "generation 2 is in use: what was cut short was finished"
    assert isinstance(found.promotion, Promoted)
    assert served(site(folder)) == {"2"}
    assert paired(hook_words(folder))


def test_a_swap_that_turns_out_sick_is_undone(folder: Path) -> None:
    swapped(site(folder))
    found = recover(site(folder, health=unhealthy_for(2)))
    assert isinstance(found.promotion, RolledBack)
    assert found.said[0] == "generation 2 was taken back: 2 is sick"
    assert served(site(folder)) == {"1"}
    assert paired(hook_words(folder))


def test_a_swap_in_which_the_machine_went_down_is_undone(folder: Path) -> None:
    swapped(site(folder))
    found = recover(site(folder, boot="boot-2"))
    assert found.said == (
        "generation 2 was taken back: the machine went down before it was proven",
    )
    assert served(site(folder)) == {"1"}


def test_a_persons_rollback_is_finished_also_after_a_reboot(folder: Path) -> None:
    swapped(site(folder), revert=False)
    recover(site(folder, boot="boot-2", health=unhealthy_for(2)))
    assert served(site(folder)) == {"2"}
    assert site(folder).journal.open_steps() == ()


def test_a_swap_that_was_not_made_is_forgotten(folder: Path) -> None:
    where = site(folder)
    begin(where, where.generations.read(2), "promotion", revert=True)
    pause(where, "promotion")
    found = recover(where)
    assert found.said == (
        "generation 2 was not put in use: that was cut short",
        "the after hook was run",
    )
    assert served(where) == {"1"}


def test_a_rollback_that_was_decided_is_finished_even_if_it_is_well_by_now(folder: Path) -> None:
    where = site(folder)
    swapped(where)
    promotion = where.journal.open_steps()[0]
    where.journal.append("undo", of=promotion.number, reason="it was sick")
    found = recover(where)
    assert found.said == ("generation 2 was taken back: it was sick",)
    assert served(where) == {"1"}


def test_once_it_is_back_hooks_do_not_run_again(folder: Path) -> None:
    where = site(folder)
    swapped(where)
    promotion = where.journal.open_steps()[0]
    undo(where, promotion, "it was sick")
    lines = where.journal.path.read_bytes().splitlines(keepends=True)
    where.journal.path.write_bytes(b"".join(lines[:-1]))
    words = hook_words(folder)
    assert recover(where).said == ("generation 2 was taken back: it was sick",)
    assert hook_words(folder) == words


def test_a_copy_that_was_not_written_any_more_is_written(folder: Path) -> None:
    where = site(folder)
    copied = where.places[2].path
    copied.write_text("something of else\n", encoding="utf-8")
    assert recover(where).said == (f"{copied} shows the live config again",)
    assert served(where) == {"1"}


def test_litter_is_taken_away(folder: Path) -> None:
    where = site(folder)
    (where.generations.folder / ".staging-0003").mkdir()
    (where.state / ".live-next").symlink_to("generations/0003")
    recover(where)
    assert not list(where.state.rglob(".*"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A target that went through two promotions and one that was taken back, as a copy of it.

    Its links lead to the folder ``now`` beside it.
    """
    base = tmp_path_factory.mktemp("whole")
    where = site(base / "now", hooks=Hooks(Hook("true"), Hook("true")), health=unhealthy_for(3))
    for mark in "123":
        promote(where.generations.stage(draft(mark)), where)
    return (base / "now").rename(base / "copy")


@settings(max_examples=40)
@given(
    sick=st.sampled_from([(), (2,), (3,)]),
    boot=st.sampled_from(["boot-1", "boot-2"]),
    live=st.integers(1, 3),
    cut=st.floats(0, 1),
)
def test_a_journal_cut_at_any_byte_is_recovered_from(
    whole: Path, sick: tuple[int, ...], boot: str, live: int, cut: float
) -> None:
    """Whatever is live and whatever is left of the journal: one generation, whole, nothing open."""
    folder = whole.with_name("now")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder, symlinks=True)
    where = site(folder, hooks=Hooks(), health=unhealthy_for(*sick), boot=boot)
    text = where.journal.path.read_bytes()
    where.journal.path.write_bytes(text[: round(len(text) * cut)])
    with unsynced():
        point_live(where.state, live)

    with unsynced():
        recover(where)

    number = live_number(where.state)
    assert served(where) == {"nobody" if number is None else str(number)}
    assert number is None or where.generations.read(number).damage() == ()
    assert where.journal.open_steps() == ()
    assert recover(where) == Recovered()
