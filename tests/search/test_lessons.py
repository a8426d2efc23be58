"""What a failure says of its neighbours, and what takes it back."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from autotune.candidate import Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.models.memory_order import MemoryOrder, Side
from autotune.search.lessons import Lessons, faulty_settings, side_of

ORDER = MemoryOrder(grows=("ctx", "batch"), device={"layers": 1}, harmless=frozenset({"threads"}))
BASE: dict[str, Setting] = {"ctx": 4096, "batch": 512, "layers": 10, "threads": 2, "mode": "a"}
OOM = Failure(FailureKind.OUT_OF_MEMORY, "no room")
HANG = Failure(FailureKind.HANG, "no token")
CRASH = Failure(FailureKind.CRASH, "died")


def with_(**changes: Setting) -> dict[str, Setting]:
    return {**BASE, **changes}


def failed(
    lessons: Lessons, settings: Mapping[str, Setting], failure: Failure, trial: int | None = 7
) -> None:
    lessons.failed(settings, failure, order=ORDER, room=int(settings["ctx"]), trial=trial)


def ran(lessons: Lessons, settings: Mapping[str, Setting]) -> None:
    lessons.ran(settings, ORDER, int(settings["ctx"]))


def refused(lessons: Lessons, settings: Mapping[str, Setting]) -> str:
    found = lessons.refusal(settings, order=ORDER, room=int(settings["ctx"]), default=BASE)
    return "" if found is None else f"{found.kind}: {found.message}"


def test_what_asks_for_no_less_is_refused_with_the_reason() -> None:
    lessons = Lessons()
    failed(lessons, with_(ctx=8192), OOM)
    assert refused(lessons, with_(ctx=16384, threads=8)) == (
        "out-of-memory: asks for no less memory than trial 7, which ran out of it: ctx 16384 (8192)"
    )
    assert refused(lessons, with_(ctx=8192, threads=8)).endswith("which ran out of it")
    assert not refused(lessons, with_(ctx=4096))
    assert not refused(lessons, with_(ctx=16384, batch=256))
    assert not refused(lessons, with_(ctx=16384, layers=20))


def test_layers_are_compared_where_the_engine_says_whose_memory_it_was() -> None:
    lessons = Lessons()
    gpu = Failure(FailureKind.OUT_OF_MEMORY, "no room", "cudaMalloc failed: out of memory")
    failed(lessons, with_(layers=20), gpu)
    assert "layers 30 (20)" in refused(lessons, with_(layers=30))
    assert not refused(lessons, with_(layers=10))


@pytest.mark.parametrize(
    ("words", "side"),
    [
        ("cudaMalloc failed: out of memory", Side.DEVICE),
        ("ErrorOutOfDeviceMemory on Vulkan0", Side.DEVICE),
        ("std::bad_alloc", Side.HOST),
        ("the engine was ended by SIGKILL, as the system does", Side.HOST),
        ("failed to allocate buffer for kv cache", Side.UNKNOWN),
        ("CUDA_Host buffer: Cannot allocate memory", Side.UNKNOWN),
    ],
)
def test_whose_memory(words: str, side: Side) -> None:
    assert side_of(Failure(FailureKind.OUT_OF_MEMORY, "no room", words)) is side


def test_what_runs_with_as_much_takes_a_memory_failure_back() -> None:
    lessons = Lessons()
    failed(lessons, with_(ctx=8192), OOM)
    ran(lessons, with_(ctx=16384))
    assert not refused(lessons, with_(ctx=32768))
    failed(lessons, with_(ctx=8192), OOM)  # again: 16384 ran, so it was somebody else's
    assert not refused(lessons, with_(ctx=9000))


def test_a_config_that_was_filled_is_not_taken_back_by_a_trial() -> None:
    lessons = Lessons()
    ran(lessons, with_(ctx=8192))
    failed(lessons, with_(ctx=8192), OOM, trial=None)
    ran(lessons, with_(ctx=8192))
    assert "than a config, which" in refused(lessons, with_(ctx=8192))


def test_a_session_too_long_for_its_room_is_too_long_for_less() -> None:
    lessons = Lessons()
    failed(lessons, with_(ctx=4000), Failure(FailureKind.CONTEXT_OVERFLOW, "too long"))
    assert refused(lessons, with_(ctx=3000)) == (
        "context-overflow: a session has room for 3000 tokens: trial 7 overflowed with 4000"
    )
    assert not refused(lessons, with_(ctx=4096))


def test_a_value_that_the_engine_does_not_take_is_out() -> None:
    lessons = Lessons()
    differ = Failure(FailureKind.SETTINGS_DIFFER, "mode: asked b", settings=("mode",))
    failed(lessons, with_(mode="b"), differ)
    message = "bad-flag: the engine did not take mode b in trial 7"
    assert refused(lessons, with_(mode="b", batch=64)) == message
    assert not refused(lessons, with_(mode="c"))
    ran(lessons, with_(mode="b", batch=128))
    assert not refused(lessons, with_(mode="b", batch=64))


def test_values_of_the_default_are_never_out() -> None:
    lessons = Lessons()
    differ = Failure(FailureKind.SETTINGS_DIFFER, "mode", settings=("mode",))
    failed(lessons, with_(threads=4), differ)
    assert not refused(lessons, with_(threads=8))


@pytest.mark.parametrize(
    ("evidence", "names"),
    [
        ("error: invalid argument: --mode", ("mode",)),
        ('error while handling argument "--no-mode"', ("mode",)),
        ("quantized V cache requires flash attention", ()),
        ("--mode needs --batch", ()),
        ("error: unknown argument: --other", ()),
    ],
)
def test_the_flag_that_was_refused(evidence: str, names: tuple[str, ...]) -> None:
    assert faulty_settings(Failure(FailureKind.BAD_FLAG, "bad", evidence), BASE) == names


@pytest.mark.parametrize("failure", [HANG, CRASH])
def test_one_accident_condemns_nothing_two_do(failure: Failure) -> None:
    lessons = Lessons()
    ran(lessons, BASE)
    failed(lessons, with_(mode="b", batch=1024), failure, 3)
    assert not refused(lessons, with_(mode="b"))
    failed(lessons, with_(mode="b", batch=64), failure, 4)
    kind = failure.kind.value
    assert refused(lessons, with_(mode="b", threads=1)) == (
        f"crash: mode b has never run: trial 3 ({kind}) and trial 4 ({kind}) had it"
    )
    assert not refused(lessons, with_(batch=64))
    ran(lessons, with_(mode="b"))
    assert not refused(lessons, with_(mode="b", threads=1))


def test_the_same_config_twice_is_one_accident() -> None:
    lessons = Lessons()
    failed(lessons, with_(mode="b"), HANG, 3)
    failed(lessons, with_(mode="b"), HANG, 9)
    assert not refused(lessons, with_(mode="b", threads=1))


def test_the_machines_own_failures_teach_nothing() -> None:
    lessons = Lessons()
    for kind in (FailureKind.PORT_TAKEN, FailureKind.WRONG_SERVER, FailureKind.QUALITY):
        for batch in (1, 2, 3):
            failed(lessons, with_(mode="b", batch=batch), Failure(kind, "x"), batch)
    assert not refused(lessons, with_(mode="b"))


def test_what_ran_is_refused_by_no_accident_of_others() -> None:
    lessons = Lessons()
    ran(lessons, with_(ctx=2048))
    failed(lessons, with_(ctx=4000), Failure(FailureKind.CONTEXT_OVERFLOW, "too long"))
    assert not refused(lessons, with_(ctx=2048))


def test_learning_again_changes_nothing() -> None:
    lessons = Lessons()
    for _ in range(2):
        ran(lessons, BASE)
        failed(lessons, with_(ctx=8192), OOM, 1)
        failed(lessons, with_(mode="b", threads=1), HANG, 2)
    assert refused(lessons, with_(ctx=8192))
    assert not refused(lessons, with_(mode="b"))
