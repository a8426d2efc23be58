"""Prompts as salted hashes of their blocks: lengths and shared prefixes, and no text.

The text of a prompt (tools, then messages, each as compact JSON) is laid out on the tokens that the
capture recorded: what is new in a turn shares the tokens by which the prompt grew, by characters.
Text that another prompt of the export began with lies where it lay there, so that prompts share
blocks wherever they share text. Each block is the BLAKE2b hash, keyed with the salt, of the one
before it and its own text: without the salt, known text cannot be looked for.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from autotune.workload.depth import CHARS_PER_TOKEN
from autotune.workload.model import Message, Session, Turn
from autotune.workload.prefix import canonical, identical, shared_objects

PIECE_CHARS = 1024
"""Text is known by pieces of this size: prompts share blocks up to the piece where they differ."""

ID_BITS = 53
"""Length of an id: JSON numbers above 53 bits lose digits in many readers."""

_END_DIGITS = 6
"""Ends are rounded: the end of a prompt is its whole number of tokens, not a breath less."""

_MOST_CHARS_PER_TOKEN = 16
"""Text is laid out no denser: fewer recorded tokens than that contradict what came before."""


def keyed(salt: bytes, *parts: bytes) -> bytes:
    """16 bytes of BLAKE2b over `parts`, keyed with `salt`, which may have any length."""
    key = hashlib.blake2b(salt, digest_size=32).digest()
    digest = hashlib.blake2b(key=key, digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def id_of(digest: bytes) -> int:
    """A hash as the number that is written."""
    return int.from_bytes(digest[:8], "big") >> (64 - ID_BITS)


def prompt_counts(session: Session) -> Iterator[int | None]:
    """The recorded length of every prompt; that of a call that failed is told by its retry."""
    for turn, after in pairwise([*session.turns, None]):
        count = turn.recorded.prompt_tokens if turn else None
        if turn and after and count is None and turn.messages == after.messages:
            count = after.recorded.prompt_tokens
        yield count


@dataclass(slots=True)
class KnownText:
    """Where text ends, in tokens, by the hash of everything up to there: one for an export."""

    salt: bytes
    ends: dict[bytes, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text from token `start` to `end`; `chain` hashes it and all text before it."""

    text: bytes
    start: float
    end: float
    chain: bytes

    def upto(self, position: float) -> int:
        """How many characters lie before `position`."""
        share = (position - self.start) / (self.end - self.start)
        return min(len(self.text), max(0, int(share * len(self.text))))


@dataclass(frozen=True, slots=True)
class HashedPrompt:
    """A prompt without its text.

    Attributes:
        tokens: its length: as recorded, else estimated from characters.
        full: ids of its whole blocks.
        partial: the id of what is left, where something is.
        tool_tokens, system_tokens: the part of `tokens` that the tools and the leading system
            message take.
    """

    tokens: int
    full: tuple[int, ...]
    partial: int | None
    tool_tokens: int
    system_tokens: int


class SessionHasher:
    """The prompts of one session, in order; what a turn keeps is hashed once."""

    def __init__(self, known: KnownText, block_size: int) -> None:
        self._known = known
        self._size = block_size
        self._tools: Sequence[object] | None = None
        self._messages: tuple[Message, ...] = ()
        self._pieces: list[_Piece] = []
        self._ends: list[float] = []
        self._counts: list[int] = []  # pieces up to the end of the tools, then of each message
        self._blocks: list[bytes] = []

    def prompt(self, turn: Turn, recorded_tokens: int | None) -> HashedPrompt:
        """The hashes of `turn`, which follows the turn given before and has that length."""
        self._keep_shared(turn)
        self._extend(turn, recorded_tokens)
        # Down: a block that its text does not fill is not the block of a prompt that goes on.
        tokens = max(1, int(self._ends[-1]))
        self._hash_blocks(tokens // self._size)
        rest = self._text(tokens // self._size * self._size, tokens)
        chain = self._blocks[-1] if self._blocks else b""
        partial = keyed(self._known.salt, b"part", chain, rest) if tokens % self._size else None
        tools, system = self._parts(turn)
        return HashedPrompt(
            tokens=tokens,
            full=tuple(map(id_of, self._blocks)),
            partial=None if partial is None else id_of(partial),
            tool_tokens=tools,
            system_tokens=system,
        )

    def _keep_shared(self, turn: Turn) -> None:
        """Forget everything behind what `turn` has in common with the turn before."""
        same_tools = self._tools is not None and identical(list(self._tools), list(turn.tools))
        shared = shared_objects(self._messages, turn.messages) if same_tools else 0
        del self._counts[shared + 1 if same_tools else 0 :]
        kept = self._counts[-1] if self._counts else 0
        del self._pieces[kept:], self._ends[kept:]
        whole = int(self._ends[-1] // self._size) if self._ends else 0
        del self._blocks[whole:]
        self._tools, self._messages = turn.tools, turn.messages[:shared]

    def _extend(self, turn: Turn, recorded: int | None) -> None:
        """Lay out what is new: first where it is known to lie, the rest on the tokens left."""
        texts = list(self._new_texts(turn))
        pieces = [
            text[i : i + PIECE_CHARS] for text in texts for i in range(0, len(text), PIECE_CHARS)
        ]
        chain = self._last()[1]
        unknown = 0
        for at, text in enumerate(pieces):
            chain = keyed(self._known.salt, b"text", chain, text)
            if chain not in self._known.ends:
                break
            self._add(text, self._known.ends[chain], chain)
            unknown = at + 1
        self._spread(pieces[unknown:], recorded)
        self._count(texts)
        self._messages = turn.messages

    def _new_texts(self, turn: Turn) -> Iterator[bytes]:
        if not self._counts:
            yield canonical(list(turn.tools)) + b"\n" if turn.tools else b""
        for message in turn.messages[len(self._messages) :]:
            yield canonical(message) + b"\n"

    def _last(self) -> tuple[float, bytes]:
        return (self._pieces[-1].end, self._pieces[-1].chain) if self._pieces else (0.0, b"")

    def _add(self, text: bytes, end: float, chain: bytes) -> None:
        self._pieces.append(_Piece(text, self._last()[0], end, chain))
        self._ends.append(end)

    def _spread(self, pieces: Sequence[bytes], recorded: int | None) -> None:
        """Lay out `pieces` on the tokens up to `recorded`."""
        chars = sum(map(len, pieces))
        if not chars:
            return
        position, chain = self._last()
        left = chars / CHARS_PER_TOKEN if recorded is None else recorded - position
        left = max(left, chars / _MOST_CHARS_PER_TOKEN)
        before, origin = 0, position
        for text in pieces:
            before += len(text)
            chain = keyed(self._known.salt, b"text", chain, text)
            end = round(origin + left * (before / chars), _END_DIGITS)
            self._known.ends[chain] = end
            self._add(text, end, chain)

    def _count(self, texts: Sequence[bytes]) -> None:
        """Note where each of the new texts ends, in pieces."""
        sizes = [-(-len(text) // PIECE_CHARS) for text in texts]
        at = len(self._pieces) - sum(sizes)
        for size in sizes:
            at += size
            self._counts.append(at)

    def _hash_blocks(self, whole: int) -> None:
        for number in range(len(self._blocks), whole):
            text = self._text(number * self._size, (number + 1) * self._size)
            chain = self._blocks[-1] if self._blocks else b""
            self._blocks.append(keyed(self._known.salt, b"block", chain, text))

    def _text(self, start: float, stop: float) -> bytes:
        """The text from token `start` to `stop`."""
        at = bisect_right(self._ends, start)
        parts = []
        while at < len(self._pieces) and self._pieces[at].start < stop:
            piece = self._pieces[at]
            parts.append(piece.text[piece.upto(start) : piece.upto(stop)])
            at += 1
        return b"".join(parts)

    def _parts(self, turn: Turn) -> tuple[int, int]:
        """Tokens of the tools and of the leading system message."""
        tools = self._end(0)
        leads = bool(turn.messages) and turn.messages[0].get("role") == "system"
        return round(tools), round(self._end(1)) - round(tools) if leads else 0

    def _end(self, text: int) -> float:
        pieces = self._counts[text]
        return self._ends[pieces - 1] if pieces else 0.0
