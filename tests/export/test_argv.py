"""Command lines taken apart."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.export.argv import flag_groups, short_argv

NAMES = st.from_regex(r"[a-z][a-z-]{1,8}", fullmatch=True).filter(lambda n: not n.startswith("no-"))
VALUES = st.one_of(st.integers(-5, 5), st.sampled_from(["on", "q8_0", "3,1"]), st.booleans())


def spelt(full: dict[str, bool | int | str]) -> list[str]:
    words: list[str] = []
    for name, value in full.items():
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        else:
            words += [f"--{name}", str(value)]
    return words


def test_groups_keep_negative_numbers_with_their_flag() -> None:
    argv = ("server", "serve", "--a", "-1", "-c", "-.5", "--b=2", "x", "--on")
    assert flag_groups(argv) == [
        ("server", "serve"),
        ("--a", "-1"),
        ("-c", "-.5"),
        ("--b=2", "x"),
        ("--on",),
    ]
    assert flag_groups(()) == []


def test_what_follows_a_dropped_value_stays() -> None:
    argv = ("server", "--a", "1", "model.gguf", "--b=2", "rest", "--no-c", "--d", "last")
    full: dict[str, bool | int | float | str] = {"a": 1, "b": 2, "c": False, "d": True}
    assert short_argv(argv, {}, full) == ("server", "model.gguf", "rest", "last")


def test_a_flag_spelt_otherwise_stays() -> None:
    argv = ("server", "-b", "512", "--set", "ubatch=3", "--no-x")
    assert short_argv(argv, {}, {"batch-size": 512, "ubatch": 3, "x": True}) == argv


@given(st.dictionaries(NAMES, VALUES, max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_exactly_the_chosen_settings_are_left(
    full: dict[str, bool | int | str], data: st.DataObject
) -> None:
    keep = data.draw(st.sets(st.sampled_from(sorted(full)))) if full else set()
    chosen = {name: value for name, value in full.items() if name in keep}
    argv = ("server", "--model-file", "m", *spelt(full))
    assert short_argv(argv, chosen, full) == ("server", "--model-file", "m", *spelt(chosen))
