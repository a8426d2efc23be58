"""A table on disk: ``table.json`` says what was measured, ``turns.jsonl`` what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autotune.errors import UserError
from autotune.paths.turns import Turns
from autotune.records import TurnRecord
from autotune.study.files import read_json, write_json
from autotune.study.turn_log import TurnLog, read_turns

SCHEMA_VERSION = "serving-paths/1"


@dataclass(frozen=True, slots=True)
class PathsFolder:
    """One table: every path in it was given the same turns."""

    path: Path

    @property
    def lock_path(self) -> Path:
        """Held while a process measures into this table."""
        return self.path / ".lock"

    @property
    def logs(self) -> Path:
        """Logs of launched engines."""
        return self.path / "logs"

    @property
    def redacted(self) -> Path:
        """The captures without names and secrets, as they are sent with ``--redact``."""
        return self.path / "redacted.jsonl.zst"

    def exists(self) -> bool:
        """Whether a table was begun here."""
        return (self.path / "table.json").is_file()

    def read(self) -> dict[str, Any]:
        """The table's document. Raises `UserError` when there is none of this version."""
        document = read_json(self.path / "table.json")
        if document is None:
            raise UserError(f"there is no table in {self.path}", "measure a path into it first")
        if document.get("schema_version") != SCHEMA_VERSION:
            raise UserError(
                f"{self.path} holds a table of another version of autotune",
                "begin another one with --table NAME",
            )
        return document

    def begin(self, workload: str, turns: Turns, facts: Mapping[str, Any]) -> None:
        """Write down which turns this table is of, or check that they are the same.

        Raises `UserError` for a table of other turns.
        """
        if not self.exists():
            planned = [
                [*key, turns.depths[key], p.output_tokens]
                for p in turns.plan.turns
                for key in [(p.turn.session_id, p.turn.index)]
            ]
            document = {
                "schema_version": SCHEMA_VERSION,
                "created_at": _now(),
                "workload": workload,
                "plan_digest": turns.plan.digest,
                **facts,
                "turns": planned,
                "paths": {},
            }
            write_json(self.path / "table.json", document)
        elif self.read()["plan_digest"] != turns.plan.digest:
            raise UserError(
                f"the table {self.path} is of other turns",
                "begin another one with --table NAME, or measure what it was begun with",
            )

    def check_path(self, name: str, identity: Mapping[str, Any]) -> None:
        """Raises `UserError` when the table has another path of that name."""
        known = self.read()["paths"].get(name)
        if known is not None and known["identity"] != dict(identity):
            changed = [k for k, v in identity.items() if known["identity"].get(k) != v]
            raise UserError(
                f"the table already has a path {name!r} with another {' and '.join(changed)}",
                "give this one a name: NAME=VALUE",
            )

    def write_path(self, name: str, facts: Mapping[str, Any]) -> None:
        """What is known of a path; what was written of it before is replaced."""
        document = self.read()
        document["paths"][name] = {**facts, "measured_at": _now()}
        write_json(self.path / "table.json", document)

    def turn_log(self) -> TurnLog:
        """The log that turns are appended to."""
        return TurnLog(self.path / "turns.jsonl")

    def records(self) -> list[TurnRecord]:
        """Every turn of every path, in the order of measuring."""
        return list(read_turns(self.path / "turns.jsonl"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
