"""The words of explained reuse: what was sent, what a cache is like, what was lost and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autotune.scoring.reuse_tokens import Tokens


class Cause(StrEnum):
    """Why tokens were computed again that an engine had computed before; see docs/reuse.md."""

    EVICTED = "evicted"
    BEGINS_ALIKE = "slot-taken-by-likeness"
    OVER_CAPACITY = "over-capacity"
    SLOT_NOT_MATCHED = "slot-not-matched"
    CONTEXT_EDIT = "context-edit"
    TEMPLATE = "template-rewrote-history"
    REPLY = "reply-came-back-changed"
    CHECKPOINT = "checkpoint-distance"
    BLOCKS = "block-alignment"
    DISABLED = "cache-disabled"
    UNKNOWN = "unknown"


class Follows(StrEnum):
    """How the messages of a turn stand to those of the turn before it in its session."""

    FIRST = "first"
    EXTENDS = "extends"
    OTHER_REPLY = "other-reply"
    EDITED = "edited"


class Holder(StrEnum):
    """What kind of store an engine keeps prefixes in."""

    SLOTS = "slots"
    BLOCKS = "blocks"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheShape:
    """An engine's prefix cache, as far as it is known. Absent is ``None``.

    Attributes:
        holder: slots that each hold one prompt, or blocks that prompts share.
        enabled: whether prefixes are reused at all.
        slots: how many prompts are held at a time.
        pool_tokens: tokens that all slots share (unified), or that all blocks hold.
        unified: whether the slots share one pool.
        host_cache: whether displaced slots go to host memory.
        host_tokens: about how many tokens fit there; ``None`` for no known limit.
        saves_idle: whether idle slots are copied there at every request.
        similarity: the share of a prompt that a slot must hold to be taken for it.
        block_tokens: tokens in a block.
        rolls_back: whether a held prompt can be cut anywhere. Recurrent models and windows cannot.
    """

    holder: Holder = Holder.UNKNOWN
    enabled: bool | None = None
    slots: int | None = None
    pool_tokens: int | None = None
    unified: bool = False
    host_cache: bool = False
    host_tokens: int | None = None
    saves_idle: bool = False
    similarity: float = 0.1
    block_tokens: int | None = None
    rolls_back: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineNote:
    """What an engine's own log says of one request. Absent is ``None``.

    Attributes:
        prompt_tokens, cached_tokens: by which the request is found.
        slot: the slot that took it.
        slot_shared: tokens of the prompt that this slot held when it was taken.
        loaded_shared: the same of a prompt that came back from host memory in its place.
        other_shared: the most that any slot held.
        checkpoint_tokens: where the saved state ends that was gone back to.
        restarted: whether the engine says that it had no saved state to go back to.
    """

    prompt_tokens: int
    cached_tokens: int
    slot: int | None = None
    slot_shared: int | None = None
    loaded_shared: int | None = None
    other_shared: int | None = None
    checkpoint_tokens: int | None = None
    restarted: bool = False

    @property
    def held_tokens(self) -> int | None:
        """What the slot held of the prompt when its work began."""
        known = [n for n in (self.slot_shared, self.loaded_shared) if n is not None]
        return max(known) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPrompt:
    """One request in the order it was sent.

    `tokens` are the prompt's, `reply` those of the text that came back; `reasoned` says whether
    some of that was reasoning. `follows` compares messages, and `edit` says what was edited.
    `scale` is tokens per item of `tokens`: 1 where the engine itself tokenized.
    """

    session_id: str
    turn: int
    tokens: Tokens
    reply: Tokens = field(default_factory=Tokens)
    reasoned: bool = False
    follows: Follows = Follows.FIRST
    edit: str | None = None
    scale: float = 1.0

    @property
    def key(self) -> tuple[str, int]:
        """Session and turn."""
        return self.session_id, self.turn

    @property
    def kept_reply(self) -> Tokens:
        """What a cache can hold of the reply: its last token was chosen, and never computed."""
        return self.reply.first(len(self.reply) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What one turn could have reused, in prompt tokens. Absent is ``None``.

    Attributes:
        counted_tokens: the whole prompt, as it was tokenized for this.
        before_tokens: what the session left: its prompt before and, where the turn carries it, the
            reply, less what a prompt as short as this cannot hold.
        ideal_tokens: the most that any earlier prompt and reply of this server shares with it.
        ideal_from: session and turn of that prompt.
        ideal_prompt_tokens: how long that prompt was without its reply.
        ideal_reasoned: whether that reply held reasoning.
        held_tokens: what the cache could still hold of it; ``None`` where nothing is known of it.
        gone: why the rest was not held any more, with the session that took its place.
        others_shared: the most that prompts of other sessions share which were sent since.
        others_since: whether there were any.
    """

    session_id: str
    turn: int
    counted_tokens: int
    before_tokens: int
    ideal_tokens: int
    ideal_from: tuple[str, int] | None = None
    ideal_prompt_tokens: int = 0
    ideal_reasoned: bool = False
    held_tokens: int | None = None
    gone: tuple[Cause, str] | None = None
    others_shared: int = 0
    others_since: bool = False
    follows: Follows = Follows.FIRST
    edit: str | None = None
    estimated: bool = False
    note: EngineNote | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """Tokens `begin` to `end` of a prompt were computed again, for one cause.

    `seconds` is what they cost by the trial's own prefill speed; ``None`` where that is unknown.
    """

    cause: Cause
    begin: int
    end: int
    detail: str = ""
    seconds: float | None = None

    @property
    def tokens(self) -> int:
        """How many."""
        return self.end - self.begin

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        told: dict[str, Any] = {"cause": self.cause.value, "tokens": self.tokens}
        if self.seconds is not None:
            told["seconds"] = round(self.seconds, 4)
        if self.detail:
            told["detail"] = self.detail
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One turn: expected, reused, and the losses between. Absent is ``None``.

    `prefill_s` is the engine's own time for the prompt; `cold_s` is what the whole prompt would
    take without any reuse, by the trial's own prefill speed.
    """

    expected: Expected
    depth_tokens: int | None
    reused_tokens: int | None
    ttft_s: float | None
    prefill_s: float | None
    cold_s: float | None = None
    losses: tuple[Loss, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """One row of ``reuse.jsonl``, without the names of the measurement."""
        was = self.expected
        told: dict[str, Any] = {
            "session_id": was.session_id,
            "turn": was.turn,
            "depth_tokens": self.depth_tokens,
            "counted_tokens": was.counted_tokens,
            "before_tokens": was.before_tokens,
            "ideal_tokens": was.ideal_tokens,
            "ideal_from": list(was.ideal_from) if was.ideal_from else None,
            "held_tokens": was.held_tokens,
            "reused_tokens": self.reused_tokens,
            "estimated": was.estimated,
            "follows": was.follows.value,
            "ttft_s": _short(self.ttft_s),
            "prefill_s": _short(self.prefill_s),
            "cold_s": _short(self.cold_s),
            "losses": [loss.to_json() for loss in self.losses],
        }
        if was.note is not None and was.note.checkpoint_tokens is not None:
            told["checkpoint_tokens"] = was.note.checkpoint_tokens
        return told


def _short(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


@dataclass(frozen=True, slots=True)
class Advice:
    """What a cause means in a few words, and what to do about it."""

    words: str
    remedy: str


ADVICE: Mapping[Cause, Advice] = {
    Cause.EVICTED: Advice(
        "slot evicted by another session", "raise parallel, or keep prompts in host memory"
    ),
    Cause.BEGINS_ALIKE: Advice(
        "slot taken by another session that begins alike",
        "a slot-prompt-similarity above the part that sessions share, or cache-ram",
    ),
    Cause.OVER_CAPACITY: Advice(
        "no room to keep it", "more KV memory (ctx-size, cache-ram) or a smaller KV cache type"
    ),
    Cause.SLOT_NOT_MATCHED: Advice(
        "held, and its slot not chosen", "lower slot-prompt-similarity"
    ),
    Cause.CONTEXT_EDIT: Advice(
        "the agent edited its context", "nothing on the engine's side: fewer edits, nearer the end"
    ),
    Cause.TEMPLATE: Advice(
        "the template rewrote history", "a chat template that keeps reasoning and calls as sent"
    ),
    Cause.REPLY: Advice(
        "the reply came back as other tokens", "a template that renders replies as generated"
    ),
    Cause.CHECKPOINT: Advice(
        "back to a checkpoint", "more ctx-checkpoints, a smaller checkpoint-min-step, or swa-full"
    ),
    Cause.BLOCKS: Advice("whole blocks only", "a smaller block-size, where it is worth it"),
    Cause.DISABLED: Advice("the prefix cache is off", "switch it on: cache-prompt, "
                           "enable-prefix-caching"),
    Cause.UNKNOWN: Advice("unexplained", "see the turns in reuse.jsonl and the engine's log"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Displaced:
    """Why something is no longer held, by session and turn that it came from."""

    why: dict[tuple[str, int], tuple[Cause, str]] = field(default_factory=dict)

    def mark(self, key: tuple[str, int], cause: Cause, by: str) -> None:
        """`key` made room for a prompt of session `by`."""
        self.why[key] = (cause, by)

    def kept(self, key: tuple[str, int]) -> None:
        """`key` is held (again)."""
        self.why.pop(key, None)
