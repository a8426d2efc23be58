"""What a study was measured on, and whether it still is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SCHEMA_VERSION = "provenance/1"

_WORDS = {
    "engine": "engine",
    "engine_version": "engine build",
    "engine_sha256": "engine binary",
    "model_sha256": "model",
    "gpu": "GPU",
    "driver": "driver",
    "workload_digest": "workload",
    "plan_digest": "replay plan",
    "space_digest": "search space",
    "objective": "objective",
    "depth": "depth",
    "seed": "seed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Everything that decides whether two measurements may stand in one study."""

    engine: str
    engine_path: str
    engine_version: str
    engine_sha256: str
    model_path: str
    model_sha256: str
    gpu: str
    gpu_name: str
    driver: str | None
    workload: str
    workload_digest: str
    plan_digest: str
    space_digest: str
    objective: str
    depth: str
    history: str
    seed: int
    autotune_version: str
    host_cpu: str
    created_at: str
    versions: Mapping[str, str]
    gpu_class: str | None = None
    model_architecture: str | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object with its schema version."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def differences(stored: Mapping[str, Any], now: Provenance) -> list[str]:
    """What changed since `stored` was written, in words; empty when the study may go on."""
    return changed_words(stored, now.to_json(), _WORDS, "{word} (was {old}, is {new})")


def changed_words(
    stored: Mapping[str, Any], now: Mapping[str, Any], words: Mapping[str, str], form: str
) -> list[str]:
    """What differs of the facts in `words`, each as `form` has it of ``word``, ``old``, ``new``."""
    return [
        form.format(word=word, old=_short(stored.get(key)), new=_short(now.get(key)))
        for key, word in words.items()
        if stored.get(key) != now.get(key)
    ]


def _short(value: object) -> str:
    text = "unknown" if value is None else str(value)
    text = text.removeprefix("sha256:")
    return text if len(text) <= 40 else text[:12]
