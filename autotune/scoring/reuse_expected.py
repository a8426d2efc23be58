"""What each turn could have reused, given everything the engine had seen before it.

Three figures a turn: what its session left (the prompt before and the reply, where it is carried
on), the ideal (the longest part shared with any earlier prompt and reply of this server) and what
the cache could still hold of that, by the engine's own log or by the way its kind of cache works.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from autotune.records import TurnRecord
from autotune.scoring.reuse_blocks import BlockCache
from autotune.scoring.reuse_model import (
    CacheShape,
    Displaced,
    EngineNote,
    Expected,
    Follows,
    Holder,
    SentPrompt,
)
from autotune.scoring.reuse_slots import SlotCache
from autotune.scoring.reuse_tokens import Tokens, shared


def expected_reuse(
    prompts: Sequence[SentPrompt],
    shape: CacheShape,
    notes: Sequence[EngineNote | None] | None = None,
) -> list[Expected]:
    """One `Expected` for each of `prompts`, which are in the order they were sent.

    `notes` are the engine's own, one a prompt, ``None`` where it said nothing.
    """
    told = notes if notes is not None else [None] * len(prompts)
    history = _History(shape)
    return [history.add(prompt, note) for prompt, note in zip(prompts, told, strict=True)]


def noted(records: Sequence[TurnRecord], notes: Sequence[EngineNote]) -> list[EngineNote | None]:
    """The note of each record: the first that is not taken with its prompt and cached tokens."""
    left = list(notes)
    found: list[EngineNote | None] = []
    for record in records:
        note = next((n for n in left if _is_of(n, record)), None)
        if note is not None:
            left.remove(note)
        found.append(note)
    return found


def _is_of(note: EngineNote, record: TurnRecord) -> bool:
    return (note.prompt_tokens, note.cached_tokens) == (record.depth_tokens, record.cached_tokens)


@dataclass(frozen=True, slots=True)
class _Seen:
    """An earlier prompt with its reply. `at` counts requests."""

    key: tuple[str, int]
    whole: Tokens
    prompt_tokens: int
    at: int
    reasoned: bool


@dataclass(slots=True)
class _History:
    """Everything that a server was sent. A prompt that a later one contains is not kept twice."""

    shape: CacheShape
    _seen: list[_Seen] = field(default_factory=list)
    _last: dict[str, _Seen] = field(default_factory=dict)
    _cache: SlotCache | BlockCache | None = field(init=False)
    _at: int = 0

    def __post_init__(self) -> None:
        makers = {Holder.SLOTS: SlotCache, Holder.BLOCKS: BlockCache}
        maker = makers.get(self.shape.holder)
        self._cache = None if maker is None else maker(self.shape)

    def add(self, prompt: SentPrompt, note: EngineNote | None) -> Expected:
        """What `prompt` could reuse; it is then seen."""
        ideal, source = self._ideal(prompt)
        last = self._last.get(prompt.session_id)
        since = list(self._since(prompt, source))
        displaced = self._cache.displaced if self._cache is not None else Displaced()
        gone = displaced.why.get(source.key) if source is not None else None
        held = self._held(prompt, note)
        most = _scaled(ideal, prompt)
        if source is not None and note is not None and note.held_tokens is not None:
            # The engine compares the tokens that it generated, which a text may not give back.
            most = max(most, min(note.held_tokens, _scaled(len(prompt.tokens), prompt) - 1))
        found = Expected(
            session_id=prompt.session_id,
            turn=prompt.turn,
            counted_tokens=_scaled(len(prompt.tokens), prompt),
            before_tokens=_scaled(_before(prompt, last), prompt),
            ideal_tokens=most,
            ideal_from=None if source is None else source.key,
            ideal_prompt_tokens=0 if source is None else _scaled(source.prompt_tokens, prompt),
            ideal_reasoned=source is not None and source.reasoned,
            held_tokens=None if held is None else min(held, most),
            gone=gone,
            others_shared=_scaled(_most_shared(since, prompt.tokens), prompt),
            others_since=bool(since),
            follows=prompt.follows,
            edit=prompt.edit,
            estimated=prompt.scale != 1.0,
            note=note,
        )
        self._remember(prompt)
        return found

    def _ideal(self, prompt: SentPrompt) -> tuple[int, _Seen | None]:
        """The longest shared start, with the latest prompt that has it; the last token never is."""
        most, source = 0, None
        for seen in self._seen:
            same = shared(seen.whole, prompt.tokens)
            if same and same >= most:
                most, source = same, seen
        return min(most, max(0, len(prompt.tokens) - 1)), source

    def _since(self, prompt: SentPrompt, source: _Seen | None) -> Iterator[_Seen]:
        """Prompts of other sessions since `source` was sent, the longest of each."""
        if source is not None:
            for seen in self._seen:
                if seen.at > source.at and seen.key[0] != source.key[0]:
                    yield seen

    def _held(self, prompt: SentPrompt, note: EngineNote | None) -> int | None:
        """What was held, by the engine's word where it gave one. It is served either way."""
        modelled = None
        if self._cache is not None:
            kept = prompt.kept_reply
            modelled = self._cache.take(prompt.key, prompt.tokens, kept, note)
        if note is not None and note.held_tokens is not None:
            return note.held_tokens
        return None if modelled is None else _scaled(modelled, prompt)

    def _remember(self, prompt: SentPrompt) -> None:
        whole = prompt.tokens + prompt.kept_reply
        now = _Seen(prompt.key, whole, len(prompt.tokens), self._at, prompt.reasoned)
        self._at += 1
        # What the new prompt holds whole shares nothing that the new one does not share, too.
        self._seen = [s for s in self._seen if shared(s.whole, whole) < len(s.whole)]
        self._seen.append(now)
        self._last[prompt.session_id] = now


def _most_shared(seen: Sequence[_Seen], tokens: Tokens) -> int:
    return max((shared(other.whole, tokens) for other in seen), default=0)


def _before(prompt: SentPrompt, last: _Seen | None) -> int:
    if last is None or prompt.follows is Follows.FIRST:
        return 0
    left = len(last.whole) if prompt.follows is Follows.EXTENDS else last.prompt_tokens
    return min(left, max(0, len(prompt.tokens) - 1))


def _scaled(tokens: int, prompt: SentPrompt) -> int:
    return tokens if prompt.scale == 1.0 else round(tokens * prompt.scale)
