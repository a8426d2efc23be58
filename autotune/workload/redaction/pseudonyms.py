"""The book of pseudonyms: one for each value, the same wherever the value stands, none twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice

from autotune.errors import UserError
from autotune.workload.redaction.candidates import candidates
from autotune.workload.redaction.rules import Style
from autotune.workload.redaction.units import is_empty

MAX_CANDIDATES = 4_000
"""Tried for one value before it is given up."""

Fits = Callable[[str, str], bool]
"""Whether a candidate (second) may stand for a value (first)."""


class UnprocessableError(UserError):
    """A value that cannot be redacted: nothing may be written then. Never holds the value."""


def any_fits(value: str, candidate: str) -> bool:
    """Accepts every candidate."""
    return True


class Pseudonyms:
    """Values and what stands for them, given out as they come.

    No two values share a pseudonym, since two texts could become one then and prefixes grow; no
    pseudonym is a value itself, or holds one of `avoid`. `fits` may ask more of a candidate, and
    then words of another length are tried as well (`loose`).
    """

    def __init__(
        self,
        salt: bytes,
        avoid: Callable[[str], bool] = lambda candidate: False,
        fits: Fits = any_fits,
    ) -> None:
        self._salt = salt
        self._avoid = avoid
        self._fits = fits
        self._loose = fits is not any_fits
        self._issued: dict[str, str] = {}
        self._owner: dict[str, str] = {}
        self._values: set[str] = set()
        self._rules: dict[str, tuple[str, Style]] = {}
        self._passed: dict[str, int] = {}

    @property
    def issued(self) -> Mapping[str, str]:
        """Every value so far and its pseudonym."""
        return self._issued

    @property
    def pseudonyms(self) -> Collection[str]:
        """Every pseudonym so far; what is given out later is in it as well."""
        return self._owner.keys()

    def reserve(self, values: Iterable[str]) -> None:
        """`values` are going to be asked for: none of them becomes a pseudonym."""
        self._values.update(value.casefold() for value in values)

    def of(self, value: str, rule: str, style: Style) -> str:
        """The pseudonym of `value`, which a rule named `rule` found.

        Raises `UnprocessableError` when there is none.
        """
        known = self._issued.get(value)
        return self._issue(value, rule, style) if known is None else known

    def reissue(self, values: Collection[str]) -> None:
        """Other pseudonyms for `values`: those they have turned out to be of no use."""
        for value in values:
            del self._owner[self._issued.pop(value)]
        for value in values:
            self._issue(value, *self._rules[value])

    def _issue(self, value: str, rule: str, style: Style) -> str:
        self._rules[value] = (rule, style)
        self._values.add(value.casefold())
        if is_empty(value):
            raise unprocessable(rule, "it has neither letters nor digits")
        for number, candidate in self._candidates(value, rule, style):
            if self._is_free(value, candidate) and self._fits(value, candidate):
                self._passed[value] = number + 1
                self._issued[value] = candidate
                self._owner[candidate] = value
                return candidate
        raise unprocessable(rule, "there is no pseudonym of the same shape and token count")

    def _candidates(self, value: str, rule: str, style: Style) -> Iterator[tuple[int, str]]:
        """Candidates with their numbers, behind those that were used up."""
        made = enumerate(candidates(value, style, self._salt, loose=self._loose))
        first = self._passed.get(value, 0)
        try:
            yield from islice(made, first, first + MAX_CANDIDATES)
        except ValueError as error:
            raise unprocessable(rule, str(error)) from None

    def _is_free(self, value: str, candidate: str) -> bool:
        if candidate.casefold() in self._values or candidate in self._owner:
            return False
        return not self._avoid(candidate)


def unprocessable(rule: str, why: str) -> UnprocessableError:
    """Why a value that `rule` found stops the redaction."""
    return UnprocessableError(
        f"a value that rule {rule} found cannot be redacted: {why}",
        f"let it stay with --allow VALUE, give --without {rule}, or leave the tokenizer out",
    )
