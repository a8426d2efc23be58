"""A prompt's length, from an engine's counting endpoint."""

from __future__ import annotations

from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.http import Answer, dig

_NO_SUCH_ENDPOINT = frozenset({404, 405, 501})


def counted(answer: Answer | None, path: str) -> int | None:
    """The number at the dotted `path`; a list counts its items; ``None`` when nobody counts.

    Raises `TrialError` (``BAD_REPLY``) when the server refused the messages, as chat templates do
    that want user and assistant to alternate.
    """
    if answer is None or answer.status in _NO_SUCH_ENDPOINT:
        return None
    if answer.status != 200:
        told = dig(answer.body, "error.message") or dig(answer.body, "message")
        text = told or f"HTTP {answer.status}"
        raise TrialError(Failure(FailureKind.BAD_REPLY, f"the prompt was refused: {text}"))
    value = dig(answer.body, path)
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) else None
