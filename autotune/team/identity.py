"""What a shared study is measured on: written by the first worker, and asked of every other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autotune.errors import UserError
from autotune.search.opening import host_facts
from autotune.search.setup import asked_sample
from autotune.study.provenance import Provenance, changed_words
from autotune.team.rounds import Rounds

if TYPE_CHECKING:
    from autotune.search.setup import Setup

IDENTITY = "identity"

OF_THE_HOST = {
    "autotune_version": "autotune",
    "engine_version": "engine build",
    "engine_sha256": "engine binary",
    "model_sha256": "model",
    "gpu_name": "GPU",
    "driver": "driver",
    "workload_digest": "workload",
    "objective": "objective",
    "history": "history",
    "seed": "seed",
}
"""What is known of a worker before it launches anything. Which GPU of a kind it is may differ."""

WORDS = {
    **OF_THE_HOST,
    "depth": "depth",
    "plan_digest": "replay plan",
    "space_digest": "search space",
}


def join(rounds: Rounds, study: str, now: Provenance, sample: Mapping[str, Any]) -> None:
    """Make `now` the study's identity, or check that it is.

    Raises `UserError` that names every difference.
    """
    stored = rounds.note(IDENTITY, {"provenance": now.to_json(), "sample": dict(sample)})
    _compare(study, stored["provenance"], now.to_json(), WORDS)


def check_host(rounds: Rounds, study: str, setup: Setup) -> None:
    """Refuse a worker whose engine, model, driver or GPU are others, before anything is launched.

    Raises `UserError` that names every difference.
    """
    stored = rounds.noted(IDENTITY)
    if stored is not None:
        _compare(study, stored["provenance"], host_facts(setup), OF_THE_HOST)


def shared_sample(rounds: Rounds, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The sample that the study was begun with, where the same was asked for."""
    stored = (rounds.noted(IDENTITY) or {}).get("sample")
    return stored if stored is not None and stored.get("asked") == asked else None


def sample_of(setup: Setup) -> dict[str, Any]:
    """Which sessions this worker replays, and what was asked."""
    return {"asked": asked_sample(setup.request), "sessions": setup.sample.ids}


def _compare(
    study: str, stored: Mapping[str, Any], here: Mapping[str, Any], words: Mapping[str, str]
) -> None:
    changed = changed_words(stored, here, words, "{word} (there {old}, here {new})")
    if changed:
        raise UserError(
            f"this worker cannot join study {study}: it measures on something else: "
            f"{'; '.join(changed)}",
            "make it the same on every host, or name another study with --study",
        )
