"""Make what a run left fit to be committed: the study without logs and without paths of its user.

    python tests/benchmarks/publish_study.py studies/bench --output studies/example-llama-server-cpu

Copied are the study's database, its turns and its documents, everything that ``autotune report``
and ``autotune study show`` read. The user's home folder becomes ``~``, the study takes the name of
its new folder. Ends with exit code 1, and says where, when anything of this machine is left.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from autotune.study.files import read_json, write_json, write_text_atomic

DATABASE, RESULT = "study.db", "result.json"
LEFT_OUT = frozenset({"report.html", "report.md", "report.json", "config.json"})


@dataclass(frozen=True, slots=True)
class Neutral:
    """Texts without this machine: `home` becomes ``~``, the old folder's path the new one's."""

    home: str
    old: str
    new: str

    def text(self, text: str) -> str:
        """One document or one value."""
        told = text.replace(self.home, "~")
        return re.sub(rf"\bstudies/{re.escape(self.old)}\b", f"studies/{self.new}", told)


def documents(study: Path) -> list[Path]:
    """What is copied besides the database: JSON beside it, no folder below."""
    found = (path for path in study.iterdir() if path.suffix in {".json", ".jsonl"})
    return sorted(path for path in found if path.name not in LEFT_OUT)


def copy_database(source: Path, target: Path, neutral: Neutral) -> None:
    """The database with every text made neutral, as small as it gets."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        # Kept as it was: readers ask for the write-ahead log, and would change the file.
        new.execute("PRAGMA journal_mode=WAL")
        for table, column in text_columns(new):
            rows = new.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
            changed = [
                (told, row)
                for row, value in rows
                if isinstance(value, str) and (told := neutral.text(value)) != value
            ]
            new.executemany(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", changed)
        new.execute("UPDATE studies SET study_name = ?", (neutral.new,))
        new.commit()
        new.execute("VACUUM")


def text_columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Table and column of everything that may hold words."""
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [
        (table, column[1])
        for (table,) in tables
        for column in database.execute(f"PRAGMA table_info({table})").fetchall()
        if column[2].upper().startswith(("VARCHAR", "TEXT"))
    ]


def publish(study: Path, output: Path, home: str) -> list[Path]:
    """Writes the copy; the files that it has."""
    neutral = Neutral(home, study.name, output.name)
    output.mkdir(parents=True, exist_ok=True)
    for path in documents(study):
        write_text_atomic(output / path.name, neutral.text(path.read_text(encoding="utf-8")))
    if (result := read_json(output / RESULT)) is not None:
        summary = {**result["summary"], "study": output.name, "exports": []}
        write_json(output / RESULT, {**result, "summary": summary})
    (output / DATABASE).unlink(missing_ok=True)
    copy_database(study / DATABASE, output / DATABASE, neutral)
    return [*(output / path.name for path in documents(study)), output / DATABASE]


def traces(paths: Iterable[Path], words: Iterable[str]) -> Iterator[str]:
    """Where any of `words` is still read, whole words only."""
    looked = [re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])".encode()) for word in words]
    for path in paths:
        data = path.read_bytes()
        yield from (f"{path}: {found.group().decode()}" for one in looked
                    for found in one.finditer(data))  # fmt: skip


def own_words() -> list[str]:
    """What tells this machine and its user."""
    places = {str(Path.home()), str(Path.cwd()), "/tmp", socket.gethostname()}
    return sorted(places)


def main() -> int:
    """Run it; the exit code is 1 when something of this machine is left, and nothing is kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path, help="folder that autotune run wrote")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    if not (options.study / DATABASE).is_file():
        print(f"error: {options.study} holds no study", file=sys.stderr)
        return 1
    paths = publish(options.study, options.output, str(Path.home()))
    left = list(traces(paths, own_words()))
    if left:
        print("\n".join(["error: this machine is still told", *left]), file=sys.stderr)
        for path in paths:
            path.unlink()
        return 1
    print(json.dumps({str(path): path.stat().st_size for path in paths}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
