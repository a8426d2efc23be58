"""Token counts by the tokenizer of an engine that runs: its ``/tokenize`` endpoint."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from autotune.errors import MachineError

_TIMEOUT_S = 120.0
_CACHED = 50_000
_CACHED_CHARS = 400


class Tokenizer(Protocol):
    """Texts to token ids."""

    def tokens(self, text: str) -> Sequence[int]:
        """The tokens of `text` on its own, without any that a prompt begins with."""


class EndpointTokenizer:
    """Asks ``/tokenize`` of llama-server, vLLM, or what speaks like one of them; keeps its line.

    Close it when done. Raises `MachineError` when nobody answers or the answer holds no tokens.
    """

    def __init__(self, base_url: str, model_name: str | None = None) -> None:
        parts = urlsplit(base_url if "//" in base_url else f"http://{base_url}")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else None
        make = kind or http.client.HTTPConnection
        self._connection = make(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
        self._path = parts.path.rstrip("/").removesuffix("/v1") + "/tokenize"
        self._where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        self._model = {} if model_name is None else {"model": model_name}

    def tokens(self, text: str) -> Sequence[int]:
        """The tokens of `text`. Both engines take the other's keys without complaint."""
        # `content` is llama-server's, `prompt` vLLM's.
        asked = {"content": text, "prompt": text, "add_special_tokens": False, **self._model}
        answer = self._ask({**asked, "add_special": False, "parse_special": False})
        found = answer.get("tokens") if isinstance(answer, dict) else None
        if not isinstance(found, list) or not all(isinstance(token, int) for token in found):
            raise self._failed("its answer holds no tokens")
        return found

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _ask(self, payload: dict[str, Any]) -> Any:
        body = json.dumps(payload).encode()
        try:
            status, data = self._sent(body)
        except (OSError, http.client.HTTPException):
            # Servers hang up on a line that was quiet for some seconds.
            self.close()
            status, data = self._again(body)
        if status != 200:
            raise self._failed(f"HTTP {status}")
        try:
            return json.loads(data)
        except ValueError as error:
            raise self._failed("its answer is not JSON") from error

    def _again(self, body: bytes) -> tuple[int, bytes]:
        try:
            return self._sent(body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._failed(str(error) or type(error).__name__) from error

    def _sent(self, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", self._path, body, headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def _failed(self, why: str) -> MachineError:
        return MachineError(
            f"cannot count tokens at {self._where}{self._path}: {why}",
            "give the URL of a running llama-server or vLLM, or --model with a GGUF file",
        )


class Counter:
    """Token counts of texts; those of short texts are remembered."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._known: dict[str, int] = {}

    def count(self, text: str) -> int:
        """How many tokens `text` is."""
        known = self._known.get(text)
        if known is not None:
            return known
        count = len(self.tokenizer.tokens(text))
        if len(text) <= _CACHED_CHARS:
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[text] = count
        return count
