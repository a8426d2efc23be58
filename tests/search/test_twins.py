"""Which configs an engine is known to run alike, before and after a launch."""

from __future__ import annotations

from autotune.candidate import Candidate, Setting
from autotune.search.twins import Twins

AUTO: dict[str, Setting] = {"flash-attn": "auto", "batch": 512, "poll": 50}
ON: dict[str, Setting] = {"flash-attn": "on", "batch": 512}


def key(settings: dict[str, Setting]) -> str:
    return Candidate(settings).key


def test_asking_for_what_another_got() -> None:
    twins = Twins()
    twins.learn(AUTO, ON)
    assert twins.before({**AUTO, "flash-attn": "on"}) == key(AUTO)
    assert twins.before({**AUTO, "flash-attn": True}) == key(AUTO)
    assert twins.before({**AUTO, "flash-attn": "off"}) is None
    assert twins.before({**AUTO, "flash-attn": "on", "poll": 0}) is None  # never read back
    assert twins.before({"flash-attn": "on", "batch": 512}) is None  # poll is the engine's there
    assert twins.before(AUTO) is None  # itself


def test_a_batch_that_was_cut() -> None:
    twins = Twins()
    twins.learn({"batch": 512, "ubatch": 2048}, {"batch": 512, "ubatch": 512})
    assert twins.before({"batch": 512, "ubatch": 512}) is not None
    assert twins.before({"batch": 1024, "ubatch": 2048}) is None


def test_a_number_that_leaves_it_to_the_engine_may_bring_other_settings_along() -> None:
    twins = Twins()
    twins.learn({"parallel": -1}, {"parallel": 4, "kv-unified": True})
    assert twins.before({"parallel": 4}) is None
    assert twins.after({"parallel": 4}, {"parallel": 4, "kv-unified": False}) is None
    assert twins.after({"parallel": 4}, {"parallel": 4, "kv-unified": True}) is not None


def test_a_word_that_always_comes_back_as_another() -> None:
    twins = Twins()
    for batch in (1, 2, 3):
        twins.learn({**AUTO, "batch": batch}, {**ON, "batch": batch})
    twins.learn({**AUTO, "flash-attn": "on", "batch": 64}, {**ON, "batch": 64})
    asked = {**AUTO, "batch": 64}
    assert twins.before(asked) == key({**asked, "flash-attn": "on"})
    twins.learn({**AUTO, "batch": 9}, {"flash-attn": "off", "batch": 9})
    assert twins.before(asked) is None  # not always


def test_after_a_launch_by_what_was_read_back() -> None:
    twins = Twins()
    twins.learn({**AUTO, "flash-attn": "on"}, ON)
    assert twins.before(AUTO) is None
    assert twins.after(AUTO, ON) == key({**AUTO, "flash-attn": "on"})
    assert twins.after(AUTO, {**ON, "threads": 2}) is None
    assert twins.after({**AUTO, "poll": 0}, ON) is None
    assert twins.after(AUTO, {}) is None


def test_only_the_measurement_that_is_watched_ends() -> None:
    twins = Twins()
    twins.learn({**AUTO, "flash-attn": "on"}, ON)
    candidate = Candidate(AUTO)
    assert not twins.is_seen(candidate, "trial-0003", ON)
    twins.watch("trial-0003")
    assert twins.is_seen(candidate, "trial-0003", ON)
    assert not twins.is_seen(candidate, "confirm-0003-default", ON)


def test_engines_that_read_nothing_back_have_no_twins() -> None:
    twins = Twins()
    twins.learn(AUTO, {})
    assert twins.before({**AUTO, "flash-attn": "on"}) is None


def test_large_numbers_are_told_apart() -> None:
    twins = Twins()
    twins.learn({"ctx": 131072}, {"ctx": 131072})
    assert twins.before({"ctx": 131073}) is None
    assert twins.before({"ctx": 131072.0}) == key({"ctx": 131072})
