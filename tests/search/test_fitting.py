"""What fits in memory, by an estimate that can be done in the head."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from autotune.candidate import Candidate
from autotune.launchers.failure import Failure, FailureKind
from autotune.search.feasibility import Feasibility
from autotune.search.fitting import fits, largest_context
from autotune.search.space import Parameter, Space, Start


@dataclass
class Need:
    """100 bytes for each token of context, on the device."""

    device_bytes: int
    host_bytes: int = 7


@dataclass
class ByTokens:
    """Memory by the context alone; `limit` bytes are there."""

    limit: int
    known: bool = True
    asked: list[Any] = field(default_factory=list)

    def estimate(self, settings: Any) -> Need | None:
        return Need(100 * settings.get("ctx-size", 0)) if self.known else None

    def refusal(self, candidate: Candidate) -> Failure | None:
        return self.unlaunchable(candidate)

    def unlaunchable(self, candidate: Candidate) -> Failure | None:
        self.asked.append(candidate.settings)
        need = self.estimate(candidate.settings)
        if need is None or need.device_bytes <= self.limit:
            return None
        return Failure(FailureKind.OUT_OF_MEMORY, f"needs {need.device_bytes}")


def memory(limit: int, *, known: bool = True) -> Feasibility:
    return cast("Feasibility", ByTokens(limit, known))


SPACE = Space(
    "e",
    (
        Parameter("ctx-size", (1024, 2048, 4096), 2048, "context length"),
        Parameter("parallel", (1, 4), 4, "cache slots"),
        Parameter("flash", (False, True), False, "flash attention"),
    ),
    starts=(Start("deep", "why", {"ctx-size": 4096}), Start("flashy", "why", {"flash": True})),
)


def test_what_takes_other_memory_or_does_not_fit() -> None:
    found = fits(SPACE, memory(300_000))
    assert [(fit.name, fit.device_bytes, fit.fits) for fit in found] == [
        ("baseline", 204_800, True),
        ("deep", 409_600, False),
        ("ctx-size=1024", 102_400, True),
        ("ctx-size=4096", 409_600, False),
    ]
    assert found[1].why == "needs 409600"
    assert (found[0].host_bytes, found[0].why) == (7, None)


def test_where_nothing_is_known_the_baseline_is_told_and_may_be_tried() -> None:
    (only,) = fits(SPACE, memory(1, known=False))
    assert (only.device_bytes, only.host_bytes, only.fits) == (None, None, True)


def test_the_largest_context_of_one_session() -> None:
    """100 bytes a token: 300,000 hold 3000, which is 11 steps of 256 and a bit."""
    by_tokens = ByTokens(300_000)
    assert largest_context(SPACE, cast("Feasibility", by_tokens), 32768) == 11 * 256
    assert all(settings["parallel"] == 1 for settings in by_tokens.asked)
    assert largest_context(SPACE, memory(10**9), 32768) == 32768
    assert largest_context(SPACE, memory(100), 32768) == 0


def test_no_context_flag_or_no_estimate_is_no_answer() -> None:
    other = Space("e", SPACE.parameters[1:])
    assert largest_context(other, memory(10**9), 32768) is None
    assert largest_context(SPACE, memory(1, known=False), 32768) is None
