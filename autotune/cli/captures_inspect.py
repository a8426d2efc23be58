"""``autotune captures inspect``: what captures hold, as tables, JSON or a page with plots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import CliPositionalArg

from autotune.cli.captures_tokenizer import serving
from autotune.cli.io import CommandIO
from autotune.errors import ExitCode
from autotune.report.captures import print_capture_report
from autotune.report.text import plural

if TYPE_CHECKING:
    from autotune.trial.counted_sessions import CountedSession, SessionCounter
    from autotune.workload.curves import Curves
    from autotune.workload.depth import Depth
    from autotune.workload.inspect import CaptureReport
    from autotune.workload.model import Session
    from autotune.workload.reuse import TurnReuse


class CapturesInspect(BaseModel):
    """What captures hold and how far they can be trusted.

    Reads capture files or folders of them, in any format known here, and tells sessions, turns,
    depth, growth, recorded latency and cache use, what is missing and what is damaged. With --model
    every prompt is counted by that model's own tokenizer and chat template, beside the recorded
    count: how deep a run with it will be. With --html the same is a page with plots, in one file
    that needs no network.

    Examples:
        autotune captures inspect captures/
        autotune captures inspect svc-1777.jsonl more/ --json
        autotune captures inspect captures/ --html captures.html
        autotune captures inspect captures/ --model SmolLM2-135M.gguf
    """

    model_config = ConfigDict(extra="forbid")

    paths: CliPositionalArg[list[Path]] = Field(description="capture files, or folders of them")
    rows: int = Field(
        12, ge=1, description="sessions and files listed at most, in tables; sessions plotted"
    )
    html: Path | None = Field(
        None, description="page to write; one that this command wrote is replaced"
    )
    model: Path | None = Field(
        None, description="GGUF file whose tokenizer counts the prompts, on the CPU"
    )
    engine: str = Field("reference", description="the engine that loads --model")

    def run(self, io: CommandIO) -> int:
        """Reads every capture once and reports."""
        from autotune.report.captures_page import refuse_other_page
        from autotune.workload.curves import Curves
        from autotune.workload.inspect import inspect_captures

        if self.html is not None:
            refuse_other_page(self.html)
        curves = Curves(self.rows)
        with self._counting(io) as counted:
            watchers = (curves, counted) if counted else (curves,)
            report = inspect_captures(self.paths, watchers=watchers)
        if io.json:
            io.emit_json(_as_json(report, counted))
        else:
            self._print(report, counted, io)
        if self.html is not None:
            self._write_page(self.html, report, curves, counted, io)
        return int(ExitCode.DONE)

    def _print(self, report: CaptureReport, counted: _Counted | None, io: CommandIO) -> None:
        from autotune.report.captures_counted import print_counted

        print_capture_report(report, io.out, rows=self.rows)
        if counted:
            print_counted(counted.sessions, counted.notes, io.out, rows=self.rows)

    def _write_page(
        self,
        path: Path,
        report: CaptureReport,
        curves: Curves,
        counted: _Counted | None,
        io: CommandIO,
    ) -> None:
        from autotune.report.captures_page import write_page

        write_page(path, report, curves, counted.sessions if counted else ())
        io.err.print(f"plots in {path}", markup=False, soft_wrap=True)

    @contextmanager
    def _counting(self, io: CommandIO) -> Iterator[_Counted | None]:
        """What counts sessions while they are read; ``None`` without a model."""
        from autotune.trial.counted_sessions import SessionCounter

        if self.model is None:
            yield None
            return
        with serving(self.engine, self.model) as (launcher, server):
            counter = SessionCounter(lambda m, t: launcher.count_tokens(server, m, t))
            with _status(io) as say:
                yield _Counted(counter, say)


class _Counted:
    """Counts every session that passes, and says which."""

    def __init__(self, counter: SessionCounter, say: Callable[[str], None]) -> None:
        self._counter, self._say = counter, say
        self.sessions: list[CountedSession] = []

    def __call__(self, session: Session, _: Sequence[Depth], __: Sequence[TurnReuse]) -> None:
        self._say(
            f"counting session {len(self.sessions) + 1}, {plural(len(session.turns), 'turn')}"
        )
        self.sessions.append(self._counter.counted(session))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the chat template did not take."""
        return self._counter.notes


@contextmanager
def _status(io: CommandIO) -> Iterator[Callable[[str], None]]:
    """A line on stderr that tells what is being done, where a person watches."""
    if io.display in ("plain", "none") or not io.err.is_terminal:
        yield lambda text: None
        return
    with io.err.status("starting the engine that counts") as status:
        yield status.update


def _as_json(report: CaptureReport, counted: _Counted | None) -> Any:
    from autotune.report.captures_counted import counted_json

    if counted is None:
        return report
    return {**asdict(report), "counted": counted_json(counted.sessions), "notes": counted.notes}
