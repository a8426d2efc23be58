"""A comparison on disk: ``compare.json``, ``turns.jsonl`` and the engines' logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autotune.compare.facts import changed
from autotune.errors import UserError
from autotune.study.files import read_json, write_json
from autotune.study.folder import StudyFolder

SCHEMA_VERSION = "compare/1"
FILE = "compare.json"
_ANOTHER = "name another folder with --study, or leave --study out"


def read_document(folder: StudyFolder) -> dict[str, Any] | None:
    """What `folder` holds of a comparison; ``None`` before one was begun.

    Raises `UserError` for a folder that holds something else.
    """
    document = read_json(folder.path / FILE)
    if document is None:
        if folder.exists():
            raise UserError(f"{folder.path} is a study of autotune run, no comparison", _ANOTHER)
        return None
    if document.get("schema_version") != SCHEMA_VERSION:
        raise UserError(
            f"{folder.path} holds a comparison of another version of autotune", _ANOTHER
        )
    return document


def write_document(folder: StudyFolder, document: Mapping[str, Any]) -> None:
    """Replace ``compare.json``. Raises `MachineError` when the disk refuses."""
    write_json(folder.path / FILE, {"schema_version": SCHEMA_VERSION, **document})


def check_arms(stored: Mapping[str, Any], names: Sequence[str], path: str) -> None:
    """Refuse a folder of other arms, before anything is read. Raises `UserError`."""
    was = [str(arm["name"]) for arm in stored["arms"]]
    if was != list(names):
        raise UserError(
            f"{path} compares {' with '.join(was)}, not {' with '.join(names)}", _ANOTHER
        )


def check_same(stored: Mapping[str, Any], now: Mapping[str, Any], path: str) -> None:
    """Refuse to go on with what was measured on something else. Raises `UserError`.

    How long it may take, and how narrow is narrow enough, may change.
    """
    words = [word for key, word in _RUN.items() if stored["run"].get(key) != now["run"].get(key)]
    if stored["gpu"] != now["gpu"]:
        words.append("GPU")
    known = {arm["name"]: arm for arm in stored["arms"]}
    for arm in now["arms"]:
        earlier = known.get(arm["name"], {})
        if "kind" in earlier and "kind" in arm:
            words += [f"{word} of {arm['name']}" for word in changed(earlier, arm)]
    if words:
        raise UserError(f"{path} was measured with another {' and '.join(words[:3])}", _ANOTHER)


_RUN = {
    "workload_digest": "workload",
    "seed": "seed",
    "order": "order of sessions",
    "concurrency": "concurrency",
}
"""What belongs to every arm and may not change."""
