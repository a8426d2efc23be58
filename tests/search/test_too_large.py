"""What ran out of memory once is not tried again; what is not known to need more is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.space import Space

OOM = Failure(FailureKind.OUT_OF_MEMORY, "no room")


@pytest.mark.parametrize(
    ("engine", "failed", "tried", "refused"),
    [
        # llama.cpp's flags: a larger context with everything else equal needs no less.
        (
            "llama-server",
            {"ctx-size": 4096, "parallel": 1},
            {"ctx-size": 8192, "parallel": 1},
            True,
        ),
        (
            "llama-server",
            {"ctx-size": 4096, "parallel": 1},
            {"ctx-size": 2048, "parallel": 1},
            False,
        ),
        # SGLang's: a larger share for the cache may be what helps, or what does not.
        ("sglang", {"mem-fraction-static": 0.7}, {"mem-fraction-static": 0.8}, False),
        ("sglang", {"mem-fraction-static": 0.7}, {"mem-fraction-static": 0.7}, True),
        ("sglang", {"mem-fraction-static": 0.7}, {}, False),
    ],
)
def test_only_what_is_known_to_need_as_much_is_refused(
    engine: str, failed: Mapping[str, Setting], tried: Mapping[str, Setting], refused: bool
) -> None:
    feasibility = Feasibility(Space(engine, ()), None, Limits(None, None), gpu=True)
    feasibility.learn(Candidate(failed), OOM)
    assert (feasibility.refusal(Candidate(tried)) is not None) is refused
