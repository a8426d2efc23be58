"""Busy or idle, by what was seen."""

from __future__ import annotations

import pytest

from autotune.nightly.idle import Busy, Idle, IdleRule, Looked, idle

RULE = IdleRule(gpu_share=0.05, cores=0.5, person_s=900.0)
QUIET = {"gpu_share": 0.05, "cores": 0.5, "requests": 0, "person_s": 900.0}


def test_at_its_limits_a_machine_is_idle() -> None:
    assert idle(Looked(**QUIET), RULE) == Idle()


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"gpu_share": 0.4, "gpu_by": "x (pid 7)"}, "x (pid 7) took 40% of the GPU's time"),
        ({"gpu_share": 0.06}, "others took 6% of the GPU's time"),
        ({"cores": 1.25}, "other work keeps 1.2 cores busy (limit 0.5)"),
        ({"requests": 1}, "the endpoint works on 1 request"),
        ({"requests": 3}, "the endpoint works on 3 requests"),
        ({"person_s": 59.0}, "somebody is at work: last input just now"),
        ({"person_s": 899.0}, "somebody is at work: last input 14 min ago"),
    ],
)  # fmt: skip
def test_each_way_to_be_busy_is_named(seen: dict[str, float], reason: str) -> None:
    assert idle(Looked(**{**QUIET, **seen}), RULE) == Busy(reason)


def test_without_a_limit_of_its_own_it_is_what_a_measurement_bears() -> None:
    seen = Looked(cores=0.6, core_limit=0.8)
    assert isinstance(idle(seen, IdleRule(cores=None)), Idle)
    assert isinstance(idle(seen, IdleRule(cores=0.5)), Busy)


def test_a_person_is_not_asked_about_where_the_rule_says_so() -> None:
    assert idle(Looked(**{**QUIET, "person_s": 1.0}), IdleRule(person_s=None, cores=0.5)) == Idle()


def test_what_cannot_be_told_is_said() -> None:
    assert idle(Looked(), RULE) == Idle(
        (
            "who computes on the GPU",
            "whether the endpoint is at work",
            "whether a person is at work",
        )
    )
