"""What the set-up provides is what the other engine tests believe it is."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.engines

CONTEXT_TOKENS = 65536
LISTENING = re.compile(r"listening on (http://\S+)")


@contextmanager
def serving(server: Path, model: Path, folder: Path) -> Iterator[httpx.Client]:
    """A client of a llama-server that has loaded `model`."""
    flags = ["-c", str(CONTEXT_TOKENS), "-np", "1", "-fit", "off", "--port", "0"]
    log = folder / "engine.log"
    env = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [server, "-m", model, *flags], stdout=sink, stderr=sink, env=env, cwd=folder
        )
    try:
        with httpx.Client(base_url=address(log, process), timeout=60) as client:
            until(lambda: client.get("/health").status_code == 200)
            yield client
    finally:
        process.terminate()
        process.wait(timeout=30)


def address(log: Path, process: subprocess.Popen[bytes]) -> str:
    until(lambda: LISTENING.search(log.read_text()) or process.poll() is not None)
    found = LISTENING.search(log.read_text())
    assert found, log.read_text()
    return found[1]


def until(condition: Any, limit_s: float = 120.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def chat(client: httpx.Client, text: str, tokens: int) -> Any:
    body = {
        "messages": [{"role": "user", "content": text}],
        "max_tokens": tokens,
        "ignore_eos": True,
        "temperature": 0,
    }
    reply = client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_the_server_is_the_build_that_was_asked_for(llama_server: Path) -> None:
    done = subprocess.run([llama_server, "--help"], capture_output=True, text=True, check=True)
    assert "--cache-ram" in done.stdout
    assert "--load-mode" in done.stdout


def test_the_deep_model_answers_in_plain_words_within_its_long_window(
    llama_server: Path, deep_model: Path, tmp_path: Path
) -> None:
    with serving(llama_server, deep_model, tmp_path) as client:
        props = client.get("/props").json()
        assert props["default_generation_settings"]["n_ctx"] == CONTEXT_TOKENS
        first = chat(client, "Fix the failing test.", 24)
        again = chat(client, "Fix the failing test. Then run all of them.", 24)
    assert first["usage"]["completion_tokens"] == 24
    assert first["choices"][0]["message"]["content"].isprintable()
    assert first["choices"][0]["message"]["content"].isascii()
    assert again["usage"]["prompt_tokens_details"]["cached_tokens"] > 20
