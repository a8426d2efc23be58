"""How llama.cpp's server keeps prefixes, and what its log (level 4) says of each request.

Lines are of build b11434 (``tools/server/server-context.cpp``, ``server-task.cpp``). The prompt is
tokenized as a chat completion is: ``/apply-template`` with what the request carries, then
``/tokenize`` with the special tokens that a prompt gets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autotune.candidate import Setting
from autotune.launchers.http import ask_ok, dig
from autotune.scoring.reuse_model import CacheShape, EngineNote, Holder

TIMEOUT_S = 120.0
MIB = 1024**2

NOT_FOR_THE_TEMPLATE = frozenset(
    {"messages", "tools", "model", "stream", "stream_options", "max_tokens", "n_predict",
     "max_completion_tokens", "logprobs", "top_logprobs"}
)  # fmt: skip
"""What a request carries beside what its prompt is made of; the rest goes along."""

_SLOT = re.compile(r"slot +\S+ id +(\d+) \| task (-?\d+) \| +(.*)")
_SIMILAR = re.compile(r"- checking sim = \S+ \((\d+)/(\d+)\)")
_SAVED = re.compile(r"- prompt with length +\d+, lcp = +(\d+), f_keep = \S+, f_sim = (\S+)")
_LOADED = re.compile(r"- found better prompt with f_keep = \S+, f_sim = (\S+)")
_NEW = re.compile(r"new prompt, .*task\.n_tokens = (\d+)")
_RESTORED = re.compile(r"restored context checkpoint \(.*?n_tokens = (\d+), n_past = (\d+)")
_CACHED = re.compile(r"cached n_tokens = (\d+), memory_seq_rm")
_STATE = re.compile(r"saving prompt with length (\d+), total state size = ([\d.]+) MiB")


def tokenize_chat(
    base_url: str,
    messages: tuple[Mapping[str, Any], ...],
    tools: tuple[Any, ...],
    fields: Mapping[str, Any],
) -> list[int] | None:
    """The token numbers of a chat prompt; ``None`` where the server does not say."""
    payload = {k: v for k, v in fields.items() if k not in NOT_FOR_THE_TEMPLATE}
    payload["messages"] = list(messages)
    if tools:
        payload["tools"] = list(tools)
    answer = ask_ok(base_url, "/apply-template", payload, timeout_s=TIMEOUT_S)
    prompt = dig(answer.body, "prompt") if answer is not None else None
    return tokenize(base_url, prompt, special=True) if isinstance(prompt, str) else None


def tokenize(base_url: str, text: str, *, special: bool) -> list[int] | None:
    """The token numbers of `text`; with the model's own first token where `special`."""
    asked = {"content": text, "add_special": special, "parse_special": True}
    answer = ask_ok(base_url, "/tokenize", asked, timeout_s=TIMEOUT_S)
    found = dig(answer.body, "tokens") if answer is not None else None
    return found if isinstance(found, list) else None


def cache_shape(settings: Mapping[str, Setting], log_text: str) -> CacheShape:
    """The prefix cache of a server that runs with `settings`."""
    host_mib = settings.get("cache-ram", 8192)
    host = isinstance(host_mib, int) and host_mib != 0
    pool = settings.get("ctx-size")
    return CacheShape(
        holder=Holder.SLOTS,
        enabled=settings.get("cache-prompt") is not False,
        slots=_positive(settings.get("parallel")) or _counted_slots(log_text),
        pool_tokens=_positive(pool),
        unified=settings.get("kv-unified") is True,
        host_cache=host,
        host_tokens=_host_tokens(host_mib, log_text) if host else None,
        saves_idle=host and settings.get("cache-idle-slots") is not False,
        similarity=_similarity(settings.get("slot-prompt-similarity")),
        rolls_back=_rolls_back(settings, log_text),
    )


def _positive(value: Setting | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _counted_slots(log_text: str) -> int | None:
    found = re.search(r"initializing, n_slots = (\d+)", log_text)
    return int(found[1]) if found is not None else None


def _similarity(value: Setting | None) -> float:
    return float(value) if isinstance(value, int | float) else 0.1


def _host_tokens(limit_mib: Setting, log_text: str) -> int | None:
    """What fits host memory, by the largest state that was saved; ``None`` without a limit."""
    saved = [(int(n), float(mib)) for n, mib in _STATE.findall(log_text)]
    per_token = max((mib / n for n, mib in saved if n), default=0.0)
    if not isinstance(limit_mib, int) or limit_mib < 0 or per_token <= 0:
        return None
    return int(limit_mib / per_token)


def _rolls_back(settings: Mapping[str, Setting], log_text: str) -> bool | None:
    """Whether any token can be gone back to: not with windows or a recurrent state."""
    window = re.search(r"print_info: n_swa += (\d+)", log_text)
    if window is None:
        return None
    recurrent = re.search(r"llama_memory_recurrent|RS buffer size", log_text) is not None
    windowed = int(window[1]) > 0 and settings.get("swa-full") is not True
    return not (recurrent or windowed)


def reuse_notes(log_text: str) -> tuple[EngineNote, ...]:
    """What the log says of every request, in the order in which they were begun."""
    reader = _Reader()
    return tuple(note for line in log_text.splitlines() for note in reader.read(line))


@dataclass(slots=True)
class _Choice:
    """What was looked at when a slot was chosen; kept until that slot begins its prompt."""

    shares: dict[int, int]
    saved: list[tuple[int, str]]
    loaded: int | None = None


@dataclass(slots=True)
class _Begun:
    """A prompt in a slot, until the log says how much of it was cached."""

    tokens: int
    choice: _Choice
    checkpoint: int | None = None
    restarted: bool = False


class _Reader:
    """Reads line by line; requests of several slots may be interleaved."""

    def __init__(self) -> None:
        self._choice = _Choice({}, [])
        self._chosen: dict[int, _Choice] = {}
        self._begun: dict[int, _Begun] = {}

    def read(self, line: str) -> Iterator[EngineNote]:
        """The note that `line` completes, if it does."""
        found = _SLOT.search(line)
        if found is None:
            self._host(line)
        elif note := self._slot(int(found[1]), found[3]):
            yield note

    def _host(self, line: str) -> None:
        """The cache in host memory, looked through for the slot that was just chosen."""
        if (saved := _SAVED.search(line)) is not None:
            self._choice.saved.append((int(saved[1]), saved[2]))
        elif (loaded := _LOADED.search(line)) is not None:
            fits = [n for n, similar in self._choice.saved if similar == loaded[1]]
            self._choice.loaded = max(fits, default=None)

    def _slot(self, slot: int, text: str) -> EngineNote | None:
        if (similar := _SIMILAR.search(text)) is not None:
            self._choice.shares[slot] = int(similar[1])
        elif text.endswith("skipping, slot is empty"):
            self._choice.shares[slot] = 0
        elif text.startswith("processing task"):
            self._chosen[slot] = self._choice
            self._choice = _Choice({}, [])
        elif (new := _NEW.search(text)) is not None:
            choice = self._chosen.pop(slot, _Choice({}, []))
            self._begun[slot] = _Begun(int(new[1]), choice)
        elif slot in self._begun:
            return self._progress(slot, text)
        return None

    def _progress(self, slot: int, text: str) -> EngineNote | None:
        begun = self._begun[slot]
        if (restored := _RESTORED.search(text)) is not None:
            begun.checkpoint = int(restored[2])
        elif text.startswith("forcing full prompt re-processing"):
            begun.restarted = True
        elif (cached := _CACHED.search(text)) is not None:
            del self._begun[slot]
            return _note(slot, begun, int(cached[1]))
        return None


def _note(slot: int, begun: _Begun, cached: int) -> EngineNote:
    choice = begun.choice
    others = [n for other, n in choice.shares.items() if other != slot]
    return EngineNote(
        prompt_tokens=begun.tokens,
        cached_tokens=cached,
        slot=slot,
        slot_shared=choice.shares.get(slot),
        loaded_shared=choice.loaded,
        other_shared=max(others, default=None),
        checkpoint_tokens=begun.checkpoint,
        restarted=begun.restarted,
    )
