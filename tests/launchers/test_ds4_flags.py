"""ds4-server's command line, and what its log says of it."""

from __future__ import annotations

import pytest

from autotune.candidate import Setting
from autotune.launchers.ds4_flags import asked_settings, ds4_arguments, settings_in_log
from autotune.launchers.failure import TrialError

LOG = (
    "ds4-server: context buffers 93.50 MiB (ctx=100000, backend=CUDA, prefill_chunk=2048, "
    "raw_kv_rows=128, compressed_kv_rows=25000)\n"
)
DISK = (
    "ds4-server: KV disk cache /tmp/kv (budget=8192 MiB, cross-quant=accept, min=512, "
    "cold_max=30000, continued=10000, trim=32, align=2048, hit_half_life=21600s)\n"
)


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ({"kv-disk-space-mb": 0, "batched-session": 1, "quality": False}, ()),
        ({"batched-session": 2}, ("--batched-session", "2")),
        ({"quality": True, "mtp-margin": 2.5}, ("--quality", "--mtp-margin", "2.5")),
        ({"kv-disk-space-mb": 9}, ("--kv-disk-dir", "/kv", "--kv-disk-space-mb", "9")),
    ],
)
def test_absences_are_no_flags(settings: dict[str, Setting], arguments: tuple[str, ...]) -> None:
    assert ds4_arguments(settings, frozenset(), "/kv") == arguments


@pytest.mark.parametrize(("name", "why"), [("port", "set by autotune"), ("ctxx", "has no flag")])
def test_some_settings_are_refused(name: str, why: str) -> None:
    with pytest.raises(TrialError, match=why):
        ds4_arguments({name: 1}, frozenset({"ctx", "port"}), "/kv")


def test_the_cold_arm_has_no_second_place_to_reuse_from() -> None:
    settings: dict[str, Setting] = {
        "ctx": 9,
        "kv-disk-space-mb": 9,
        "kv-cache-min-tokens": 9,
        "batched-session": 2,
    }
    assert asked_settings(settings, cold=True) == {"ctx": 9, "kv-disk-space-mb": 0}
    assert asked_settings(settings, cold=False) == settings


def test_the_log_says_what_it_runs_with() -> None:
    assert settings_in_log("") == {}
    assert settings_in_log(LOG) == {"ctx": 100_000, "backend": "cuda", "kv-disk-space-mb": 0}
    assert settings_in_log(LOG + DISK) == {
        "ctx": 100_000,
        "backend": "cuda",
        "kv-disk-space-mb": 8192,
        "kv-cache-min-tokens": 512,
        "kv-cache-cold-max-tokens": 30_000,
        "kv-cache-continued-interval-tokens": 10_000,
        "kv-cache-boundary-trim-tokens": 32,
        "kv-cache-boundary-align-tokens": 2048,
        "kv-cache-reject-different-quant": False,
    }
