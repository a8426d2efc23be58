"""oMLX's two kinds of settings, and what is read of them."""

from __future__ import annotations

from autotune.candidate import Setting
from autotune.launchers.omlx_settings import (
    asked_settings,
    cache_in_log,
    global_file,
    model_file,
    settings_written,
)


def test_settings_go_by_their_place_in_the_files() -> None:
    settings: dict[str, Setting] = {
        "server.burst_decode_mode": "off",
        "max-concurrent-requests": 2,
        "model_settings.turboquant_kv_bits": 4,
    }
    assert global_file(settings, {"server": {"host": "h"}}) == {
        "version": "1.0",
        "server": {"host": "h", "burst_decode_mode": "off"},
    }
    assert model_file(settings, "m", {"model_alias": "a"}) == {
        "version": 1,
        "models": {"m": {"model_alias": "a", "turboquant_kv_bits": 4}},
    }
    assert global_file({"max-concurrent-requests": 2}, {}) == {}
    assert model_file({"max-concurrent-requests": 2}, "m", {}) == {}


def test_a_file_that_it_did_not_write_says_nothing() -> None:
    """Ours names no port; a leftover of another launch names another."""
    ours = global_file({"server.burst_decode_mode": "off"}, {})
    assert settings_written(ours, 4321) == {}
    assert settings_written({"server": {"port": 8000}}, 4321) == {}
    assert settings_written(None, 4321) == {}


def test_what_it_wrote_is_told_by_flag_and_by_place() -> None:
    document = {
        "server": {"port": 4321, "sse_keepalive_mode": "comment"},
        "cache": {"enabled": False, "hot_cache_max_size": "8GB"},
        "memory": {"prefill_memory_guard": True, "memory_guard_tier": "safe"},
        "auth": {"api_key": "secret"},
    }
    told = settings_written(document, 4321)
    assert told["hot-cache-max-size"] == told["cache.hot_cache_max_size"] == "8GB"
    assert (told["memory-guard"], told["no-cache"]) == ("safe", True)
    assert "secret" not in told.values()
    document["memory"]["prefill_memory_guard"] = False
    assert settings_written(document, 4321)["memory-guard"] == "off"


def test_an_older_build_says_in_its_log_that_there_is_no_cache() -> None:
    line = "Mode: Multi-model serving (no oMLX cache, mlx-lm BatchGenerator only)\n"
    assert cache_in_log(f"oMLX\n{line}") == {"no-cache": True}
    assert cache_in_log("Mode: Multi-model serving (continuous batching)\n") == {}


def test_the_cold_arm_drops_every_setting_of_the_cache() -> None:
    settings: dict[str, Setting] = {
        "paged-ssd-cache-max-size": "10GB",
        "initial-cache-blocks": 256,
        "cache.gdn_sidecar_state_dtype": "fp16",
        "memory-guard": "safe",
    }
    assert asked_settings(settings, cold=True) == {"memory-guard": "safe", "no-cache": True}
    assert asked_settings(settings, cold=False) == settings
