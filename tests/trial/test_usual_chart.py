"""The usual chart's questions, on real processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate
from autotune.launchers.process import launch
from autotune.launchers.protocol import LaunchContext, Launcher, Server
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.trial.chart_texts import SHORT_PROMPT
from autotune.trial.measurement import Measurement, never
from autotune.trial.real import RealMeasurer
from autotune.trial.usual_chart import (
    NAME,
    UsualChart,
    _sampled,
    affords_prefill,
    chart_of,
    repeated_share,
    reply_tokens,
)

Measure = Callable[..., Measurement]
SETTINGS = {"ctx-size": 4096, "ubatch-size": 256, "parallel": 1}


@pytest.fixture
def measure(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path, plan: ReplayPlan
) -> Measure:
    """``measure("wrong-length=7")``: the fake engine measured, and asked."""

    def run(*faults: str, chart: UsualChart | None = None, **more: Any) -> Measurement:
        measurer = RealMeasurer(
            launcher=more.pop("launcher", None) or fake_launcher(*faults, token_us=500),
            model=more.pop("model", fake_model),
            logs_dir=tmp_path / "logs",
            work_dir=tmp_path / "work",
            seed=0,
            start_timeout_s=60.0,
            afterwards=(chart or UsualChart(),),
        )
        candidate = Candidate(more.pop("settings", SETTINGS))
        enough = more.pop("enough", never)
        return measurer.measure(
            candidate, plan, arm="trial-0000", block=0, sink=lambda _: None, enough=enough
        )

    return run


def test_a_trial_has_the_charts_figures_beside_its_own(measure: Measure) -> None:
    measured = measure()
    assert measured.failure is None
    figures = measured.extras[NAME]
    assert figures["failure"] is None
    assert figures["tokens_per_s"] > 0
    assert figures["ttft_s"] > 0
    # The plan asks for 6 x 4 tokens: the chart keeps to its least.
    assert figures["output_tokens"] == 32
    # A token is a word there, and every message has a few of its own.
    assert len(SHORT_PROMPT.split()) <= figures["prompt_tokens"] < len(SHORT_PROMPT.split()) + 9
    # Two sessions, 1,800 tokens deep: five hundred more to read would not be cheap.
    assert figures["prefill_tokens"] is figures["prefill_tokens_per_s"] is None
    assert 0 < figures["seconds"] <= measured.seconds.after_s + 0.001
    assert len(measured.records) == 6


def test_a_trial_that_was_stopped_early_or_is_not_wanted_is_not_asked(measure: Measure) -> None:
    looks = iter([False, False, True])
    early = measure(enough=lambda: next(looks))
    assert not early.whole
    assert early.extras == {}
    other = measure(chart=UsualChart(wanted=lambda arm: arm != "trial-0000"))
    assert other.whole
    assert other.extras == {}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("wrong-length=7", "wrong-length: 31 output tokens where 32"),  # warm-up and 6 turns
        ("status-500=7", "bad-reply: HTTP 500"),
        ("die-mid-stream=7", "crash: the engine's process ended"),
    ],
)
def test_what_fails_here_fails_no_trial(measure: Measure, fault: str, said: str) -> None:
    measured = measure(fault)
    assert measured.failure is None
    figures = measured.extras[NAME]
    assert figures["tokens_per_s"] is None
    assert figures["failure"].startswith(said)


def test_an_engine_that_ends_early_has_a_figure_if_it_says_enough() -> None:
    from autotune.replay.outcome import Outcome, Reply
    from autotune.trial.usual_chart import _figures

    prefill = Outcome(started_at="", depth_tokens=520, cached_tokens=20, ttft_s=0.5)
    reply = Outcome(
        started_at="", depth_tokens=100, output_tokens=90, ttft_s=0.1, decode_tps=30.0,
        draft_tokens=40, draft_accepted_tokens=10, reply=Reply(content="a b c d " * 3),
    )  # fmt: skip
    figures = _figures(prefill, reply, 3.14159)
    assert (figures.tokens_per_s, figures.output_tokens, figures.failure) == (30.0, 90, None)
    assert (figures.prefill_tokens, figures.prefill_tokens_per_s) == (500, 1000.0)
    assert (figures.draft_acceptance, figures.seconds) == (0.25, 3.142)
    assert figures.repeated_share == pytest.approx(5 / 9)  # 9 runs of four words, 4 of them new
    short = _figures(prefill, replace(reply, output_tokens=15), 1.0)
    assert (short.tokens_per_s, short.failure) == (None, "the reply ended after 15 tokens")
    silent = _figures(replace(prefill, ttft_s=None), replace(reply, decode_tps=None), 1.0)
    assert (silent.prefill_tokens_per_s, silent.failure) == (None, "the reply has no decode rate")


def test_the_reply_is_a_tenth_of_what_the_plan_asks_for_within_bounds() -> None:
    def records(turns: int, asked: int | None) -> list[TurnRecord]:
        one = TurnRecord(
            arm="a", block=0, order=0, session_id="s", turn=0, started_at="",
            asked_output_tokens=asked,
        )  # fmt: skip
        return [one] * turns

    assert reply_tokens(records(6, 4)) == 32
    assert reply_tokens(records(10, 80)) == 80
    assert reply_tokens(records(100, 80)) == 128
    assert reply_tokens(records(10, None)) == 128


def test_the_long_prompt_is_read_where_a_tenth_of_the_plan_holds_it() -> None:
    def records(*turns: tuple[str, int]) -> list[TurnRecord]:
        return [
            TurnRecord(
                arm="a", block=0, order=at, session_id=session, turn=at, started_at="",
                asked_output_tokens=4, depth_tokens=depth,
            )
            for at, (session, depth) in enumerate(turns)
        ]  # fmt: skip

    assert not affords_prefill(records(("a", 5_119), ("a", 5_119), ("a", 5_000)))
    assert affords_prefill(records(("a", 5_120)))
    assert affords_prefill(records(("a", 1_000), ("a", 3_120), ("b", 2_000)))
    assert not affords_prefill([])


def test_only_a_temperature_that_is_said_is_changed() -> None:
    def fields(tokens: int | None) -> Mapping[str, Any]:
        return {"temperature": 0, "seed": 1, "max_tokens": tokens}

    assert _sampled(fields)(5) == {"temperature": 0.8, "seed": 1, "max_tokens": 5}
    assert _sampled(lambda tokens: {"n": tokens})(5) == {"n": 5}


def test_repeated_text_is_told() -> None:
    assert repeated_share("a b c d e f g h") == 0.0
    assert repeated_share("yes " * 20) == pytest.approx(16 / 17)
    assert repeated_share("a b c") is None


def test_on_the_reference_engine(
    reference_launcher: Launcher,
    smollm2: Path,
    launch_context: Callable[..., LaunchContext],
    stop_later: Callable[[Server], Server],
) -> None:
    settings = {"ctx-size": 1024, "ubatch-size": 512, "parallel": 1, "threads": 1}
    candidate = Candidate(settings)
    server = stop_later(launch(reference_launcher, candidate, launch_context(smollm2)))
    measurer = RealMeasurer(
        launcher=reference_launcher, model=smollm2, logs_dir=Path(), work_dir=Path(), seed=0
    )
    figures = chart_of(measurer.endpoint(server), 32)
    assert figures.failure is None
    assert figures.output_tokens == 32
    assert 80 <= (figures.prompt_tokens or 0) <= 160
    assert 400 <= (figures.prefill_tokens or 0) <= 650
    assert (figures.tokens_per_s or 0) > 0
    assert (figures.prefill_tokens_per_s or 0) > 0
    assert (figures.repeated_share or 0) < 0.5
