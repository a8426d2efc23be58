"""The events of a short run, as a search sends them."""

from __future__ import annotations

import pytest

from autotune.scoring.warmth import KindScore
from autotune.search.events import (
    BucketRow,
    ConfirmBlock,
    ConfirmStarted,
    Event,
    Prepared,
    Summary,
    TrialFinished,
    TrialStarted,
    TurnDone,
)

LONG_LOG = "studies/tiny-llama-server-cpu/logs/trial-0002-with-a-name-that-goes-on-and-on.log"

LAUNCH = (
    "/opt/llama.cpp/build/bin/llama-server --model /models/tiny.gguf --host 127.0.0.1 "
    "--port 8080 --batch-size 512 --flash-attn on --cache-reuse 256"
)


KINDS = (KindScore("cold", 2, 4.9, 5.1, 11.0), KindScore("warm", 38, 0.7, 0.9, 51.0))


@pytest.fixture
def prepared() -> Prepared:
    return Prepared(
        study="tiny",
        study_dir="studies/tiny",
        engine="llama-server",
        engine_version="b11434",
        model="tiny.gguf",
        gpu="A Processor",
        workload_sessions=6,
        workload_turns=48,
        held_out_sessions=2,
        deepest_tokens=2400,
        depth_label="0-10k",
        parameters=18,
        trials_done=0,
        trials_wanted=12,
        budget_s=600.0,
        notes=("KV types are left alone",),
    )


@pytest.fixture
def events(prepared: Prepared) -> list[Event]:
    """Baseline, a better trial, one out of memory, then a confirmation with a crash."""
    better = {"batch-size": 512, "flash-attn": "on"}
    large = {"ctx-size": 131072, "kv-unified": False}
    return [
        prepared,
        TrialStarted(0, {}, "default"),
        TurnDone(1, 8, 0.9, 20.0),
        TrialFinished(
            number=0,
            changes={},
            turn_s=1.55,
            ttft_p50_s=0.9,
            decode_p50_tps=22.1,
            value=1.55,
            seconds=31.2,
            is_best=True,
            best_number=0,
            best_value=1.55,
            seconds_left=500.0,
            trials_done=1,
        ),
        TrialStarted(1, better, "batch"),
        TrialFinished(
            number=1,
            changes=better,
            turn_s=1.25,
            ttft_p50_s=0.7,
            decode_p50_tps=30.14,
            ttft_p95_s=1.2,
            total_wait_s=62.0,
            kinds=KINDS,
            value=1.25,
            seconds=30.0,
            is_best=True,
            best_number=1,
            best_value=1.25,
            seconds_left=460.0,
            trials_done=2,
        ),
        TrialStarted(2, large),
        TrialFinished(
            number=2,
            changes=large,
            turn_s=None,
            ttft_p50_s=None,
            decode_p50_tps=None,
            value=None,
            seconds=3.1,
            failure="out-of-memory",
            reason="failed to allocate buffer of size 515",
            log_path=LONG_LOG,
            best_number=1,
            best_value=1.25,
            seconds_left=450.0,
            trials_done=3,
        ),
        ConfirmStarted(("default", "trial-0001"), 2, True, 3),
        ConfirmBlock("default", 0, 1.5),
        ConfirmBlock("trial-0001", 0, None, "crash"),
    ]


@pytest.fixture
def summary() -> Summary:
    return Summary(
        study="tiny",
        study_dir="studies/tiny",
        exit_code=0,
        verdict="Trial 1 beats the default.",
        winner=1,
        speedup=1.24,
        interval=(1.21, 1.33),
        changes={"batch-size": 512, "mlock": True, "n": (4, None)},
        before={"turn_s": 1.55, "decode_p50_tps": 22.1, "ttft_p95_s": 2.0, "odd_s": None},
        after={"turn_s": 1.25, "decode_p50_tps": 33.15, "ttft_p95_s": 2.2, "odd_s": 1.0},
        buckets=(
            BucketRow(
                "0-10k",
                40,
                0.9,
                0.7,
                22.1,
                30.1,
                0.8,
                0.93,
                ttft_p95_s_before=5.2,
                ttft_p95_s_after=1.2,
                total_wait_s_before=92.0,
                total_wait_s_after=62.0,
                kinds_before=(KindScore("partial", 3, 2.0, 3.0, 8.0), *KINDS),
                kinds_after=KINDS,
            ),
            BucketRow("10-30k", 8, 4.9, 3.7, 12.1, 120.4, None, 0.0),
        ),
        kinds_before=(KindScore("partial", 3, 2.0, 3.0, 8.0), *KINDS),
        kinds_after=KINDS,
        launch_command=LAUNCH,
        exports=(f"studies/tiny/exports/{'x' * 80}.sh",),
        trials=12,
        failed=1,
        seconds={"trials": 400.0, "confirmation": 130.4},
        notes=("the machine was noisy in 2 trials",),
    )
