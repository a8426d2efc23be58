"""``autotune engine check``: the conformance suite on an engine, in words."""

from __future__ import annotations

import builtins
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.io import CommandIO
from autotune.config.settings import Section
from autotune.config.values import Pins
from autotune.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autotune.launchers.contract import Bench, Outcome
    from autotune.launchers.protocol import Launcher

ENGINE = "a name that autotune engine list shows, or the path of a manifest (.toml)"
ENGINE_PATH = "the engine's program, if not on PATH"
_INDENT = " " * 7


class EngineCheck(Section):
    """Start an engine a few times and check what measurements rely on.

    A line a check: [ok], [warn], [fail], or [skip] where the engine does not let it be decided;
    under what was found, why a measurement needs it and what to do. Needs a model that loads fast;
    a small one of the same family will do. Ends with code 3 when anything fails; warnings do not.

    Examples:
        autotune engine check reference --model small.gguf --set ctx-size=2048
        autotune engine check my-engine.toml --model /models/small --json
    """

    engine: CliPositionalArg[str] = Field(description=ENGINE)
    model: Path = Field(description="the model to load")
    engine_path: Path | None = Field(None, description=ENGINE_PATH)
    set_: Pins = Field(
        default_factory=dict,
        alias="set",
        description="launch with this flag: --set ctx-size=2048 (may be repeated)",
    )
    start_timeout: float = Field(600.0, gt=0, description="seconds that a start may take")
    logs: Path | None = Field(None, description="keep the engine's logs in this folder")

    def run(self, io: CommandIO) -> int:
        """A line a check."""
        from autotune.launchers.contract import Verdict, run_checks
        from autotune.launchers.registry import make_launcher

        if not self.model.exists():
            raise UserError(f"there is no model at {self.model}", "give --model an existing file")
        launcher = make_launcher(self.engine, engine_path=self.engine_path)
        launcher.detect()
        with _folder(self.logs) as folder:
            outcomes = _shown(io, run_checks(self._bench(launcher, folder)))
        failed = any(outcome.verdict is Verdict.FAIL for outcome in outcomes)
        if io.json:
            io.emit_json({"engine": launcher.name, "ok": not failed, "checks": outcomes})
        else:
            _print_counts(io, outcomes, self.logs)
        return int(ExitCode.MACHINE if failed else ExitCode.DONE)

    def _bench(self, launcher: Launcher, folder: Path) -> Bench:
        from autotune.candidate import Candidate
        from autotune.launchers.contract import Bench

        candidate = Candidate(self.set_)
        return Bench(launcher, self.model.resolve(), folder, candidate, self.start_timeout)


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    """Where launches have their folders: the one to keep, made if need be, or a temporary one."""
    import tempfile

    if kept is None:
        with tempfile.TemporaryDirectory(prefix="autotune-check-") as folder:
            yield Path(folder)
        return
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot make the folder {kept}: {error.strerror}", "give --logs another folder"
        ) from error
    yield kept.resolve()


def _shown(io: CommandIO, outcomes: Iterator[Outcome]) -> builtins.list[Outcome]:
    """All of `outcomes`; each is on stdout as soon as it is known, unless JSON is asked."""
    from autotune.launchers.contract import CHECKS, name_of

    names = [name_of(check) for check in CHECKS]
    done: list[Outcome] = []
    with io.err.status(f"checking {names[0]}") as status:
        for outcome in outcomes:
            done.append(outcome)
            if not io.json:
                for line in lines_of(outcome):
                    io.out.print(line, markup=False, soft_wrap=True)
            if len(done) < len(names):
                status.update(f"checking {names[len(done)]} ({len(done) + 1} of {len(names)})")
    return done


def lines_of(outcome: Outcome) -> builtins.list[str]:
    """One line for a check that passed; what was found, why it matters and what to do else."""
    mark = f"[{outcome.verdict}]".ljust(len(_INDENT))
    text = outcome.problem or outcome.note or outcome.about
    lines = [f"{mark}{outcome.name}: {text}"]
    if outcome.problem is not None:
        lines += [f"{_INDENT}why: {outcome.matters}"] if outcome.matters else []
        lines += [f"{_INDENT}do:  {outcome.remedy}"] if outcome.remedy else []
    return lines


def _print_counts(io: CommandIO, outcomes: builtins.list[Outcome], logs: Path | None) -> None:
    counts = Counter(outcome.verdict.value for outcome in outcomes)
    words = ", ".join(f"{counts[name]} {name}" for name in ("ok", "warn", "fail", "skip"))
    io.err.print(f"{len(outcomes)} checks: {words}", markup=False, soft_wrap=True)
    if counts["fail"] and logs is None:
        io.err.print("to see the engine's logs, run again with --logs FOLDER", markup=False)
