"""A fake SGLang 0.5.23: its flags, its endpoints and its ways to fail, without a GPU.

    python fake_sglang.py [--fault NAME]... serve --model-type llm --model-path DIR --port N ...

The radix cache is real: every prompt is remembered with its reply, and what a new one shares with
the best of them is reported as cached, in whole pages, when ``--enable-cache-report`` is given.
SIGTERM drains as SGLang does, only that it looks every 0.05 s and not every 5.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from fake_base import Fake, Handler, Server, common, render, reply_words

CONTEXT = 32768

FLAGS: dict[str, Any] = {
    "context-length": int,
    "mem-fraction-static": float,
    "max-running-requests": int,
    "max-total-tokens": int,
    "chunked-prefill-size": int,
    "max-prefill-tokens": 16384,
    "schedule-policy": "fcfs",
    "schedule-conservativeness": 1.0,
    "page-size": int,
    "kv-cache-dtype": "auto",
    "attention-backend": ("triton", "flashinfer", "fa3", "torch_native"),
    "enable-mixed-chunk": False,
    "disable-overlap-schedule": False,
    "num-continuous-decode-steps": 1,
    "stream-interval": 1,
    "radix-eviction-policy": "lru",
    "disable-radix-cache": False,
    "enable-hierarchical-cache": False,
    "hicache-ratio": float,
    "hicache-write-policy": "write_through",
    "cuda-graph-max-bs-decode": int,
    "speculative-algorithm": str,
    "speculative-num-draft-tokens": int,
    "swa-full-tokens-ratio": float,
    "enable-cache-report": False,
    "sampling-defaults": "model",
}
"""Flag -> its default, or its type or choices where the default is to decide at the start."""

RESOLVED: dict[str, Any] = {
    "mem_fraction_static": 0.87,
    "chunked_prefill_size": 4096,
    "max_running_requests": 48,
    "page_size": 1,
    "attention_backend": "triton",
    "swa_full_tokens_ratio": 0.8,
}
"""What it decides where nothing was asked."""

FAULTS = {
    "no-ready": "an older build: no /ready, no /model_info under its new name, no /v1/tokenize",
    "other-model": "/model_info names another model",
    "other-settings": "prefills in half the chunk that was asked",
    "small-pool": "the pool holds half of the tokens that were asked",
    "never-ends": "SIGTERM is never followed",
    "oom-static": "no room for a KV cache",
    "oom-graphs": "no room to capture graphs",
    "child-fails": "a scheduler dies: the parent ends itself by SIGKILL",
}


class Sglang(Fake):
    """State of one server."""

    def __init__(self, args: argparse.Namespace, faults: list[str]) -> None:
        super().__init__(faults)
        self.args = args
        self.seen: list[list[str]] = []
        self.told = self._resolved()

    def _resolved(self) -> dict[str, Any]:
        told = {
            flag.replace("-", "_"): getattr(self.args, flag.replace("-", "_")) for flag in FLAGS
        }
        told |= {name: value for name, value in RESOLVED.items() if told[name] is None}
        pool = told["max_total_tokens"] or 200_000
        pool = pool // 2 if self.acts("small-pool") else pool
        told["max_total_num_tokens"] = pool // told["page_size"] * told["page_size"]
        if self.acts("other-settings"):
            told["chunked_prefill_size"] //= 2
        return told

    @property
    def context(self) -> int:
        return int(self.args.context_length or CONTEXT)

    def get(self, path: str) -> tuple[int, Any]:
        new = {"/ready", "/model_info", "/server_info"}
        if self.acts("no-ready") and path in new:
            return 404, {"detail": "Not Found"}
        if path == "/ready":
            return 200, None
        if path in ("/model_info", "/get_model_info"):
            other = self.acts("other-model")
            return 200, {"model_path": "/other" if other else self.args.model_path}
        if path in ("/server_info", "/get_server_info"):
            return 200, {**self.told, "version": "0.5.23", "internal_states": [{}]}
        if path.startswith("/health"):
            print("GENERATING FOR A HEALTH CHECK", file=sys.stderr, flush=True)
            return 200, None
        return 404, {"detail": "Not Found"}

    def post(self, path: str, body: dict[str, Any], out: Handler) -> None:
        if path == "/v1/chat/completions":
            self._chat(body, out)
        elif path == "/v1/tokenize" and not self.acts("no-ready"):
            words = _prompt(body)
            out.json(200, {"tokens": [0] * len(words), "count": len(words), "max_model_len": -1})
        else:
            out.json(404, {"detail": "Not Found"})

    def _chat(self, body: dict[str, Any], out: Handler) -> None:
        words, asked = _prompt(body), body.get("max_tokens") or 16
        if problem := self._overflow(len(words), asked):
            error = {"object": "error", "message": problem, "type": "BadRequestError", "code": 400}
            out.json(400, error)
            return
        cached = self._reuse(words)
        count = asked if body.get("ignore_eos") else max(1, asked // 2)
        reply = reply_words(words, count)
        finish = "length" if count == asked else "stop"
        usage = self._usage(len(words), count, cached)
        with self.lock:
            self.seen.append([*words, *reply])
        if body.get("stream"):
            self._stream(body, out, reply, finish, usage)
        else:
            message = {"role": "assistant", "content": " ".join(reply)}
            out.json(200, {"choices": [{"message": message, "finish_reason": finish}], **usage})

    def _overflow(self, words: int, asked: int) -> str | None:
        if words >= self.context:
            text = f"The input ({words} tokens) is longer than the model's context length"
            return f"{text} ({self.context} tokens)."
        if words + asked > self.context:
            text = "Requested token count exceeds the model's maximum context length of"
            return f"{text} {self.context} tokens. You requested a total of {words + asked} tokens."
        return None

    def _reuse(self, words: list[str]) -> int:
        if self.args.disable_radix_cache:
            return 0
        with self.lock:
            best = max((common(words, seen) for seen in self.seen), default=0)
        page = self.told["page_size"]
        return min(best, len(words) - 1) // page * page

    def _usage(self, prompt: int, reply: int, cached: int) -> dict[str, Any]:
        told: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": reply,
            "total_tokens": prompt + reply,
            "prompt_tokens_details": None,
        }
        if self.args.enable_cache_report:
            told["prompt_tokens_details"] = {"cached_tokens": cached}
        return {"usage": told}

    def _stream(
        self, body: dict[str, Any], out: Handler, reply: list[str], finish: str, usage: Any
    ) -> None:
        out.begin()
        out.delta(role="assistant", content="", reasoning_content=None)
        for word in reply:
            out.delta(content=word + " ", reasoning_content=None)
            time.sleep(0.0012)
        out.delta(finish=finish)
        if (body.get("stream_options") or {}).get("include_usage"):
            out.event(choices=[], **usage)
        out.end()


def _prompt(body: dict[str, Any]) -> list[str]:
    """Definitions stand in the prompt only where calls are allowed."""
    tools = body.get("tools") if body.get("tool_choice", "auto") != "none" else None
    return render({**body, "tools": tools})


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="sglang serve")
    p.add_argument("--model-path", "--model", required=True, help="The path of the weights.")
    p.add_argument("--served-model-name", help="The model's name in requests.")
    p.add_argument("--host", default="127.0.0.1", help="The host of the HTTP server.")
    p.add_argument("--port", type=int, default=30000, help="The port of the HTTP server.")
    for flag, default in FLAGS.items():
        if isinstance(default, bool):
            p.add_argument(f"--{flag}", action="store_true")
        elif isinstance(default, tuple):
            p.add_argument(f"--{flag}", choices=default)
        elif isinstance(default, type):
            p.add_argument(f"--{flag}", type=default)
        else:
            p.add_argument(f"--{flag}", type=type(default), default=default)
    return p


def load(fake: Sglang) -> None:
    """Die here, when asked to."""
    if not Path(fake.args.model_path).exists():
        _die(f"OSError: Incorrect path_or_model_id: '{fake.args.model_path}'.")
    if fake.args.enable_hierarchical_cache and fake.args.disable_radix_cache:
        _die("ValueError: The arguments enable-hierarchical-cache and disable-radix-cache are "
             "mutually exclusive and cannot be used at the same time.")  # fmt: skip
    if fake.acts("oom-static"):
        _die("RuntimeError: Not enough memory. Please try to increase --mem-fraction-static. "
             "Current value: mem_fraction_static=0.5")  # fmt: skip
    if fake.acts("oom-graphs"):
        _die("Exception: Capture cuda graph failed: CUDA out of memory. Tried to allocate 2 GiB")
    if fake.acts("child-fails"):
        _say("Received sigquit from a child process. It usually means the child failed.")
        os.kill(os.getpid(), signal.SIGKILL)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _die(line: str) -> None:
    _say(f"Traceback (most recent call last):\n{line}")
    raise SystemExit(1)


def drain(fake: Fake, child: subprocess.Popen[bytes]) -> None:
    """What SIGTERM does: wait for the requests that run, then end the children and oneself."""
    while fake.running:
        _say(f"Gracefully exiting... Remaining number of requests {fake.running}.")
        time.sleep(0.05)
    child.kill()
    child.wait()
    os._exit(0)


def serve(argv: list[str], faults: list[str]) -> None:
    fake = Sglang(parser().parse_args(argv), faults)
    load(fake)
    child = subprocess.Popen(["sleep", "600"])
    Handler.fake = fake

    def on_term(*_: Any) -> None:
        if not fake.acts("never-ends"):
            threading.Thread(target=drain, args=(fake, child), daemon=True).start()

    signal.signal(signal.SIGTERM, on_term)
    with Server((fake.args.host, fake.args.port), Handler) as server:
        _say("The server is fired up and ready to roll!")
        server.serve_forever()


def main() -> None:
    argv, faults = sys.argv[1:], []
    while argv[:1] == ["--fault"]:
        faults.append(argv[1])
        argv = argv[2:]
    if argv == ["version"]:
        print("sglang version: 0.5.23\ngit revision: 0123abc")
    elif argv[:1] == ["serve"]:
        rest = argv[1:]
        if rest[:2] == ["--model-type", "llm"]:
            rest = rest[2:]
        serve(rest, faults)
    else:
        raise SystemExit(f"sglang: error: invalid choice: {argv}")


if __name__ == "__main__":
    main()
