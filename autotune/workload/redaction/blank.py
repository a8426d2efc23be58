"""Filler that stands for a text: as many tokens, and alike as far as two texts were alike.

Each token of a text becomes a word, drawn by a salted hash over the text up to that token. So
two texts that begin alike have filler that begins alike, just as far; and nothing of the text
can be told without the salt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from autotune.workload.depth import CHARS_PER_TOKEN
from autotune.workload.filler import WORDS, filler
from autotune.workload.redaction.tokenizer import Counter

_SHORT = 3
"""Words of the longest filler that is kept apart from that of every other text."""

_DRAWS = 200
_FITTINGS = 8


class Blank:
    """Texts to filler. `avoid` names words that must not come up."""

    def __init__(
        self, salt: bytes, avoid: Callable[[str], bool], counter: Counter | None = None
    ) -> None:
        self._salt = salt
        self._counter = counter
        self._words = tuple(word for word in WORDS if not avoid(word) and self._is_one(word))
        self._words = self._words or WORDS
        self._short: dict[str, bytes] = {}

    def count(self, text: str) -> int:
        """Tokens of `text`: counted, else estimated by its characters."""
        if self._counter is not None:
            return self._counter.count(text)
        return max(1, round(len(text) / CHARS_PER_TOKEN)) if text else 0

    def text(self, text: str) -> str:
        """Filler for `text`; the empty text stays."""
        if not text:
            return text
        tokens = self._units(text)
        made = next(made for made in self._draws(text, tokens) if self._is_apart(text, made))
        return self._counted(made, len(tokens))

    def more(self, text: str, words: int) -> str:
        """`text`, which is filler, with so many words more, or fewer when negative."""
        if words >= 0:
            return text + filler(hashlib.sha256(self._salt + text.encode()).hexdigest(), words)
        return " ".join(text.split(" ")[:words])

    def _counted(self, made: str, tokens: int) -> str:
        """`made` in as many tokens as it should be, where a tokenizer counts it otherwise."""
        for _ in range(_FITTINGS if self._counter is not None else 0):
            off = tokens - self.count(made)
            if off == 0:
                break
            made = self.more(made, off)
        return made

    def _is_one(self, word: str) -> bool:
        return self._counter is None or self._counter.count(f" {word}") == 1

    def _units(self, text: str) -> Sequence[bytes]:
        """`text` in as many parts as it has tokens."""
        if self._counter is not None:
            return [token.to_bytes(8, "big") for token in self._counter.tokenizer.tokens(text)]
        whole = self.count(text)
        cuts = [CHARS_PER_TOKEN * i for i in range(whole)] + [len(text)]
        parts = (text[a:b] for a, b in pairwise(cuts))
        return [part.encode("utf-8", "surrogatepass") for part in parts]

    def _draws(self, text: str, units: Sequence[bytes]) -> Iterator[str]:
        """The filler of `units`, then others, and the first again."""
        if len(units) <= _SHORT:
            for number in range(_DRAWS):
                yield self._drawn(units, number)
            self._short.pop(self._drawn(units, 0), None)
        yield self._drawn(units, 0)

    def _drawn(self, units: Sequence[bytes], number: int) -> str:
        state = hashlib.blake2b(number.to_bytes(4, "big") if number else b"", key=self._salt[:64])
        words: list[str] = []
        for unit in units:
            state.update(len(unit).to_bytes(4, "big") + unit)
            drawn = int.from_bytes(state.copy().digest()[:8], "big")
            words.append(self._words[drawn % len(self._words)])
        return "".join(f" {word}" for word in words)

    def _is_apart(self, text: str, made: str) -> bool:
        """Whether `made` stands for no other short text: texts that differ stay different."""
        if made.count(" ") > _SHORT:
            return True
        mine = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        return self._short.setdefault(made, mine) == mine
