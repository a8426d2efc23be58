"""``autotune replay``: serving paths measured on the same turns, in one table."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from autotune.cli.io import CommandIO
from autotune.cli.replay_paths import Asked, make_paths
from autotune.cli.signals import stop_on_signals
from autotune.config.settings import (
    DisplaySettings,
    History,
    StudiesSettings,
    WorkloadSettings,
)
from autotune.config.values import Pins
from autotune.errors import ExitCode, UserError

if TYPE_CHECKING:
    from autotune.hardware.gpu import Gpu
    from autotune.paths.folder import PathsFolder
    from autotune.paths.measure import PathsRequest
    from autotune.paths.prices import Prices
    from autotune.paths.spec import ServingPath
    from autotune.paths.table import Table
    from autotune.paths.turns import TurnsRequest
    from autotune.workload.model import Workload


class Replay(DisplaySettings, StudiesSettings, WorkloadSettings):
    """Measure serving paths on the same turns: endpoints, tuned configs, engines.

    Sends the captured turns to a server that is already there (a local one, OpenRouter, OpenAI,
    Anthropic), to an engine launched as a study tuned it, or to one launched with its defaults, and
    shows time to first token and decode rate by depth: a row a path. Every call adds its paths to
    the same table as long as workload and limits are the same; without a path the table is shown.
    Ctrl-C loses nothing: the same command goes on. Keys come from the environment alone.

    Examples:
        autotune replay --workload captures/ --endpoint http://127.0.0.1:8080
        autotune replay --workload captures/ --study my-study --engine reference --model model.gguf
        autotune replay --workload captures/ --config tuned=exports/config.json
        autotune replay --workload captures/ --endpoint https://openrouter.ai/api/v1 --model a/b \
--provider deepinfra --redact --max-cost 2
        autotune replay --workload captures/
    """

    endpoint: list[str] = Field(
        default_factory=list,
        description="base URL of a server, or NAME=URL (may be repeated)",
        json_schema_extra={"metavar": "URL"},
    )
    config: list[str] = Field(
        default_factory=list,
        description="config exported with --format json, launched as tuned (may be repeated)",
        json_schema_extra={"metavar": "FILE"},
    )
    study: list[str] = Field(
        default_factory=list,
        description="launch what this study recommends: its winner, or the defaults where nothing "
        "beat them (may be repeated)",
    )
    engine: list[str] = Field(
        default_factory=list,
        description="launch this engine with its defaults and --set; needs --model (may be "
        "repeated)",
    )
    model: str | None = Field(
        None, description="what to ask the endpoint for; for --engine and --config the model file"
    )
    engine_path: Path | None = Field(None, description="the engine's program, if not on PATH")
    set_: Pins = Field(
        default_factory=dict,
        alias="set",
        description="a flag of --engine: --set ctx-size=8192 (may be repeated)",
    )
    gpu: str = Field("auto", description="which GPU launched engines see: auto, cpu, name, UUID")
    api: Literal["openai", "anthropic", "responses"] | None = Field(
        None, description="API of the endpoint (default: openai; anthropic for Anthropic)"
    )
    key_env: str | None = Field(
        None,
        description="variable that holds the endpoint's key (default: OPENAI_API_KEY, "
        "ANTHROPIC_API_KEY or OPENROUTER_API_KEY, by host)",
        json_schema_extra={"metavar": "NAME"},
    )
    header: list[str] = Field(
        default_factory=list,
        description="extra header k=v; env:NAME as v takes it from there (may be repeated)",
        json_schema_extra={"metavar": "K=V"},
    )
    provider: str | None = Field(
        None, description="the only provider that OpenRouter may use, by its slug"
    )
    price_in: float | None = Field(None, ge=0, description="USD per million prompt tokens")
    price_out: float | None = Field(None, ge=0, description="USD per million tokens of replies")
    price_cached: float | None = Field(
        None, ge=0, description="USD per million cached prompt tokens (default: --price-in)"
    )
    price_written: float | None = Field(
        None, ge=0, description="USD per million tokens written to a cache (default: --price-in)"
    )
    max_cost: float | None = Field(
        None, gt=0, description="USD that an endpoint may cost; stops before a turn could pass it"
    )
    redact: bool = Field(
        False, description="take secrets and names out of the captures before anything is sent"
    )
    history: History = Field(
        "recorded", description="what later prompts carry: recorded replies, or the engine's own"
    )
    max_turns: int | None = Field(
        None, ge=1, description="replay at most this many turns of each session, from its start"
    )
    rendering: Literal["native", "plain", "alternating"] | None = Field(
        None, description="how messages are shaped (default: what the chat template takes)"
    )
    table: str | None = Field(
        None,
        description="name or folder of the table (default: one for each workload and limits)",
    )
    again: bool = Field(False, description="measure anew what the table already holds")
    csv: Path | None = Field(None, description="also write the table by depth to this file")

    def run(self, io: CommandIO) -> int:
        """Measures what is missing and shows the table."""
        paths = self._paths()
        if not paths and self.table is not None and self.workload is None:
            return self._show(self._folder_named(self.table), io)
        turns = self._turns_request()
        source = _load(turns)
        folder = self._folder(turns, source)
        if not paths:
            return self._show(folder, io)
        return self._measure(paths, folder, turns, source, io)

    def _measure(
        self,
        paths: list[ServingPath],
        folder: PathsFolder,
        turns: TurnsRequest,
        source: Workload,
        io: CommandIO,
    ) -> int:
        from autotune.paths.measure import measure_paths
        from autotune.report.paths_progress import PathsDisplay

        stop = Event()
        display = PathsDisplay("none" if io.json and io.display == "auto" else io.display, io.err)
        again = f"to go on: {_command(io)}\n"
        try:
            with tempfile.TemporaryDirectory(prefix="autotune-") as scratch:
                request = self._request(paths, folder, turns, source, Path(scratch))
                with display, stop_on_signals(stop, display):
                    outcome = measure_paths(request, display, stop)
        except KeyboardInterrupt:
            sys.stderr.write(f"interrupted; {again}")
            return int(ExitCode.INTERRUPTED)
        code = self._show(folder, io)
        if outcome.stopped is not None:
            sys.stderr.write(f"stopped: {outcome.stopped}; {again}")
            return int(ExitCode.STOPPED_EARLY)
        return code

    def _request(
        self,
        paths: list[ServingPath],
        folder: PathsFolder,
        turns: TurnsRequest,
        source: Workload,
        scratch: Path,
    ) -> PathsRequest:
        from autotune.launchers.leftovers import sweep_leftovers
        from autotune.paths.measure import PathsRequest
        from autotune.paths.spec import LaunchedPath
        from autotune.paths.turns import lay_out

        if any(isinstance(path, LaunchedPath) for path in paths):
            sweep_leftovers()
        sent = _redacted(turns, folder) if self.redact else source
        return PathsRequest(
            paths=paths,
            turns=lay_out(turns, sent),
            folder=folder,
            workload=str(self.workload),
            redacted=self.redact,
            work_dir=scratch,
            gpu=self._gpu(paths),
            again=self.again,
        )

    def _gpu(self, paths: list[ServingPath]) -> Gpu | None:
        from autotune.hardware.probe import gpu_probe
        from autotune.hardware.select import select_gpu
        from autotune.paths.spec import LaunchedPath

        if not any(isinstance(path, LaunchedPath) for path in paths):
            return None
        with gpu_probe() as probe:
            return select_gpu(self.gpu, probe.gpus())

    def _show(self, folder: PathsFolder, io: CommandIO) -> int:
        """The table on stdout; code 4 when a path has not answered a single turn."""
        from autotune.paths.table import read_table
        from autotune.report.paths import print_table, to_csv
        from autotune.study.files import write_text_atomic
        from autotune.workload.depth import parse_depth_range

        table = read_table(folder, parse_depth_range(self.depth) if self.depth else None)
        if self.csv is not None:
            write_text_atomic(self.csv, to_csv(table))
        if io.json:
            io.emit_json(table.to_json())
        else:
            print_table(table, io.out)
        return _exit_code(table)

    def _paths(self) -> list[ServingPath]:
        from autotune.replay.dialect import Api
        from autotune.replay.endpoint import Rendering

        return make_paths(
            Asked(
                endpoints=self.endpoint,
                configs=self.config,
                studies=self.study,
                engines=self.engine,
                env=os.environ,
                studies_dir=self.studies_dir,
                api=None if self.api is None else Api(self.api),
                model=self.model,
                engine_path=self.engine_path,
                settings=self.set_,
                key_env=self.key_env,
                headers=self.header,
                provider=self.provider,
                prices=self._prices(),
                max_cost_usd=self.max_cost,
                rendering=None if self.rendering is None else Rendering(self.rendering),
            )
        )

    def _prices(self) -> Prices | None:
        from autotune.paths.prices import Prices

        if self.price_in is None and self.price_out is None:
            return None
        if self.price_in is None or self.price_out is None:
            raise UserError(
                "a cost needs both prices", "give --price-in and --price-out, USD per million"
            )
        return Prices.told(self.price_in, self.price_out, self.price_cached, self.price_written)

    def _turns_request(self) -> TurnsRequest:
        from autotune.paths.turns import TurnsRequest
        from autotune.replay.plan import History as Kept
        from autotune.replay.plan import Order

        if self.workload is None:
            raise UserError(
                "no workload: nothing says which sessions to replay",
                "give --workload PATH; autotune captures synthesize makes one to try",
            )
        return TurnsRequest(
            workload=self.workload,
            history=Kept(self.history),
            order=Order(self.order),
            concurrency=self.concurrency,
            max_depth=self.max_depth,
            max_sessions=self.max_sessions,
            max_turns=self.max_turns,
            max_output_tokens=self.max_output_tokens,
        )

    def _folder(self, turns: TurnsRequest, source: Workload) -> PathsFolder:
        if self.table is not None:
            return self._folder_named(self.table)
        mark = turns.fingerprint(source.digest, self.redact)
        stem = turns.workload.resolve().name.partition(".")[0] or "workload"
        return self._folder_named(f"{stem}-{mark}")

    def _folder_named(self, name: str) -> PathsFolder:
        from autotune.paths.folder import PathsFolder

        own = Path(name)
        if own.is_dir() or len(own.parts) > 1:
            return PathsFolder(own)
        return PathsFolder(self.studies_dir / "paths" / name)


def _load(turns: TurnsRequest) -> Workload:
    from autotune.paths.turns import load

    return load(turns)


def _redacted(turns: TurnsRequest, folder: PathsFolder) -> Workload:
    """The captures without secrets and names: made once for a table, and sent from there."""
    import secrets

    from autotune.paths.turns import load
    from autotune.workload.redaction.options import RedactionOptions
    from autotune.workload.redaction.run import redact_captures

    if not folder.redacted.exists():
        options = RedactionOptions(salt=secrets.token_bytes(32))
        redact_captures([turns.workload], folder.redacted, options)
    return load(turns, folder.redacted)


def _command(io: CommandIO) -> str:
    import shlex

    return shlex.join(io.argv)


def _exit_code(table: Table) -> int:
    silent = any(row.answered == 0 for row in table.rows)
    return int(ExitCode.NO_FEASIBLE_TRIAL if silent else ExitCode.DONE)
