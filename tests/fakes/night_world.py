"""A target whose nights measure nothing: what is found out, and what it says, is set by hand.

Everything that a night writes, swaps, locks and runs is real: its journal, generations, hooks,
pages. Only what asks an engine is in the place of `Answers`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nightly_site import config, counting
from prints import A_PRINT

from autotune.errors import AutotuneError, ExitCode
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions
from autotune.hardware.gpu import Gpu, GpuState
from autotune.launchers.protocol import EngineBuild
from autotune.nightly import night_tune, night_work
from autotune.nightly.canary import CanaryResult
from autotune.nightly.fingerprint import Caches, Fingerprint, Seen
from autotune.nightly.grown_workload import Grown
from autotune.nightly.idle import IdleRule, Looked
from autotune.nightly.incumbent_fit import Fitted
from autotune.nightly.model_builds import Builds
from autotune.nightly.model_quality import ModelQuality
from autotune.nightly.night_record import TuningNote
from autotune.nightly.night_stage import Proof
from autotune.nightly.night_tools import NightTools
from autotune.nightly.retune_verdict import Act, Standing, Verdict
from autotune.nightly.session_index import SessionFact
from autotune.nightly.targets import Export, HealthRule, Target
from autotune.search.events import Summary
from autotune.search.request import RunRequest

BEGUN = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
SESSION = SessionFact(
    session_id="a", root="a", content="x", start_ms=1.0, at_s=1.0, turns=2, deepest=900
)
STEADY = CanaryResult(turns=8, ratio=1.01, floor=1.08, drifted=False, said="steady: 1.01x")
DRIFTED = replace(STEADY, ratio=1.4, drifted=True, said="drift: 1.40x")

SetAttr = Callable[[Any, str, Any], None]


class NoCard:
    """A machine without a GPU."""

    problem: str | None = None

    def gpus(self) -> list[Gpu]:
        return []

    def state(self, uuid: str) -> GpuState:
        raise AssertionError(uuid)


@dataclass
class Clocked:
    """A wall clock that goes on by a second a look, and sleeps at once."""

    now_: datetime = BEGUN
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        self.now_ += timedelta(seconds=1)
        return self.now_


@dataclass
class Answers:
    """What the parts that would start an engine say; `log` is in which order they were asked."""

    batch: int = 1024
    act: Act = Act.PUT
    why: str = "trial 7 beats the default"
    print_: Fingerprint = A_PRINT
    canary: CanaryResult | None = STEADY
    exit_code: ExitCode = ExitCode.DONE
    fitted: Fitted = field(default_factory=lambda: Fitted(settings={}, told={}))
    proofs: tuple[Proof, ...] = ()
    builds: Builds | None = None
    quality: ModelQuality = field(default_factory=ModelQuality)
    looked: Looked = field(default_factory=Looked)
    model: Path = Path("/models/m.gguf")
    during_study: Callable[[], None] = lambda: None
    figures_fail: AutotuneError | None = None
    log: list[str] = field(default_factory=list)
    requests: list[RunRequest] = field(default_factory=list)

    def config(self) -> ExportConfig:
        """What the study found."""
        facts = config(self.batch, model=str(self.model))
        argv = ("llama-server", "--model", str(self.model), "--batch-size", str(self.batch))
        return replace(facts, argv=argv)


def target_in(folder: Path, **fields: Any) -> Target:
    """A target with one linked export and hooks that count; any field may be given."""
    usual: dict[str, Any] = {
        "name": "coder",
        "request": RunRequest(
            workload=folder / "captures",
            model=folder / "m.gguf",
            gpu="cpu",
            engine="llama-server",
            budget_s=600.0,
            studies_dir=folder / "studies",
        ),
        "exports": (
            Export(format="json", path=folder / "served" / "a.json"),
            Export(format="shell", path=folder / "served" / "b.sh", link=False),
            Export(
                format="json", path=folder / "served" / "c.json", options=ExportOptions(full=True)
            ),
        ),
        "hooks": counting(folder / "lines"),
        "idle": IdleRule(when_busy="skip", person_s=None),
    }
    return Target(**{**usual, **fields})


def tools_in(
    folder: Path, answers: Answers, clock: Clocked | None = None, **more: Any
) -> NightTools:
    """Tools of a machine that is idle, with a study that says what it is told to."""
    watch = clock or Clocked()

    def tune(request: RunRequest, listener: Any, stop: threading.Event) -> Summary:
        answers.log.append("study")
        answers.requests.append(request)
        answers.during_study()
        code = ExitCode.STOPPED_EARLY if stop.is_set() else answers.exit_code
        return summary_of(request, code)

    usual: dict[str, Any] = {
        "environ": {"PATH": os.environ["PATH"], "VICTIM": str(os.getpid())},
        "probe": NoCard(),
        "caches": Caches(folder / "caches"),
        "locks": folder / "locks",
        "boot": "boot-1",
        "now": watch.now,
        "look": lambda _eyes: answers.looked,
        "tune": tune,
        "say": lambda text: answers.log.append(f"said {text}"),
    }
    return NightTools(**{**usual, **more})


def summary_of(request: RunRequest, code: ExitCode, **fields: Any) -> Summary:
    """A study's end."""
    return Summary(
        study=request.study or "",
        study_dir=str(request.studies_dir / (request.study or "")),
        exit_code=int(code),
        **{"verdict": "it ended", "winner": 7, "speedup": 1.5, "interval": (1.2, 1.8), **fields},
    )


def seen_of(answers: Answers) -> Seen:
    """Tonight."""
    build = EngineBuild("llama-server", "/bin/llama-server", "b1", "b" * 64)
    return Seen(
        fingerprint=answers.print_,
        launcher=None,  # type: ignore[arg-type]
        build=build,
        gpu=None,
        model=answers.model,
        workload=Grown(sessions=(SESSION,)),
    )


def stub(answers: Answers, put: SetAttr) -> None:
    """Puts `answers` in the place of what asks engines, by ``put(module, name, value)``."""

    def said(name: str, value: Callable[[], Any]) -> Callable[..., Any]:
        def answer(*_: Any, **__: Any) -> Any:
            answers.log.append(name)
            return value()

        return answer

    def figures() -> None:
        if answers.figures_fail is not None:
            raise answers.figures_fail

    def verdict() -> Verdict:
        return Verdict(
            act=answers.act, config=answers.config(), why=answers.why,
            gain={"speedup": 1.5}, standing=Standing.RAN,
        )  # fmt: skip

    put(night_work, "look_at", said("look", lambda: seen_of(answers)))
    put(night_work, "recover", watched(answers, "recover", night_work.recover))
    put(night_work.NightWork, "canary_site", lambda *_: _Site(answers))
    put(night_tune, "starter", lambda *_: None)
    put(night_tune, "fit", said("fit", lambda: answers.fitted))
    put(night_tune, "proven", lambda fitted, *_: fitted)
    put(night_tune, "request_of", _request_of)
    put(night_tune, "judged", said("judged", verdict))
    put(night_tune, "tuning_note", lambda s, f, b: TuningNote(study=f.name, budget_s=b))
    put(night_tune, "proofs", said("proofs", lambda: answers.proofs))
    put(night_tune, "refresh", said("figures", figures))
    put(night_tune, "model_quality", said("quality", lambda: answers.quality))
    put(night_tune, "builds_compared", said("builds", lambda: answers.builds))


def watched(answers: Answers, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """The real thing, noted."""

    def call(*words: Any, **named: Any) -> Any:
        answers.log.append(name)
        return real(*words, **named)

    return call


def _request_of(
    night: Any, known: Any, study: str, budget_s: float | None = None, fitted: Any = None
) -> RunRequest:
    return replace(night.target.request, study=study, budget_s=budget_s)


@dataclass
class _Site:
    """Looks at the config in use."""

    answers: Answers

    def look(self, *_: Any, **__: Any) -> CanaryResult | None:
        self.answers.log.append("canary")
        return self.answers.canary


@contextmanager
def stubbed(answers: Answers) -> Any:
    """For a process of its own: what was there comes back."""
    before: list[tuple[Any, str, Any]] = []

    def put(where: Any, name: str, value: Any) -> None:
        before.append((where, name, getattr(where, name)))
        setattr(where, name, value)

    stub(answers, put)
    try:
        yield
    finally:
        for where, name, value in reversed(before):
            setattr(where, name, value)


def healthy_rule() -> HealthRule:
    """A place that nobody serves."""
    return HealthRule(url="http://127.0.0.1:9", start_s=0.0, settle_s=0.0)
