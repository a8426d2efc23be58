"""SGLang's command line, flag by flag."""

from __future__ import annotations

import pytest

from autotune.candidate import Setting
from autotune.launchers.failure import TrialError
from autotune.launchers.sglang_flags import asked_settings, settings_told, sglang_arguments


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("port", "set by autotune"),
        ("ssl-keyfile", "set by autotune"),
        ("allow-auto-truncate", "changes what is measured"),
        ("page-sise", "has no flag"),
    ],
)
def test_some_settings_are_refused(setting: str, why: str) -> None:
    with pytest.raises(TrialError, match=why):
        sglang_arguments({setting: 1}, frozenset({"page-size", "port"}))


def test_a_switch_is_off_by_silence_unless_it_has_a_negative_form() -> None:
    accepted = frozenset({"enable-mixed-chunk", "enable-fused-qk-norm-rope"})
    asked: dict[str, Setting] = {"enable-mixed-chunk": False, "enable-fused-qk-norm-rope": False}
    assert sglang_arguments(asked, accepted) == ()
    negative = accepted | {"no-enable-fused-qk-norm-rope"}
    assert sglang_arguments(asked, negative) == ("--no-enable-fused-qk-norm-rope",)


def test_auto_is_left_to_the_engine() -> None:
    settings: dict[str, Setting] = {
        "page-size": "auto",
        "speculative-algorithm": "none",
        "schedule-policy": "lpm",
    }
    assert asked_settings(settings, cold=False) == {"schedule-policy": "lpm"}
    drafting: dict[str, Setting] = {"speculative-algorithm": "NGRAM"}
    assert asked_settings(drafting, cold=False) == drafting


def test_settings_are_told_by_the_flags_own_names() -> None:
    info = {
        "schedule_policy": "lpm",
        "tp_size": 2,
        "kv_cache_dtype": "fp8_e5m2",
        "page_size": 64,
        "max_total_num_tokens": 99_968,
        "speculative_algorithm": None,
        "hicache_ratio": None,
        "launch_command": "python -m sglang.launch_server",
    }
    asked: dict[str, Setting] = {"tensor-parallel-size": 2, "max-total-tokens": 100_000}
    assert settings_told(info, asked) == {
        "schedule-policy": "lpm",
        "tensor-parallel-size": 2,
        "kv-cache-dtype": "fp8_e5m2",
        "page-size": 64,
        "max-total-tokens": 100_000,  # 1562 pages of 64 hold 99968
        "speculative-algorithm": "none",
    }
    assert settings_told(info, {})["max-total-tokens"] == 99_968


def test_an_answer_that_says_nothing_tells_nothing() -> None:
    assert settings_told({}, {"page-size": 1}) == {}
    assert settings_told("no", {}) == {}
