"""What every launcher must keep, as checks that run without a test framework.

``autotune engine check`` runs them on a user's engine, and `autotune.testing` runs the same ones
under pytest. A check returns when the contract is kept (with a remark, if it has one), and raises
`Broken`, `Doubtful` or `Undecided` when it is not, when less is known than could be, and when the
engine does not let it be decided.
"""

from __future__ import annotations

import http.client
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from autotune.errors import AutotuneError
from autotune.launchers.bench import Bench, Broken, Doubtful, Finding, Undecided
from autotune.launchers.checks_cache import (
    cached_within_prompt,
    cold_is_cold,
    reports_cached_tokens,
    reuses_prefix,
)
from autotune.launchers.checks_reply import (
    answers_alike,
    answers_chat,
    counts_prompts,
    honours_disconnect,
    pins_length,
    reports_usage,
    starts_with_a_token,
)
from autotune.launchers.checks_start import (
    NO_SUCH_FLAG,
    command_is_pure,
    detects,
    environment_is_scrubbed,
    misses_model,
    reads_settings_back,
    refuses_bad_flag,
    starts_as_asked,
    stops_for_good,
    stops_when_asked,
    two_at_once,
)

__all__ = [
    "CHECKS",
    "NO_SUCH_FLAG",
    "Bench",
    "Broken",
    "Check",
    "Doubtful",
    "Outcome",
    "Undecided",
    "Verdict",
    "name_of",
    "run_checks",
]

Check = Callable[[Bench], str | None]

CHECKS: tuple[Check, ...] = (
    detects,
    command_is_pure,
    refuses_bad_flag,
    misses_model,
    starts_as_asked,
    reads_settings_back,
    environment_is_scrubbed,
    answers_chat,
    reports_usage,
    counts_prompts,
    pins_length,
    starts_with_a_token,
    honours_disconnect,
    reports_cached_tokens,
    cached_within_prompt,
    reuses_prefix,
    cold_is_cold,
    answers_alike,
    two_at_once,
    stops_when_asked,
    stops_for_good,
)
"""In an order that keeps one engine running as long as can be; the last ones end it."""


class Verdict(StrEnum):
    """How a check ended. Only ``FAIL`` says that measurements would be wrong."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check: `problem` is ``None`` when the contract is kept, or nobody can tell.

    `matters` says why a measurement needs it, `remedy` what to do about the problem, and `note`
    is a remark of a check that passed or the reason why one was skipped.
    """

    name: str
    about: str
    problem: str | None
    verdict: Verdict = Verdict.OK
    matters: str = ""
    remedy: str = ""
    note: str = ""


def name_of(check: Check) -> str:
    """What a check is called: ``reuses-prefix``."""
    return check.__name__.replace("_", "-")


def run_checks(bench: Bench, checks: tuple[Check, ...] = CHECKS) -> Iterator[Outcome]:
    """Run every check, one after the other; an error of the engine is a problem, not an end."""
    try:
        for check in checks:
            yield _outcome(check, bench)
    finally:
        bench.close()


def _outcome(check: Check, bench: Bench) -> Outcome:
    name = name_of(check)
    about, _, rest = inspect.cleandoc(check.__doc__ or "").partition("\n\n")
    about, matters = " ".join(about.split()), " ".join(rest.split())
    try:
        note = check(bench) or ""
    except Undecided as error:
        return Outcome(name, about, None, Verdict.SKIP, matters, note=error.message)
    except Finding as error:
        verdict = Verdict.WARN if isinstance(error, Doubtful) else Verdict.FAIL
        return Outcome(name, about, error.message, verdict, matters, error.remedy)
    except (AutotuneError, OSError, ValueError, http.client.HTTPException) as error:
        remedy = error.hint if isinstance(error, AutotuneError) else ""
        return Outcome(name, about, str(error), Verdict.FAIL, matters, remedy)
    return Outcome(name, about, None, Verdict.OK, matters, note=note)
