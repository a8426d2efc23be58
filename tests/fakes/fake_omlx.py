"""A fake oMLX 0.7: its settings files, its cache on disk, its bursts, without a Mac.

    python fake_omlx.py [--fault NAME]... serve --model-dir DIR --base-path DIR --port N ...

What the command line says is written into ``settings.json``, as oMLX does. Prompts that were seen
are kept as files in the paged cache's directory, so a later server that is given the same one
knows them. Replies end at half the asked length; tokens leave three at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from fake_base import Fake, Handler, Server, common, render, reply_words

BURST_TOKENS = {"off": 1, "light": 2, "balanced": 3, "aggressive": 6}
TOKEN_S = 0.006

DEFAULTS: dict[str, dict[str, Any]] = {
    "server": {"host": "127.0.0.1", "port": 8000, "sse_keepalive_mode": "chunk",
               "burst_decode_mode": "balanced"},
    "scheduler": {"max_concurrent_requests": 8, "chunked_prefill": False,
                  "prefill_priority": "context", "decode_fairness": True},
    "cache": {"enabled": True, "ssd_cache_dir": None, "ssd_cache_max_size": "auto",
              "hot_cache_max_size": "0", "hot_cache_write_through": False,
              "initial_cache_blocks": 256},
    "memory": {"prefill_memory_guard": True, "memory_guard_tier": "balanced"},
    "auth": {"api_key": None, "skip_api_key_verification": False},
    "logging": {"retention_days": 7},
}  # fmt: skip

FLAGS: dict[str, tuple[str, type]] = {
    "host": ("server.host", str),
    "port": ("server.port", int),
    "sse-keepalive-mode": ("server.sse_keepalive_mode", str),
    "max-concurrent-requests": ("scheduler.max_concurrent_requests", int),
    "paged-ssd-cache-dir": ("cache.ssd_cache_dir", str),
    "paged-ssd-cache-max-size": ("cache.ssd_cache_max_size", str),
    "hot-cache-max-size": ("cache.hot_cache_max_size", str),
    "hot-cache-write-through": ("cache.hot_cache_write_through", bool),
    "initial-cache-blocks": ("cache.initial_cache_blocks", int),
    "memory-guard": ("memory.memory_guard_tier", str),
}

FAULTS = {
    "too-large": "the model is refused for its size",
    "broken-model": "the model does not load",
    "no-load": "an older build: models cannot be loaded by name",
    "other-model": "serves another model",
    "other-settings": "runs with half the requests at once",
    "keeps-cache": "--no-cache is not followed",
    "no-usage": "never says what was used",
    "keeps-keepalive": "--sse-keepalive-mode is not followed",
    "no-keepalive-flag": "an older build without --sse-keepalive-mode",
}


class Omlx(Fake):
    """State of one server."""

    def __init__(self, args: argparse.Namespace, faults: list[str]) -> None:
        super().__init__(faults)
        self.model = Path(args.model_dir)
        self.base = Path(args.base_path)
        self.settings = self._merged(args)
        self.aliases = self._aliases()
        self.loaded = False

    def _merged(self, args: argparse.Namespace) -> dict[str, dict[str, Any]]:
        """Defaults, then the file, then the command line; written down as oMLX does."""
        settings = {name: dict(table) for name, table in DEFAULTS.items()}
        for name, table in _read(self.base / "settings.json").items():
            if isinstance(table, dict):
                settings.setdefault(name, {}).update(table)
        for flag, (place, _) in FLAGS.items():
            if (value := getattr(args, flag.replace("-", "_"), None)) is not None:
                section, key = place.split(".")
                settings[section][key] = value
        if args.no_cache and not self.acts("keeps-cache"):
            settings["cache"]["enabled"] = False
        if settings["memory"]["memory_guard_tier"] == "off":
            settings["memory"] = {"prefill_memory_guard": False, "memory_guard_tier": "balanced"}
        if self.acts("other-settings"):
            settings["scheduler"]["max_concurrent_requests"] //= 2
        if self.acts("keeps-keepalive"):
            settings["server"]["sse_keepalive_mode"] = "chunk"
        self.base.mkdir(parents=True, exist_ok=True)
        document = json.dumps({"version": "1.0", **settings}, indent=2)
        (self.base / "settings.json").write_text(document, encoding="utf-8")
        return settings

    def _aliases(self) -> dict[str, str]:
        models = _read(self.base / "model_settings.json").get("models", {})
        return {name: told["model_alias"] for name, told in models.items() if "model_alias" in told}

    def _names(self) -> list[str]:
        if self.acts("other-model"):
            return ["somebody-elses"]
        if not (self.model / "config.json").is_file():
            return []
        return [self.aliases.get(self.model.name, self.model.name)]

    def get(self, path: str) -> tuple[int, Any]:
        if path == "/health":
            pool = {"model_count": len(self._names()), "loaded_count": int(self.loaded)}
            return 200, {"status": "healthy", "engine_pool": pool}
        if not self.settings["auth"]["skip_api_key_verification"]:
            return 401, {"detail": "API key required"}
        if path == "/v1/models":
            return 200, {"object": "list", "data": [{"id": name} for name in self._names()]}
        return 404, {"detail": "Not Found"}

    def post(self, path: str, body: dict[str, Any], out: Handler) -> None:
        if path == f"/v1/models/{self.model.name}/load" and not self.acts("no-load"):
            out.json(*self._load())
        elif path == "/v1/chat/completions":
            self._chat(body, out)
        else:
            out.json(404, {"detail": "Not Found"})

    def _load(self) -> tuple[int, Any]:
        if self.acts("too-large"):
            return 507, {"detail": "Model needs 80.00GB, 32.00GB are allowed"}
        if self.acts("broken-model"):
            return 500, {"detail": "Failed to load model: unknown architecture"}
        self.loaded = True
        return 200, {"status": "ok", "model_id": self.model.name}

    def _cache_dir(self) -> Path | None:
        if not self.settings["cache"]["enabled"]:
            return None
        return Path(self.settings["cache"]["ssd_cache_dir"] or self.base / "cache")

    def _reuse(self, words: list[str]) -> int:
        folder = self._cache_dir()
        if folder is None:
            return 0
        seen = [path.read_text(encoding="utf-8").split() for path in folder.glob("*.block")]
        return min(max((common(words, one) for one in seen), default=0), len(words) - 1)

    def _keep(self, words: list[str]) -> None:
        if (folder := self._cache_dir()) is not None:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{uuid.uuid4().hex}.block"
            path.write_text(" ".join(words), encoding="utf-8")

    def _chat(self, body: dict[str, Any], out: Handler) -> None:
        if body["model"] not in {*self._names(), self.model.name}:
            out.json(404, {"detail": f"Model not found: {body['model']}"})
            return
        words, asked = render(body), body.get("max_tokens") or 16
        with self.lock:
            cached = self._reuse(words)
            reply = reply_words(words, max(1, asked // 2))
            self._keep([*words, *reply])
        finish = "stop" if len(reply) < asked else "length"
        usage = self._usage(len(words), len(reply), cached)
        if body.get("stream"):
            self._stream(body, out, reply, finish, usage)
        else:
            message = {"role": "assistant", "content": " ".join(reply)}
            out.json(200, {"choices": [{"message": message, "finish_reason": finish}], **usage})

    def _usage(self, prompt: int, reply: int, cached: int) -> dict[str, Any]:
        if self.acts("no-usage"):
            return {}
        told = {
            "prompt_tokens": prompt,
            "completion_tokens": reply,
            "total_tokens": prompt + reply,
            "prompt_tokens_details": {"cached_tokens": cached},
            "time_to_first_token": 0.0,
            "prompt_eval_duration": 0.0,
            "generation_duration": round(reply * TOKEN_S, 2),
        }
        return {"usage": told}

    def _stream(
        self, body: dict[str, Any], out: Handler, reply: list[str], finish: str, usage: Any
    ) -> None:
        out.begin()
        mode = self.settings["server"]["sse_keepalive_mode"]
        if mode == "chunk":
            choice = {"index": 0, "delta": {"role": "assistant", "content": ""}}
            out.event(model="keepalive", choices=[{**choice, "finish_reason": None}])
        elif mode == "comment":
            out.raw(b": keep-alive\n\n")
        time.sleep(0.03)
        size = BURST_TOKENS[self.settings["server"]["burst_decode_mode"]]
        for at in range(0, len(reply), size):
            time.sleep(TOKEN_S * size)
            out.delta(content=" ".join(reply[at : at + size]) + " ")
        out.delta(finish=finish)
        if usage and (body.get("stream_options") or {}).get("include_usage"):
            out.event(choices=[], **usage)
        out.end()


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def parser(faults: list[str]) -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="omlx serve")
    p.add_argument("--model-dir", help="Directory of the models")
    p.add_argument("--base-path", required=True, help="Base directory for oMLX data")
    p.add_argument("--no-cache", action="store_true", help="Disable the paged SSD cache.")
    for flag, (_, kind) in FLAGS.items():
        if flag == "sse-keepalive-mode" and "no-keepalive-flag" in faults:
            continue
        if kind is bool:
            p.add_argument(f"--{flag}", action="store_true", default=None)
        else:
            p.add_argument(f"--{flag}", type=kind)
    return p


def main() -> None:
    argv, faults = sys.argv[1:], []
    while argv[:1] == ["--fault"]:
        faults.append(argv[1])
        argv = argv[2:]
    if argv[:1] != ["serve"]:
        raise SystemExit(f"omlx: error: argument command: invalid choice: {argv[:1]}")
    fake = Omlx(parser(faults).parse_args(argv[1:]), faults)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Handler.fake = fake
    where = fake.settings["server"]
    print(f"Base path: {fake.base}", file=sys.stderr, flush=True)
    with Server((where["host"], where["port"]), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
