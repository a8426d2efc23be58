"""``autotune captures``: what captured sessions hold, made-up ones, and conversion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import CliPositionalArg, CliSubCommand

from autotune.cli.captures_formats import CapturesFormats
from autotune.cli.captures_inspect import CapturesInspect
from autotune.cli.captures_record import CapturesRecord
from autotune.cli.captures_redact import CapturesRedact
from autotune.cli.io import CommandIO
from autotune.errors import ExitCode, UserError
from autotune.report.captures import damage_lines
from autotune.report.text import plural

if TYPE_CHECKING:
    from autotune.workload.formats import Format, Written
    from autotune.workload.model import Damage
    from autotune.workload.synthesize import SynthesisSpec


class CapturesSynthesize(BaseModel):
    """Make up sessions with the shape of real agent work.

    The sessions of one agent on one made-up project: prompts that grow turn by turn, tool calls
    and their results, sub-agents, times that overlap. The same seed gives the same file. The
    result can be replayed like a capture; it is marked synthetic wherever it is reported.

    Examples:
        autotune captures synthesize demo.jsonl
        autotune captures synthesize deep.jsonl.zst --sessions 6 --turns 40 --depth 120000
        autotune captures synthesize small.jsonl --start-depth 1300 --depth 2400 --reply-tokens 24 \
--turns 8
        autotune captures synthesize edits.jsonl --work edits --depth 20000
    """

    model_config = ConfigDict(extra="forbid")

    out: CliPositionalArg[Path] = Field(
        description="file to write (.jsonl, .jsonl.gz, .jsonl.zst), or a folder"
    )
    sessions: int = Field(4, description="conversations, sub-agents not counted")
    turns: int = Field(20, description="requests in each conversation")
    start_depth: int | None = Field(
        None, description="tokens of the first prompt of each; half of --depth, at most 8000"
    )
    depth: int = Field(40_000, description="tokens of the last prompt of each")
    reply_tokens: int = Field(120, description="median tokens of a reply")
    subagents: int = Field(0, description="sub-agent sessions, in all")
    seed: int = Field(0, description="another seed makes up other sessions")
    work: Literal["tools", "edits"] = Field(
        "tools",
        description="what the agent does: calls tools, or writes out again the lines it is shown",
    )
    force: bool = Field(False, description="replace what is already at OUT")

    def run(self, io: CommandIO) -> int:
        """Makes the sessions up, one at a time, and writes them."""
        from autotune.workload.synthesize import iter_synthesized
        from autotune.workload.writer import write_capture

        sessions = iter_synthesized(self._spec())
        count = write_capture(sessions, self.out, force=self.force)
        return _written(io, self.out, count)

    def _spec(self) -> SynthesisSpec:
        from autotune.workload.synthesize import SynthesisSpec, Work

        given = self.model_dump(exclude={"out", "force", "work"})
        spec = SynthesisSpec(**given, work=Work(self.work))
        spec.check()
        return spec


class CapturesConvert(BaseModel):
    """Write captures of any known format as capture/1, or as another tool's format.

    Every prompt is kept as it was. What a format has no place for, and damage that was met on the
    way, is told on stderr. The hash formats carry lengths, times and salted hashes of blocks of
    tokens, and no text: shapes of sessions that can be shared.

    Examples:
        autotune captures convert svc-1777.jsonl session.jsonl.zst
        autotune captures convert .fizeau/sessions captures/
        autotune captures convert captures/ traces/ --to agentperf
        autotune captures convert captures/ shapes.jsonl --to mooncake-hash
    """

    model_config = ConfigDict(extra="forbid")

    path: CliPositionalArg[Path] = Field(description="capture file, or a folder of captures")
    out: CliPositionalArg[Path] = Field(
        description="file to write (.jsonl, .jsonl.gz, .jsonl.zst), or a folder"
    )
    to: Literal[
        "capture/1",
        "agentperf",
        "aiperf-raw-payload",
        "aiperf-mooncake",
        "otel",
        "mooncake-hash",
        "weka-hash",
    ] = Field("capture/1", description="format to write")
    salt: str | None = Field(
        None,
        description="secret that the hash formats are keyed with: one salt, one id for one text; a "
        "random one that is not kept when none is given",
    )
    force: bool = Field(False, description="replace what is already at OUT")

    def run(self, io: CommandIO) -> int:
        """Reads and writes one session at a time."""
        from autotune.workload.formats.convert import format_named, write_as
        from autotune.workload.load import CaptureStream

        refuse_overlap(self.path.resolve(), self.out.resolve())
        stream = CaptureStream(self.path)
        sessions = (item.session for item in stream)
        form = format_named(self.to)
        written = write_as(form, sessions, self.out, force=self.force, salt=self.salt)
        _tell_damage(io, stream.ledger.entries())
        _tell_losses(io, form, written)
        if not io.json:
            return _written(io, self.out, written.sessions)
        told = {"path": self.out, "sessions": written.sessions, "turns": written.turns}
        io.emit_json({**told, "format": form.name, "left_out": dict(written.left_out)})
        return int(ExitCode.DONE)


def _tell_losses(io: CommandIO, form: Format, written: Written) -> None:
    """What the output does not hold of the captures, on stderr."""
    for reason, turns in written.left_out.items():
        io.err.print(f"left out: {plural(turns, 'turn')}, {reason}", markup=False, soft_wrap=True)
    if form.loses:
        io.err.print(f"not in {form.name}: {form.loses}", markup=False, soft_wrap=True)


def refuse_overlap(source: Path, out: Path) -> None:
    """Reading and writing one place at a time would lose what is there."""
    if out == source:
        raise UserError(f"{out} is the capture itself", "write to another place")
    if source in out.parents or out in source.parents:
        inner, outer = (out, source) if source in out.parents else (source, out)
        raise UserError(f"{inner} is inside {outer}", "write to another place")


def _written(io: CommandIO, out: Path, count: int) -> int:
    """Says what was written, and where."""
    if io.json:
        io.emit_json({"path": out, "sessions": count})
    else:
        io.out.print(f"{plural(count, 'session')} in {out}", markup=False, soft_wrap=True)
    return int(ExitCode.DONE)


def _tell_damage(io: CommandIO, damage: tuple[Damage, ...]) -> None:
    """What was met on the way, on stderr."""
    for line in damage_lines(damage):
        io.err.print(line, markup=False, soft_wrap=True)


class Captures(BaseModel):
    """What captured agent sessions hold, and made-up ones.

    Examples:
        autotune captures inspect captures/
        autotune captures synthesize demo.jsonl
    """

    inspect: CliSubCommand[CapturesInspect]
    formats: CliSubCommand[CapturesFormats]
    synthesize: CliSubCommand[CapturesSynthesize]
    convert: CliSubCommand[CapturesConvert]
    record: CliSubCommand[CapturesRecord]
    redact: CliSubCommand[CapturesRedact]
