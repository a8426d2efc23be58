"""``autotune compare``: arms on the same turns, until their difference is told."""

from __future__ import annotations

import os
import shlex
import sys
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from autotune.cli.io import CommandIO
from autotune.cli.signals import stop_on_signals
from autotune.config.settings import (
    DisplaySettings,
    EngineSettings,
    History,
    StudiesSettings,
    WorkloadSettings,
)
from autotune.config.values import Duration, EngineNames, Share
from autotune.errors import ExitCode, UserError

if TYPE_CHECKING:
    from autotune.cli.compare_arms import ArmsAsked
    from autotune.compare.request import CompareRequest
    from autotune.compare.session import Compared
    from autotune.report.compare_cache import CacheReport
    from autotune.search.request import RunRequest

Metric = Literal["turn", "ttft", "decode", "wait"]
_USUAL: list[Metric] = ["ttft", "decode", "wait"]


class Compare(DisplaySettings, StudiesSettings, WorkloadSettings, EngineSettings):
    """Compare configs on the same turns: faster, slower, or cannot be told apart.

    Every arm replays the same sessions, in blocks whose order turns around, until the interval of
    every metric is narrow enough (--until) or the budget ends. The first arm is the baseline.

    An arm is default (the engine's defaults), STUDY (its winner; also STUDY:best), STUDY#7 (its
    trial 7), an exported config's .json file or the URL of an endpoint. Words behind it, with
    commas between, change it: cache=on, cache=off, history=recorded, history=closed-loop. Alone
    they change default. Arms that switch the cache get identical prompts, with recorded replies.

    Kept in studies/NAME: turns.jsonl, compare.json, logs. Ctrl-C loses nothing: the same command
    goes on. It ends with 0 whenever arms were compared, whichever is faster.

    Examples:
        autotune compare cache=on cache=off --workload captures/ --model model.gguf
        autotune compare default my-study --workload captures/ --budget 20m
        autotune compare my-study#7 my-study:best --workload captures/ --until 3%
        autotune compare exports/config.json http://127.0.0.1:8080 --workload captures/
        autotune compare my-study,cache=on my-study,cache=off --workload captures/ --blocks 4
        autotune compare default history=recorded --workload captures/ --model model.gguf
    """

    arms: CliPositionalArg[list[str]] = Field(
        description="what is compared; the first is the baseline",
        json_schema_extra={"metavar": "ARM"},
    )
    engine: EngineNames = Field(
        "auto",
        description="engine of default; auto is that of a tuned arm, else llama-server, else "
        "reference",
        json_schema_extra={"metavar": "NAME"},
    )
    history: History | None = Field(  # type: ignore[assignment]  # unsaid is an answer here
        None,
        description="what later prompts carry (default: closed-loop; recorded where a cache is "
        "switched or servers differ)",
    )
    sample: Literal["auto", "all"] = Field(
        "auto", description="auto draws as many sessions as the budget has time for"
    )
    depth: str | None = Field(
        None, description="depths that the verdict is about, e.g. 30k-60k (default: all turns)"
    )
    until: Annotated[Share, Field(gt=0, lt=1)] = Field(
        0.05,
        description="stop when intervals are as narrow as this half-width, as 5% or 0.05",
        json_schema_extra={"metavar": "SHARE"},
    )
    metric: list[Metric] = Field(
        default_factory=lambda: list(_USUAL),
        description="what must be narrow: turn, ttft, decode, wait (may be repeated; default: "
        "ttft, decode and wait)",
    )
    blocks: int | None = Field(None, ge=1, description="repetitions of each arm, at most")
    budget: Annotated[Duration, Field(gt=0)] | None = Field(
        None,
        description="wall time for all of it: 90s, 10m, 2h (30m without --blocks)",
        json_schema_extra={"metavar": "TIME"},
    )
    study: str | None = Field(
        None, description="name of the folder (default: one for each comparison)"
    )
    seed: int = Field(0, ge=0, description="seed of everything random")
    allow_busy: bool = Field(False, description="measure on a GPU that others use")
    api: Literal["openai", "anthropic", "responses"] | None = Field(
        None, description="API of an endpoint (default: openai; anthropic for Anthropic)"
    )
    endpoint_model: str | None = Field(
        None, description="what to ask an endpoint for, if it serves several"
    )
    key_env: str | None = Field(
        None,
        description="variable that holds an endpoint's key (default: by host)",
        json_schema_extra={"metavar": "NAME"},
    )
    max_cost: float | None = Field(
        None, gt=0, description="USD that an endpoint may cost, all blocks together"
    )

    def run(self, io: CommandIO) -> int:
        """Measures and says what was found."""
        from autotune.compare.session import folder_of
        from autotune.report.compare_progress import CompareDisplay

        request = self.request()
        stop = Event()
        display = CompareDisplay("none" if io.json and io.display == "auto" else io.display, io.err)
        try:
            with display, stop_on_signals(stop, display):
                from autotune.compare.session import run_compare

                compared = run_compare(request, display, stop)
        except KeyboardInterrupt:
            sys.stderr.write(f"interrupted; {_again(io)}")
            return int(ExitCode.INTERRUPTED)
        self._show(request, compared, io)
        if compared.stopped:
            sys.stderr.write(f"stopped; what is measured is in {folder_of(request).path}; ")
            sys.stderr.write(_again(io))
            return int(ExitCode.STOPPED_EARLY)
        return int(ExitCode.DONE if compared.measured else ExitCode.NO_FEASIBLE_TRIAL)

    def _show(self, request: CompareRequest, compared: Compared, io: CommandIO) -> None:
        from autotune.report.compare import print_compare

        experiment = _cache_report(request, compared)
        files = () if experiment is None else experiment.files
        if io.json:
            folder = str(compared.folder.path)
            io.emit_json({"folder": folder, "files": files, **compared.document})
            return
        table = None if experiment is None else experiment.table
        print_compare(compared.document, compared.folder.path, io.out, table)
        for path in files:
            io.out.print(f"wrote {path}", markup=False, soft_wrap=True)

    def request(self) -> CompareRequest:
        """What is asked. Raises `UserError` for arms and words that cannot be."""
        from autotune.cli.compare_arms import resolve_arms
        from autotune.compare.grammar import parse_arms
        from autotune.compare.request import CompareRequest
        from autotune.replay.plan import History as Kept
        from autotune.search.request import DEFAULT_BUDGET_S

        budget_s = self.budget
        if budget_s is None and self.blocks is None:
            budget_s = DEFAULT_BUDGET_S
        return CompareRequest(
            arms=resolve_arms(parse_arms(self.arms), self._asked()),
            run=self._run_request(budget_s),
            history=None if self.history is None else Kept(self.history),
            until=self.until,
            metrics=tuple(dict.fromkeys(self.metric)),
            blocks=self.blocks,
            budget_s=budget_s,
        )

    def _asked(self) -> ArmsAsked:
        from autotune.cli.compare_arms import ArmsAsked
        from autotune.cli.engine_words import engine_words
        from autotune.replay.dialect import Api

        words = engine_words(self, {})
        if len(words.engines) > 1:
            raise UserError(
                f"--engine {self.engine} names several engines, and default runs on one",
                "name one, and compare studies of the others: STUDY",
            )
        return ArmsAsked(
            engine=words.engines[0],
            words=words,
            studies_dir=self.studies_dir,
            env=os.environ,
            api=None if self.api is None else Api(self.api),
            endpoint_model=self.endpoint_model,
            key_env=self.key_env,
            max_cost_usd=self.max_cost,
        )

    def _run_request(self, budget_s: float | None) -> RunRequest:
        from autotune.search.request import RunRequest

        if self.workload is None:
            raise UserError(
                "no workload: nothing says which sessions to replay",
                "give --workload PATH; autotune captures synthesize makes one to try",
            )
        return RunRequest(
            workload=self.workload,
            gpu=self.gpu,
            budget_s=budget_s,
            depth=self.depth,
            order=self.order,
            concurrency=self.concurrency,
            study=self.study,
            studies_dir=self.studies_dir,
            allow_busy=self.allow_busy,
            seed=self.seed,
            max_depth=self.max_depth,
            max_sessions=self.max_sessions,
            sample=self.sample,
            max_output_tokens=self.max_output_tokens,
        )


def _cache_report(request: CompareRequest, compared: Compared) -> CacheReport | None:
    """What an experiment with the cache shows besides: its turns as CSV, JSON and a plot."""
    if not (request.is_cache_experiment and compared.measured):
        return None
    from autotune.report.compare_cache import report_cache

    return report_cache(compared.folder.path, request, compared.records)


def _again(io: CommandIO) -> str:
    return f"to go on: {shlex.join(io.argv)}\n"
