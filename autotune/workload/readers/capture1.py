"""``capture/1``: prompts put together again from what changed between turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.workload.capture_schema import SCHEMA, CaptureLine, tools_ref
from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.lines import CaptureFile, read_objects
from autotune.workload.model import Message, Session, Turn
from autotune.workload.prefix import PromptHasher, common_prefix

Tools = tuple[Mapping[str, Any], ...]


class Capture1Reader:
    """Reads ``capture/1``; sessions may be interleaved in the file."""

    name = SCHEMA
    description = "autotune's own captures: one request a line, schema capture/1"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line names its schema."""
        return line.get("schema") == SCHEMA

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """Every session of `file`; one that is interleaved with others is held until it ends.

        The file is read twice: first to learn where each session ends, so that only open
        sessions are in memory.
        """
        last = {line.get("session_id"): number for number, line in _scan(file)}
        open_sessions: dict[str, _Assembly] = {}
        tools: dict[str, Tools] = {}
        for parsed in read_objects(file, ledger):
            line = _checked(file, parsed.number, parsed.value, ledger)
            if line is not None:
                _learn_tools(line, tools)
                assembly = open_sessions.setdefault(line.session_id, _Assembly(file, ledger, tools))
                assembly.add(line, parsed.number)
            ended = parsed.value.get("session_id")
            if isinstance(ended, str) and last.get(ended) == parsed.number:
                yield from _finished(open_sessions.pop(ended, None))
        for assembly in open_sessions.values():
            yield from _finished(assembly)


def _scan(file: CaptureFile) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Line numbers and values, for the first pass; its damage is counted in the second."""
    for parsed in read_objects(file, DamageLedger()):
        if isinstance(parsed.value.get("session_id"), str):
            yield parsed.number, parsed.value


def _checked(
    file: CaptureFile, number: int, value: dict[str, Any], ledger: DamageLedger
) -> CaptureLine | None:
    """The line as its model; a line of any other shape is damage."""
    with ledger.checked(file.name, number):
        return CaptureLine.model_validate(value)
    return None


def _learn_tools(line: CaptureLine, known: dict[str, Tools]) -> None:
    """Remember tools by their own hash, whatever the line calls them."""
    if line.tools:
        known.setdefault(tools_ref(line.tools), tuple(line.tools))


def _finished(assembly: _Assembly | None) -> Iterator[Session]:
    if assembly is not None and assembly.turns:
        turns = tuple(assembly.turns)
        yield Session(turns[0].session_id, turns, assembly.parent)


@dataclass(slots=True)
class _Assembly:
    """One session being put together, line by line."""

    file: CaptureFile
    ledger: DamageLedger
    known_tools: dict[str, Tools]
    turns: list[Turn] = field(default_factory=list)
    parent: str | None = None
    hasher: PromptHasher = field(default_factory=PromptHasher)
    lost: bool = False

    def add(self, line: CaptureLine, number: int) -> None:
        """Append the turn of `line`, or count why it cannot be rebuilt."""
        if self.turns and line.turn <= self.turns[-1].index:
            self.ledger.add(self.file.name, DamageKind.TURN_OUT_OF_ORDER, number)
            return
        gap = self._note_gap(line, number)
        tools = self._tools(line, number)
        if tools is None:
            self.lost = True
            return
        messages = self._messages(line)
        reason = self._refusal(line, tools, messages, gap=gap)
        if reason is None and messages is not None:
            self._accept(line, tools, messages, gap=gap)
        else:
            self.lost = True
            self.ledger.add(self.file.name, reason or DamageKind.ORPHAN_DELTA, number)

    def _note_gap(self, line: CaptureLine, number: int) -> bool:
        """Whether the line before this one of the session is not there."""
        expected = self.turns[-1].index + 1 if self.turns else line.turn
        if line.turn != expected and not self.lost:
            detail = f"turn {expected} expected, {line.turn} found"
            self.ledger.add(self.file.name, DamageKind.MISSING_TURN, number, detail)
        return self.lost or line.turn != expected

    def _tools(self, line: CaptureLine, number: int) -> Tools | None:
        """The tools in force; ``None`` when the line names tools that nobody wrote."""
        if line.tools is not None:
            return self.known_tools[tools_ref(line.tools)] if line.tools else ()
        if line.tools_ref is None:
            return self.turns[-1].tools if self.turns else ()
        found = self.known_tools.get(line.tools_ref)
        if found is None:
            self.ledger.add(self.file.name, DamageKind.UNKNOWN_TOOLS, number)
        return found

    def _messages(self, line: CaptureLine) -> tuple[Message, ...] | None:
        before = self.turns[-1].messages if self.turns else ()
        if line.keep > len(before):
            return None
        return (*before[: line.keep], *line.append)

    def _refusal(
        self, line: CaptureLine, tools: Tools, messages: tuple[Message, ...] | None, *, gap: bool
    ) -> DamageKind | None:
        """Why the rebuilt prompt is not to be trusted, if so.

        The hash of the prompt decides where there is one. Without it, a line after a lost one
        must carry its whole prompt.
        """
        if messages is None:
            return DamageKind.ORPHAN_DELTA
        if line.prompt_sha256 is not None:
            same = self.hasher.digest(tools, messages) == line.prompt_sha256
            return None if same else _mismatch(gap=gap)
        whole = line.keep == 0 and (line.tools is not None or line.tools_ref is not None)
        return DamageKind.ORPHAN_DELTA if gap and not whole else None

    def _accept(
        self, line: CaptureLine, tools: Tools, messages: tuple[Message, ...], *, gap: bool
    ) -> None:
        before = self.turns[-1] if self.turns else None
        turn = _turn(line, tools, messages, before)
        if gap and line.params is None:
            missing = (*turn.fidelity.missing, "params")
            turn = replace(turn, fidelity=replace(turn.fidelity, missing=missing))
        self.turns.append(turn)
        self.parent = self.parent or line.parent
        self.lost = False


def _mismatch(*, gap: bool) -> DamageKind:
    return DamageKind.ORPHAN_DELTA if gap else DamageKind.PROMPT_MISMATCH


def _turn(
    line: CaptureLine, tools: Tools, messages: tuple[Message, ...], before: Turn | None
) -> Turn:
    """The turn of `line`. Messages that the turn before had are its objects, however written."""
    earlier = before.messages if before else ()
    keep = common_prefix(earlier, messages)
    params = line.params if line.params is not None else (before.params if before else {})
    return Turn(
        session_id=line.session_id,
        index=line.turn,
        messages=(*earlier[:keep], *messages[keep:]),
        keep=keep,
        tools=tools,
        params=params,
        output_tokens=line.output_length,
        timestamp_ms=line.timestamp,
        delay_ms=line.delay,
        response=line.response,
        recorded=line.recorded.build(),
        boundary=line.boundary_kind,
        fidelity=line.fidelity.build(),
        origin=line.origin,
        extra=line.unknown,
    )
