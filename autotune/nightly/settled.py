"""What the last tuning that came to its end was of: the next night is held against that.

Not against the live config's own: a retune that found nothing better leaves that config in use, and
what it was tuned on is then two models ago. It would be tuned again every night.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autotune.errors import MachineError
from autotune.nightly.fingerprint import Fingerprint
from autotune.nightly.session_index import SessionFact, facts_from, facts_json
from autotune.study.files import read_json, write_json

VERSION = "settled/1"
_FILE = "settled.json"
_MOVE_AWAY = "move it away: the next night tunes anew; the config in use has still to be beaten"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was tuned on, the sessions that were replayed, and the study that did it."""

    fingerprint: Fingerprint
    sessions: tuple[SessionFact, ...]
    study: str


def read_settled(state: Path) -> Settled | None:
    """``None`` before the first tuning of the target.

    Raises `MachineError` where it is damaged, or another version wrote it.
    """
    path = state / _FILE
    try:
        data = read_json(path)
    except MachineError as error:
        raise MachineError(error.message, _MOVE_AWAY) from error
    if data is None:
        return None
    if data.get("schema_version") != VERSION:
        raise MachineError(f"{path} is of another version of autotune", _MOVE_AWAY)
    try:
        return Settled(
            fingerprint=Fingerprint.from_json(data["fingerprint"], str(path)),
            sessions=facts_from(data["sessions"]),
            study=data["study"],
        )
    except KeyError as error:
        raise MachineError(f"{path} is damaged: it has no {error}", _MOVE_AWAY) from error
    except (TypeError, AttributeError) as error:
        raise MachineError(f"{path} is damaged: {error}", _MOVE_AWAY) from error


def write_settled(state: Path, settled: Settled) -> None:
    """Written when a tuning has ended, whatever it found. Raises `MachineError` like any write."""
    content = {
        "schema_version": VERSION,
        "fingerprint": settled.fingerprint.to_json(),
        "sessions": facts_json(settled.sessions),
        "study": settled.study,
    }
    write_json(state / _FILE, content)
