"""What the estimate says against what llama-server allocates."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from autotune.models.kv_memory import MIB, estimate
from autotune.models.metadata import read_model

pytestmark = pytest.mark.engines

_CACHE = re.compile(r"llama_kv_cache: size = +([\d.]+) MiB")


def reported_mib(program: Path, model: Path, flags: list[str], log: Path) -> float:
    """MiB of KV cache that the server's log reports."""
    argv = [str(program), "-m", str(model), "-fit", "off", "-lv", "4", "--no-warmup"]
    with (
        log.open("wb") as stream,
        subprocess.Popen(
            [*argv, "--host", "127.0.0.1", "--port", "0", *flags], stdout=stream, stderr=stream
        ) as server,
    ):
        deadline = time.monotonic() + 60
        while not _CACHE.search(log.read_text(errors="replace")):
            assert server.poll() is None, log.read_text(errors="replace")[-500:]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.kill()
    return sum(float(size) for size in _CACHE.findall(log.read_text(errors="replace")))


@pytest.mark.parametrize(
    "settings",
    [
        {"ctx-size": 1000, "parallel": 3},
        {
            "ctx-size": 4000,
            "parallel": 2,
            "kv-unified": True,
            "cache-type-k": "q5_1",
            "cache-type-v": "iq4_nl",
        },
    ],
)
def test_kv_cache(
    llama_server: Path, smollm2: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    words = ((f"--{k}",) if v is True else (f"--{k}", str(v)) for k, v in settings.items())
    flags = [word for pair in words for word in pair]
    expected = estimate(read_model(smollm2), settings).kv_bytes / MIB
    reported = reported_mib(llama_server, smollm2, flags, tmp_path / "log")
    assert reported == pytest.approx(expected, abs=0.01)
