"""Figures and verdicts of the quality guard, on numbers worked out by hand."""

from __future__ import annotations

import pytest

from autotune.scoring.quality import (
    CallOutcome,
    Compared,
    QualityFigures,
    Standing,
    Threshold,
    figures,
    judge,
)


def rows(kl: list[float], sessions: int = 10, wrong: int = 0) -> list[Compared]:
    """Positions dealt out over sessions, two replies in each; the first `wrong` differ in top-1."""
    return [
        Compared(f"s{at % sessions}", f"s{at % sessions}/{at % 2}", at, "text", value, at >= wrong)
        for at, value in enumerate(kl)
    ]


def found(kl: list[float], **more: int) -> QualityFigures:
    result = figures(rows(kl, **more))
    assert result is not None
    return result


def test_the_same_distributions_everywhere_pass() -> None:
    same = found([0.0] * 200)
    assert (same.positions, same.sessions) == (200, 10)
    assert same.kl_p99.value == same.kl_p99.high == same.kl_mean.value == 0.0
    assert same.top1.value == 1.0
    assert same.top1.low == pytest.approx(0.05 ** (1 / 200))  # nothing seen out of 200
    verdict = judge(same, Threshold())
    assert (verdict.standing, verdict.reasons, verdict.accepted) == (Standing.PASSES, (), True)


def test_the_tail_fails_what_the_mean_would_pass() -> None:
    # Six of 200 positions are ruined: the mean is 0.06, the 99th percentile 2.
    ruined = found([2.0] * 6 + [0.001] * 194)
    assert ruined.kl_mean.value == pytest.approx((12 + 0.194) / 200)
    assert ruined.kl_p99.value == pytest.approx(2.0)
    verdict = judge(ruined, Threshold())
    assert verdict.standing is Standing.FAILS
    assert verdict.reasons == ("p99 KL 2 (2 to 2) above 0.1",)


def test_an_interval_that_straddles_the_threshold_cannot_tell() -> None:
    # One session of ten holds all the damage: a draw without it shows none.
    kl = [0.9 if at % 10 == 0 else 0.01 for at in range(200)]
    verdict = judge(found(kl), Threshold())
    assert verdict.standing is Standing.CANNOT_TELL
    assert not verdict.accepted
    assert verdict.reasons[0].startswith("p99 KL 0.9 (0.01 to 0.9) against 0.1")


def test_another_likeliest_token_too_often_fails() -> None:
    verdict = judge(found([0.01] * 200, wrong=60), Threshold())
    assert verdict.standing is Standing.FAILS
    assert verdict.reasons[0].startswith("top-1 70.0% (")
    assert verdict.reasons[0].endswith("below 92%")


def test_too_few_positions_cannot_tell() -> None:
    assert judge(found([0.0] * 99), Threshold()).reasons == ("only 99 positions, 100 are needed",)
    assert judge(None, Threshold()).standing is Standing.CANNOT_TELL
    assert figures([]) is None


def test_calls_that_break_fail_what_the_distributions_would_pass() -> None:
    calls = [CallOutcome.KEPT] * 6 + [CallOutcome.BROKEN, CallOutcome.RENAMED]
    result = figures(rows([0.0] * 200), calls)
    assert result is not None
    assert result.calls == {"kept": 6, "renamed": 1, "broken": 1}
    assert result.calls_kept == 0.75
    assert judge(result, Threshold()).reasons == ("75% of 8 tool calls kept, below 90%",)
    assert judge(result, Threshold(min_calls=0.7)).accepted
    assert result.to_json()["calls_kept"] == 0.75
    assert found([0.0] * 200).calls_kept is None


def test_few_sessions_are_drawn_by_reply_and_the_seed_decides() -> None:
    kl = [0.2 if at % 2 else 0.1 for at in range(120)]
    one = figures(rows(kl, sessions=2), seed=3)
    again = figures(rows(kl, sessions=2), seed=3)
    assert one == again
    assert one is not None
    assert one.kl_mean.low <= one.kl_mean.value <= one.kl_mean.high


def test_the_mean_at_each_kind_of_place_is_told() -> None:
    mixed = [Compared("s", "s/0", 1, "syntax of a call", 0.4, True),
             Compared("s", "s/0", 2, "text", 0.1, True),
             Compared("s", "s/1", 3, "text", 0.3, False)]  # fmt: skip
    result = figures(mixed)
    assert result is not None
    assert result.by_place == pytest.approx({"syntax of a call": 0.4, "text": 0.2})
    assert result.top1.value == pytest.approx(2 / 3)
