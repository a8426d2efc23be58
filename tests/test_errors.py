from __future__ import annotations

import pytest

from autotune.errors import AutotuneError, ExitCode, MachineError, UserError, gravest


@pytest.mark.parametrize(
    ("error", "code"),
    [(UserError, ExitCode.USAGE), (MachineError, ExitCode.MACHINE)],
)
def test_an_error_says_what_to_do_and_how_to_exit(
    error: type[AutotuneError], code: ExitCode
) -> None:
    raised = error("m.gguf does not exist", "name the model with --model")
    assert str(raised) == raised.message == "m.gguf does not exist"
    assert raised.hint == "name the model with --model"
    assert raised.exit_code is code


def test_exit_codes_are_the_documented_ones() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "NOTHING_BETTER": 1,
        "USAGE": 2,
        "MACHINE": 3,
        "NO_FEASIBLE_TRIAL": 4,
        "STOPPED_EARLY": 75,
        "INTERRUPTED": 130,
    }


def test_of_several_ends_the_gravest_is_told() -> None:
    assert gravest([]) is ExitCode.DONE
    assert gravest([0, 1, 75]) is ExitCode.STOPPED_EARLY
    assert gravest([4, 3, 0]) is ExitCode.MACHINE
    assert gravest([3, 130]) is ExitCode.INTERRUPTED
    assert {gravest([int(code)]) for code in ExitCode} == set(ExitCode)
