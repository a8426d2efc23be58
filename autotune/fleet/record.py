"""What is kept of a fleet's target between runs: the study under way, and the last that ended.

``studies/fleet/NAME/``: `begun.json` while a study has not come to its end, `settled.json` from its
end on, and the sessions that were replayed. A night of the same target keeps its own beside them,
in ``studies/nightly/NAME/``: it tunes anew, and is warm-started from what the fleet found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from autotune.errors import MachineError
from autotune.nightly.fingerprint import Fingerprint
from autotune.nightly.night_steps import digest_of_tuning
from autotune.nightly.settled import Settled, read_settled, write_settled
from autotune.search.setup import next_free
from autotune.study.files import read_json, write_json
from autotune.study.folder import StudyFolder

FLEET = "fleet"
VERSION = "fleet-begun/1"


def of_kind(seen: Fingerprint) -> Fingerprint:
    """A fingerprint that is the same on every card of one kind: which one it was does not count."""
    return replace(seen, gpu=seen.gpu_name)


@dataclass(frozen=True, slots=True)
class Begun:
    """A study that was begun, and what it is of (see `digest_of_tuning`)."""

    study: str
    of_what: str


@dataclass(frozen=True, slots=True)
class Record:
    """The record of the target `name`."""

    studies_dir: Path
    name: str

    @property
    def state(self) -> Path:
        """Its folder."""
        return self.studies_dir / FLEET / self.name

    def settled(self) -> Settled | None:
        """The last tuning that came to its end. Raises `MachineError` where it is damaged."""
        return read_settled(self.state)

    def begun(self) -> Begun | None:
        """The study under way. Raises `MachineError` where the record is damaged."""
        path = self.state / "begun.json"
        data = read_json(path)
        if data is None:
            return None
        if data.get("schema_version") != VERSION or not isinstance(data.get("study"), str):
            raise MachineError(f"{path} is damaged", "move it away: the study is begun anew")
        return Begun(data["study"], str(data.get("of_what")))

    def unfinished(self, seen: Fingerprint) -> str | None:
        """The study under way that is of just this; ``None`` where there is none."""
        begun = self.begun()
        return begun.study if begun and begun.of_what == digest_of_tuning(seen, None) else None

    def new_study(self) -> str:
        """A name that no study has yet."""
        return next_free(StudyFolder(self.studies_dir / f"{FLEET}-{self.name}")).name

    def begin(self, study: str, seen: Fingerprint) -> None:
        """Before anything is measured."""
        content = {"schema_version": VERSION, "study": study}
        of_what = digest_of_tuning(seen, None)
        write_json(self.state / "begun.json", {**content, "of_what": of_what})

    def settle(self, settled: Settled) -> None:
        """When a study has come to its end, whatever it found."""
        write_settled(self.state, settled)
        (self.state / "begun.json").unlink(missing_ok=True)

    def summary(self) -> dict[str, object] | None:
        """What the last study that ended found, as plain data; ``None`` where that is gone."""
        settled = self.settled()
        if settled is None:
            return None
        result = StudyFolder(self.studies_dir / settled.study).read_result()
        return None if result is None else dict(result["summary"])
