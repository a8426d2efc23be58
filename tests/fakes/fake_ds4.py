"""A fake ds4-server of May 2026: one conversation in memory, the rest on disk.

    python fake_ds4.py [--fault NAME]... --model FILE --ctx N --port N [--kv-disk-dir DIR ...]

The conversation in memory is gone on with only when a prompt begins with all of it. What it gives
way to another is kept in the disk cache, if there is one, and so is the last one at SIGTERM. It
thinks unless it is told not to, and then answers differently each time.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from fake_base import Fake, Handler, Server, render, reply_words

NUMBERS = {
    "ctx": 32768,
    "tokens": 393216,
    "threads": 0,
    "mtp-draft": 1,
    "kv-disk-space-mb": 4096,
    "kv-cache-min-tokens": 512,
    "kv-cache-cold-max-tokens": 30000,
    "kv-cache-continued-interval-tokens": 10000,
    "kv-cache-boundary-trim-tokens": 32,
    "kv-cache-boundary-align-tokens": 2048,
    "port": 8000,
}
WORDS = {"model": "ds4flash.gguf", "host": "127.0.0.1", "chdir": "", "kv-disk-dir": ""}
SWITCHES = ("quality", "warm-weights", "kv-cache-reject-different-quant", "cors")

FAULTS = {
    "already-running": "another ds4 holds the lock",
    "no-session": "the context does not fit",
    "half-context": "runs with half the context that was asked",
    "never-forgets": "keeps a conversation in memory besides the last one",
    "slow-save": "takes a while to save at SIGTERM",
}

USAGE = "\n".join(
    ["Usage: ds4-server [options]", "", "Model and runtime:"]
    + [f"  --{name} N\n      Default: {value}" for name, value in NUMBERS.items()]
    + [f"  --{name} TEXT\n      Default: {value}" for name, value in WORDS.items()]
    + [f"  --{name}\n      A switch." for name in SWITCHES]
)


class Ds4(Fake):
    """State of one server. Requests are answered one after the other."""

    def __init__(self, options: dict[str, Any], faults: list[str]) -> None:
        super().__init__(faults)
        self.options = options
        self.live: list[str] = []
        self.before: list[str] = []
        self.turn = threading.Lock()
        self.ctx = options["ctx"] // (2 if self.acts("half-context") else 1)

    @property
    def disk(self) -> Path | None:
        folder = self.options["kv-disk-dir"]
        return Path(folder) if folder else None

    def get(self, path: str) -> tuple[int, Any]:
        if path == "/v1/models":
            model = {"id": "deepseek-v4-flash", "object": "model", "context_length": self.ctx}
            return 200, {"object": "list", "data": [model]}
        return 404, {"error": {"message": "unknown endpoint"}}

    def post(self, path: str, body: dict[str, Any], out: Handler) -> None:
        if path != "/v1/chat/completions":
            out.json(404, {"error": {"message": "unknown endpoint"}})
            return
        tools = body.get("tools") if body.get("tool_choice", "auto") != "none" else None
        words = render({**body, "tools": tools})
        if len(words) >= self.ctx:
            out.json(400, _overflow(len(words), self.ctx))
            return
        with self.turn:
            self._chat(words, body, out)

    def _chat(self, words: list[str], body: dict[str, Any], out: Handler) -> None:
        cached = self._reuse(words)
        asked = body.get("max_tokens") or 16
        thinks = body.get("think", True)
        seed = [*words, uuid.uuid4().hex] if thinks else words
        reply = reply_words(seed, max(1, asked // 2))
        self.live = [*words, *reply]
        usage = _usage(len(words), len(reply), cached)
        finish = "stop" if len(reply) < asked else "length"
        if not body.get("stream"):
            message = {"role": "assistant", "content": " ".join(reply)}
            out.json(200, {"choices": [{"message": message, "finish_reason": finish}], **usage})
            return
        out.begin()
        out.raw(b": prefill\n\n")
        out.delta(role="assistant")
        for word in reply:
            out.delta(**{"reasoning_content" if thinks else "content": word + " "})
            time.sleep(0.0025)
        out.delta(finish=finish)
        if (body.get("stream_options") or {}).get("include_usage"):
            out.event(choices=[], **usage)
        out.end()

    def _reuse(self, words: list[str]) -> int:
        kept = [self.live, self.before] if self.acts("never-forgets") else [self.live]
        for known in kept:
            if known and words[: len(known)] == known:
                return len(known)
        self.before = self.live
        self.save()
        return self._from_disk(words)

    def save(self) -> None:
        """Keep the conversation in memory on disk, if it is long enough."""
        if self.disk is not None and len(self.live) >= self.options["kv-cache-min-tokens"]:
            self.disk.mkdir(parents=True, exist_ok=True)
            path = self.disk / f"{uuid.uuid4().hex}.kv"
            path.write_text(" ".join(self.live), encoding="utf-8")

    def _from_disk(self, words: list[str]) -> int:
        if self.disk is None:
            return 0
        files = [p.read_text(encoding="utf-8").split() for p in self.disk.glob("*.kv")]
        return max((len(f) for f in files if words[: len(f)] == f), default=0)


def _usage(prompt: int, reply: int, cached: int) -> dict[str, Any]:
    details = {"cached_tokens": cached, "cache_write_tokens": prompt - cached}
    told = {"prompt_tokens": prompt, "completion_tokens": reply, "total_tokens": prompt + reply}
    return {"usage": {**told, "prompt_tokens_details": details}}


def _overflow(words: int, ctx: int) -> dict[str, Any]:
    text = f"Prompt has {words} tokens, but the configured context size is {ctx} tokens"
    error = {"message": text, "type": "invalid_request_error", "param": "messages"}
    more = {"code": "context_length_exceeded", "n_prompt_tokens": words, "n_ctx": ctx}
    return {"error": {**error, **more}}


def parse(argv: list[str]) -> dict[str, Any]:
    """Like its hand-written parser: the first word that it does not know ends it."""
    options: dict[str, Any] = {**NUMBERS, **WORDS, **dict.fromkeys(SWITCHES, False)}
    words = iter(argv)
    for word in words:
        name = word.removeprefix("--")
        if name in SWITCHES:
            options[name] = True
        elif name in NUMBERS:
            options[name] = _number(name, next(words, ""))
        elif name in WORDS:
            options[name] = next(words, "")
        else:
            _die(f"ds4-server: unknown option: {word}", 2)
    return options


def _number(name: str, text: str) -> int:
    if not text.isdigit() or (int(text) == 0 and not name.startswith("kv-cache")):
        _die(f"ds4-server: invalid value for --{name}: {text}", 2)
    return int(text)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _die(line: str, code: int) -> None:
    _say(line)
    raise SystemExit(code)


def load(fake: Ds4) -> None:
    """Die here, when asked to; else say what it runs with."""
    options = fake.options
    if fake.acts("already-running"):
        _die("ds4: another ds4 process is already running (pid 4711); refusing to start", 2)
    if options["chdir"]:
        os.chdir(options["chdir"])
    if not Path(options["model"]).is_file():
        _die(f"ds4: cannot open model '{options['model']}': No such file or directory", 1)
    if fake.acts("no-session"):
        _die("ds4-server: failed to create metal session", 1)
    _say(f"ds4-server: context buffers 12.50 MiB (ctx={fake.ctx}, backend=metal, "
         "prefill_chunk=256, raw_kv_rows=128, compressed_kv_rows=64)")  # fmt: skip
    if fake.disk is not None:
        quant = "reject" if options["kv-cache-reject-different-quant"] else "accept"
        keys = ("min-tokens", "cold-max-tokens", "continued-interval-tokens",
                "boundary-trim-tokens", "boundary-align-tokens")  # fmt: skip
        told = zip(("min", "cold_max", "continued", "trim", "align"), keys, strict=True)
        numbers = ", ".join(f"{short}={options[f'kv-cache-{key}']}" for short, key in told)
        _say(f"ds4-server: KV disk cache {fake.disk} (budget={options['kv-disk-space-mb']} MiB, "
             f"cross-quant={quant}, {numbers}, hit_half_life=86400s)")  # fmt: skip


def main() -> None:
    argv, faults = sys.argv[1:], []
    while argv[:1] == ["--fault"]:
        faults.append(argv[1])
        argv = argv[2:]
    if argv == ["--help"]:
        print(USAGE)
        return
    fake = Ds4(parse(argv), faults)
    load(fake)

    def drain() -> None:
        with fake.turn:
            if fake.acts("slow-save"):
                time.sleep(0.1)
            fake.save()
        os._exit(0)

    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=drain, daemon=True).start())
    Handler.fake = fake
    with Server((fake.options["host"], fake.options["port"]), Handler) as server:
        _say(f"ds4-server: listening on http://{fake.options['host']}:{fake.options['port']}")
        server.serve_forever()


if __name__ == "__main__":
    main()
