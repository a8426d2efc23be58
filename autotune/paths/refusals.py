"""What a server's refusal means to the person who ran the command."""

from __future__ import annotations

from autotune.errors import AutotuneError, MachineError, UserError
from autotune.replay.outcome import Outcome, TurnFailure
from autotune.replay.verdict import NOT_A_STREAM, status_in

FINAL = frozenset({401, 402, 403, 404, 429})
"""Statuses after which no other turn would fare better; 429 only after every retry."""


def refusal(status: int, where: str, key_name: str | None, message: str = "") -> AutotuneError:
    """The error for an HTTP status of `FINAL`."""
    said = f": {message}" if message else ""
    if status == 401 and key_name is None:
        return UserError(
            f"{where} wants a key (HTTP 401){said}", "name its variable: --key-env NAME"
        )
    if status == 401:
        return UserError(
            f"{where} refuses the key in {key_name} (HTTP 401){said}",
            f"put a valid key into {key_name}, or name another variable with --key-env",
        )
    if status == 402:
        return UserError(f"{where} wants to be paid (HTTP 402){said}", "add credit, then run again")
    if status == 403:
        return UserError(
            f"{where} does not allow this (HTTP 403){said}",
            "check what the key may do, and the model and provider that were asked for",
        )
    if status == 404:
        return UserError(
            f"{where} does not know the model or the path (HTTP 404){said}",
            "check --model, --api, --provider and the path of the endpoint",
        )
    return MachineError(
        f"{where} is over its rate limit (HTTP {status}){said}",
        "run the same command later: it goes on where it stopped",
    )


def warm_up_error(outcome: Outcome, where: str, key_name: str | None) -> AutotuneError | None:
    """Why a first short request shows that no turn can be measured, or ``None``."""
    if outcome.failure in (None, TurnFailure.WRONG_LENGTH):
        return None
    detail = outcome.detail or str(outcome.failure)
    status = status_in(detail)
    if status in FINAL:
        return refusal(status, where, key_name, detail.partition(": ")[2])
    if detail == NOT_A_STREAM:
        return UserError(
            f"{where} does not stream: {detail}",
            "without a stream there is no time to first token; check --api",
        )
    return MachineError(
        f"{where} does not answer a short request: {detail}", "see what the server logs"
    )
