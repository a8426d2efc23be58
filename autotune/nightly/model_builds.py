"""A newer model beside the one in use: whether it may take its place without anybody asked.

Where the file in use is still there, both are measured in turns on the same held-out sessions: it
with its settings, the newer one with the best that the retune found for it. The newer one is worse
when it is slower by more than `WORTH` with an interval clear of none.

Where the file was replaced there is nothing to be paired with. Then the same settings are asked the
canary's turns, against the figures of the file before; that is of another night and is told as it
is. What the newer one says is `model_quality`'s.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autotune.candidate import Setting
from autotune.compare.request import METRICS, CompareArm, CompareRequest
from autotune.compare.session import Compared
from autotune.export.model import ExportConfig
from autotune.nightly.fingerprint import Seen
from autotune.nightly.grown_workload import SUFFIX, write_sessions
from autotune.nightly.night_tools import Duel
from autotune.nightly.session_index import SessionFact, digest_of
from autotune.paths.spec import LaunchedPath
from autotune.search.request import RunRequest
from autotune.study.folder import StudyFolder

WORTH = 0.95
"""Of the speed of the model in use: a newer one that keeps as much is taken."""

BLOCKS = 3
IN_USE, NEWER = "in-use", "newer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """How the newer model does against the one in use; `ratio` above 1 is faster.

    `problem` is why they could not be compared, ``None`` where they were; `old_fails` that it is
    the one in use that does not run any more.
    """

    newer: str
    in_use: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    problem: str | None = None
    old_fails: bool = False

    @property
    def may_go_live(self) -> bool:
        """Whether it was measured and is not worse; or the one in use does not run any more."""
        return self.old_fails or (self.ratio is not None and not self.is_worse)

    @property
    def is_worse(self) -> bool:
        """Whether the newer one is shown to be slower."""
        told = self.ratio is not None and self.high is not None
        return told and (self.ratio or 1.0) < WORTH and (self.high or 1.0) < 1

    @property
    def said(self) -> str:
        """One sentence, without a full stop."""
        if self.ratio is None:
            return f"{self.newer} could not be compared with {self.in_use}: {self.problem}"
        told = f"{self.newer} has {self.ratio:.2f}x the speed of {self.in_use}"
        if self.low is None or self.high is None:
            return told
        return f"{told} ({self.low:.2f} to {self.high:.2f})"


def model_of(config: ExportConfig) -> Path | None:
    """The model's file or folder that a config is served with."""
    named = config.full_settings.get("model") or config.provenance.model
    return None if named is None else Path(str(named))


def other_model(config: ExportConfig, seen: Seen) -> Path | None:
    """The model in use, where it is still there and tonight's is another file."""
    path = model_of(config)
    if path is None or not path.exists() or path.resolve() == seen.model.resolve():
        return None
    return path


def proof_sessions(folder: StudyFolder, sessions: Sequence[SessionFact]) -> tuple[SessionFact, ...]:
    """Those that a study proved its verdict on; all of them where it kept none for that."""
    ids = {r.session_id for r in folder.read_turns() if r.arm.startswith("confirm")}
    return tuple(s for s in sessions if s.session_id in ids) or tuple(sessions)


def builds_compared(
    live: ExportConfig,
    best: ExportConfig,
    request: RunRequest,
    sessions: Sequence[SessionFact],
    captures: Path,
    *,
    duel: Duel,
    stop: threading.Event,
    budget_s: float | None,
) -> Builds:
    """Measures both, `BLOCKS` times each. Raises `UserError` and `MachineError` like a comparison.

    `request` is that of the retune, whose study must be there.
    """
    old, new = model_of(live), model_of(best)
    assert old is not None
    assert new is not None
    folder = StudyFolder(request.studies_dir / (request.study or ""))
    chosen = proof_sessions(folder, sessions)
    name = f"proof-{digest_of(chosen).removeprefix('sha256:')[:16]}{SUFFIX}"
    path = write_sessions(captures, chosen, request.workload.with_name(name))
    asked = CompareRequest(
        arms=(_arm(IN_USE, live, old, request), _arm(NEWER, best, new, request)),
        run=replace(
            request, workload=path, study=f"{folder.name}-models", incumbent=None, sample="all"
        ),
        metrics=(request.objective,),
        until=1.0 - WORTH,
        blocks=BLOCKS,
        budget_s=budget_s,
    )
    return _read(duel(asked, stop), asked, old, new)


def _arm(name: str, config: ExportConfig, model: Path, request: RunRequest) -> CompareArm:
    settings: dict[str, Setting] = {n: v for n, v in config.full_settings.items() if n != "model"}
    engine = config.provenance.engine or request.engine
    return CompareArm(
        name=name,
        path=LaunchedPath(
            name=name,
            engine=engine,
            model=model,
            engine_path=request.engine_path,
            settings=settings,
            origin="the night",
        ),
    )


def _read(found: Compared, asked: CompareRequest, old: Path, new: Path) -> Builds:
    names = Builds(newer=new.name, in_use=old.name)
    metric = METRICS[asked.metrics[0]]
    rows = [row for row in found.document["verdicts"] if row["metric"] == metric]
    if not rows:
        return _unread(names, found)
    row = rows[0]  # over all turns; those by depth come behind
    return replace(names, ratio=row["ratio"], low=row["low"], high=row["high"])


def _unread(names: Builds, found: Compared) -> Builds:
    failed = {arm["name"]: arm["failure"] for arm in found.document["arms"] if arm["failure"]}
    why = "; ".join(f"{name}: {text}" for name, text in failed.items())
    old_fails = IN_USE in failed and NEWER not in failed
    return replace(names, problem=why or "too little was measured", old_fails=old_fails)
