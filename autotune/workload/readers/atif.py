"""ATIF trajectories (Harbor, terminal-bench): one document, or a folder of parts of one run.

ATIF tells what an agent did, not what the server was sent: prompts are rebuilt. A run that was
split when its context was summarised lies in several files that name each other; so do the
trajectories of its sub-agents, unless they stand inside the document of their parent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Boundary, Session
from autotune.workload.readers.atif_rebuild import Rebuild, missing_of
from autotune.workload.readers.atif_shape import is_trajectory
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import mapping, objects, text
from autotune.workload.readers.message_store import MessageStore
from autotune.workload.readers.names import name_of
from autotune.workload.readers.rebuild import SessionBuilder

NAME = "atif"
_PART = re.compile(r"trajectory\.(cont-\d+|summarization-.+)\.json$")


class AtifReader:
    """Reads ``trajectory.json`` of ATIF v1.0 to v1.8, and folders where one run lies in parts."""

    name = NAME
    description = "ATIF trajectories of Harbor and terminal-bench: agent/trajectory.json"

    def claims_document(self, document: Any) -> bool:
        """The document has an ATIF version and steps."""
        return is_trajectory(document)

    def claims_folder(self, folder: Path, names: Sequence[str]) -> bool:
        """A trajectory lies there together with parts of it, by the names Harbor gives them."""
        del folder
        return "trajectory.json" in names and any(_PART.match(name) for name in names)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The trajectory's own session, then those of its sub-agents."""
        documents = dict(_documents(file, ledger))
        ids = _Ids()
        continued = {_continuation(d) for d in documents.values()} - {None}
        spawned = _spawned(documents)
        for name in sorted(documents, key=lambda name: (name in spawned, name)):
            if name not in continued or name == "trajectory.json":
                chain = _chain(documents, name, file, ledger)
                parent = ids.of_file.get(spawned.get(name, ""))
                yield from _sessions(_Run(chain, file, ledger, ids), parent)


def _documents(file: CaptureFile, ledger: DamageLedger) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The trajectories of `file` by file name, one or a folder's."""
    if not file.path.is_dir():
        document = read_document(file, ledger)
        if isinstance(document, Mapping):
            yield file.path.name, document
        return
    for path in sorted(file.path.iterdir()):
        name = f"{file.name}/{path.name}"
        if path.suffix != ".json" or not path.is_file():
            if path.is_file():
                ledger.add(file.name, DamageKind.SKIPPED_FILE, detail=path.name)
            continue
        document = read_document(CaptureFile(path, name), ledger)
        if is_trajectory(document):
            yield path.name, document
        else:
            ledger.add(file.name, DamageKind.SKIPPED_FILE, detail=path.name)


def _continuation(document: Mapping[str, Any]) -> str | None:
    """The file that a trajectory goes on in."""
    name = text(document.get("continued_trajectory_ref"))
    return Path(name).name if name else None


def _spawned(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """File of a sub-agent -> file of the trajectory that names it."""
    found: dict[str, str] = {}
    for name, document in documents.items():
        for path in _references(document):
            if path != name and path in documents:
                found.setdefault(path, name)
    return found


def _references(document: Mapping[str, Any]) -> Iterator[str]:
    for step in objects(document.get("steps")):
        for result in objects(mapping(step.get("observation")).get("results")):
            for reference in objects(result.get("subagent_trajectory_ref")):
                path = text(reference.get("trajectory_path"))
                if path:
                    yield Path(path).name


def _chain(
    documents: Mapping[str, Mapping[str, Any]], name: str, file: CaptureFile, ledger: DamageLedger
) -> list[tuple[str, Mapping[str, Any]]]:
    """The trajectory called `name` and those it goes on in."""
    chain = [(name, documents[name])]
    seen = {name}
    while (after := _continuation(chain[-1][1])) and after not in seen:
        if after not in documents:
            alone = not file.path.is_dir()
            detail = f"goes on in {after}: give the folder" if alone else after
            kind = DamageKind.SKIPPED_FILE if alone else DamageKind.MISSING_FILE
            ledger.add(file.name, kind, detail=detail)
            break
        seen.add(after)
        chain.append((after, documents[after]))
    return chain


@dataclass(slots=True)
class _Ids:
    """Session ids, each given once; `of_file` is the session that a file tells of."""

    taken: set[str] = field(default_factory=set)
    of_file: dict[str, str] = field(default_factory=dict)

    def new(self, wanted: str) -> str:
        """`wanted`, with a number where it is taken: runs and their sub-agents may share one."""
        made, number = wanted, 1
        while made in self.taken:
            number += 1
            made = f"{wanted}~{number}"
        self.taken.add(made)
        return made


@dataclass(frozen=True, slots=True)
class _Run:
    """One trajectory in its parts, and where they were found."""

    chain: list[tuple[str, Mapping[str, Any]]]
    file: CaptureFile
    ledger: DamageLedger
    ids: _Ids


def _sessions(run: _Run, parent: str | None) -> Iterator[Session]:
    """The session of a run and those of the sub-agents inside its documents, however deep."""
    todo: list[tuple[_Run, str | None]] = [(run, parent)]
    while todo:
        current, above = todo.pop()
        builder = _built(current, above)
        session = builder.session()
        if session is not None:
            yield session
        for name, document in current.chain:
            inner = [d for d in objects(document.get("subagent_trajectories")) if _is_inner(d)]
            for child in reversed(inner):
                part = _Run([(name, child)], current.file, current.ledger, current.ids)
                todo.append((part, builder.session_id if session else above))


def _is_inner(document: Mapping[str, Any]) -> bool:
    return isinstance(document.get("steps"), list)


def _built(run: _Run, parent: str | None) -> SessionBuilder:
    """Every request of one run."""
    name, first = run.chain[0]
    digest = file_hash(run.file.path / name if run.file.path.is_dir() else run.file.path)
    agent = mapping(first.get("agent"))
    wanted = name_of(first.get("trajectory_id")) if parent else None
    wanted = wanted or name_of(first.get("session_id")) or name_of(first.get("trajectory_id"))
    session_id = run.ids.new(wanted or f"atif-{digest[7:19]}")
    run.ids.of_file.setdefault(name, session_id)
    builder = SessionBuilder(
        session_id, NAME, digest, parent, missing_of(first), _tools(agent, run)
    )
    rebuild = Rebuild(builder, run.file.name, run.ledger, name_of(agent.get("model_name")))
    if parent:
        builder.mark(Boundary.SUBAGENT)
    elif _is_copy(first):
        builder.mark(Boundary.COMPACTION)
    for index, (_, document) in enumerate(run.chain):
        if index:
            builder.replace((), Boundary.COMPACTION)
        rebuild.walk(document.get("steps"))
    return builder


def _tools(agent: Mapping[str, Any], run: _Run) -> tuple[Mapping[str, Any], ...]:
    definitions = objects(agent.get("tool_definitions"))
    tools = [t if "function" in t else {"type": "function", "function": t} for t in definitions]
    with run.ledger.checked(run.file.name, within="tool_definitions"):
        return MessageStore().tools(tools)
    return ()


def _is_copy(document: Mapping[str, Any]) -> bool:
    """Whether the trajectory begins with steps of another one, as it does after a summary."""
    steps = objects(document.get("steps"))
    return any(step.get("is_copied_context") is True for step in steps[:2])
