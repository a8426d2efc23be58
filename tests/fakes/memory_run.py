"""Runs a real llama-server to learn what it takes: by its own log, and under a hard limit."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024

_LISTENING = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")
_BUFFERS = {
    "weights": re.compile(r" model buffer size = +([\d.]+) MiB"),
    "kv": re.compile(r" KV buffer size = +([\d.]+) MiB"),
    "recurrent": re.compile(r" RS buffer size = +([\d.]+) MiB"),
    "compute": re.compile(r" compute buffer size = +([\d.]+) MiB"),
    "output": re.compile(r" output buffer size = +([\d.]+) MiB"),
}
_REPACKED = re.compile(r"CPU_REPACK model buffer size = +([\d.]+) MiB")
_STACK_KIB = 512
"""Threads reserve their stack at once; at the usual 8 MiB that would be most of what is counted."""

Settings = Mapping[str, bool | int | str]


@dataclass(frozen=True, slots=True)
class Reported:
    """MiB by the server's own log; `repacked` is a second copy of some of the weights."""

    weights: float
    kv: float
    recurrent: float
    compute: float
    output: float
    repacked: float

    @property
    def total(self) -> float:
        """What its own breakdown sums up: model, context and compute."""
        return self.weights + self.kv + self.recurrent + self.compute


def words(settings: Settings) -> list[str]:
    """Settings as arguments."""
    found: list[str] = []
    for name, value in settings.items():
        if isinstance(value, bool):
            found.append(f"--{name}" if value else f"--no-{name}")
        else:
            found += [f"--{name}", str(value)]
    return found


@contextmanager
def server(
    program: Path, model: Path, settings: Settings, folder: Path, limit_bytes: int | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A server and its log. With a limit it can have no more data, heap and stacks than that."""
    log = folder / f"{time.monotonic_ns()}.log"
    argv = [str(program), "-m", str(model), "-fit", "off", "-lv", "4", "--no-warmup"]
    argv += ["--host", "127.0.0.1", "--port", "0", *words(settings)]
    if limit_bytes is not None:
        limit = f'ulimit -s {_STACK_KIB}; ulimit -d {limit_bytes // 1024}; exec "$@"'
        # Mapped files are not data: read in whole, the weights count.
        argv = ["sh", "-c", limit, "sh", *argv, "--load-mode", "none"]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (
        log.open("wb") as stream,
        subprocess.Popen(argv, stdout=stream, stderr=stream, env=env) as process,
    ):
        try:
            yield process, log
        finally:
            process.kill()


def port_of(process: subprocess.Popen[bytes], log: Path, timeout_s: float = 60.0) -> int | None:
    """Where the server listens with its model loaded; ``None`` when it died instead."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := _LISTENING.search(log.read_text(errors="replace")):
            return int(found[1])
        if process.poll() is not None:
            return None
        time.sleep(0.02)
    raise TimeoutError(log.read_text(errors="replace")[-500:])


def reported(program: Path, model: Path, settings: Settings, folder: Path) -> Reported:
    """What the server says it allocates."""
    with server(program, model, settings, folder) as (process, log):
        assert port_of(process, log) is not None, log.read_text(errors="replace")[-500:]
        text = log.read_text(errors="replace")
    sums = {name: sum(map(float, find.findall(text))) for name, find in _BUFFERS.items()}
    repacked = sum(map(float, _REPACKED.findall(text)))
    sums["weights"] -= repacked
    return Reported(**sums, repacked=repacked)


def serves(
    program: Path,
    model: Path,
    settings: Settings,
    folder: Path,
    *,
    limit_bytes: int,
    prompts: tuple[int, ...],
) -> bool:
    """Whether it starts within the limit and answers a prompt of so many tokens in each slot."""
    with server(program, model, settings, folder, limit_bytes) as (process, log):
        port = port_of(process, log)
        if port is None:
            return False
        return all(_answers(port, slot, tokens) for slot, tokens in enumerate(prompts))


def _answers(port: int, slot: int, tokens: int) -> bool:
    ids = [1000 + (31 * i + 977 * slot) % 20000 for i in range(tokens)]
    body = {"prompt": ids, "n_predict": 2, "id_slot": slot, "cache_prompt": True, "temperature": 0}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", "/completion", json.dumps(body))
        reply = connection.getresponse()
        reply.read()
        return reply.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
