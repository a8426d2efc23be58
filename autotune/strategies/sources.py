"""What strategies are compared on: named simulated machines, and recordings on disk.

A source is named by the simulated machine or by the folder of a recording (a full factorial or a
finished study). Whatever is made of it anew for a seed is the same apart from noise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.replay.plan import ReplayPlan
from autotune.scoring.noise import noise_floor
from autotune.scoring.objective import Objective
from autotune.search import recorded_setup as recorded
from autotune.search.space import to_settings
from autotune.simulated.machines import COMBINATIONS, simulated_setup
from autotune.strategies.seam import Settings, Setup
from autotune.trial.measurement import Measurement, Measurer

SIMULATED, RECORDED = "simulated", "recorded"

USUAL = "usual"
"""As recorded, none where that has too few runs. Of a simulated card, a machine of one's own; of a
processor, one that others use."""

TENFOLD = "tenfold-bursts"
QUIET, SHARED = "quiet", "shared"
NOISES = (USUAL, "none", QUIET, SHARED, TENFOLD)

FLOOR_RUNS = 9
_FLOOR_SEED = 1_000_003
"""Of the runs of the default that a floor is known by: no study has it."""

_METRICS = {Objective.TURN: "turn_s", Objective.TTFT: "ttft", Objective.DECODE: "decode"}


@dataclass(frozen=True, slots=True)
class Source:
    """One of them. `folder` is a recording's; ``None`` for a simulated machine."""

    name: str
    title: str
    folder: Path | None = None

    @property
    def kind(self) -> str:
        """What its measurements are: every table, plot and file says so."""
        return SIMULATED if self.folder is None else RECORDED

    def setup(self, seed: int, noise: str) -> Setup:
        """Fresh for one search, with noise of `seed`.

        Raises `UserError` for a recording that cannot be read or does not know the noise.
        """
        if self.folder is None:
            return simulated_setup(self.name, seed, self.noise_called(noise))
        return recorded.recorded_setup(self.folder, seed, self.noise_called(noise))

    @property
    def _own_noise(self) -> str:
        return QUIET if COMBINATIONS[self.name].machine.gpu else SHARED

    def noise_called(self, noise: str) -> str:
        """What `noise` of `NOISES` is called there. Raises `UserError` for any other."""
        if noise not in NOISES:
            raise UserError(f"no noise is called {noise!r}", f"choose one of {', '.join(NOISES)}")
        if self.folder is None:
            return self._own_noise if noise == USUAL else noise
        if noise in (QUIET, SHARED):
            raise UserError(
                f"{self.name} is recorded, and its noise is as it was",
                f"use --noise {USUAL}, none or {TENFOLD}",
            )
        if noise == USUAL:
            return recorded.RECORDED if knows_noise(self.folder) else recorded.NONE
        return recorded.TENFOLD if noise == TENFOLD else recorded.NONE


@cache
def knows_noise(folder: Path) -> bool:
    """Whether a recording has enough runs of its default to know how they differ.

    Raises `UserError` for a folder that is no recording.
    """
    recorded.recorded_setup(folder, 0, recorded.NONE)
    try:
        recorded.recorded_setup(folder, 0, recorded.RECORDED)
    except UserError:
        return False
    return True


def source_named(name: str, studies_dir: Path) -> Source:
    """A simulated machine, the folder of a recording, or a study of `studies_dir`.

    Raises `UserError` when it is none of these.
    """
    if name in COMBINATIONS:
        return Source(name, COMBINATIONS[name].title)
    for folder in (Path(name), studies_dir / name):
        if is_recording(folder):
            return Source(folder.resolve().name, f"recording {folder}", folder.resolve())
    raise UserError(
        f"nothing to search is called {name!r}",
        f"give the folder of a recording, or one of {', '.join(COMBINATIONS)}",
    )


def usual_sources() -> list[Source]:
    """Every simulated machine."""
    return [Source(name, combination.title) for name, combination in COMBINATIONS.items()]


def is_recording(folder: Path) -> bool:
    """Whether `folder` holds a factorial or a study."""
    return any((folder / name).is_file() for name in ("factorial.json", "provenance.json"))


@dataclass(slots=True)
class Truth:
    """What configurations are worth without noise, in seconds of the objective.

    Of a simulated machine by its formulas, of a recording by all of its launches of that
    configuration. ``None`` for one that fails. `runs` is noise-free.
    """

    setup: Setup
    runs: Measurer
    _known: dict[tuple[str, str], float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, source: Source) -> Truth:
        """Of `source`. Raises `UserError` as `Source.setup` does."""
        setup = source.setup(0, "none")
        if isinstance(setup, recorded.RecordedSetup):
            return cls(setup, setup.recorded.truth())
        return cls(setup, setup.measurer)

    @property
    def default(self) -> Settings:
        """The engine's defaults."""
        return to_settings(self.setup.space, self.setup.space.defaults)

    def searched(self, settings: Settings) -> float | None:
        """On the sessions that are searched: what regret is about."""
        return self._value(settings, self.setup.search_plan)

    def held_out(self, settings: Settings) -> float | None:
        """On the sessions of the confirmation: what a user gets of a recommendation."""
        return self._value(settings, self.setup.confirm_plan)

    def trial_s(self) -> float:
        """Engine-seconds of one whole trial of the defaults."""
        return self.measured(self.default, self.setup.search_plan).seconds.total_s

    def measured(self, settings: Settings, plan: ReplayPlan) -> Measurement:
        """The measurement itself."""
        candidate = Candidate(settings)
        return self.runs.measure(candidate, plan, arm="truth", block=0, sink=lambda _: None)

    def _value(self, settings: Settings, plan: ReplayPlan) -> float | None:
        key = (Candidate(settings).key, plan.digest)
        if key not in self._known:
            self._known[key] = self.setup.judge.judge(self.measured(settings, plan)).value
        return self._known[key]


@cache
def truth_of(source: Source) -> Truth:
    """`Truth.of`, once a process."""
    return Truth.of(source)


@cache
def floor_of(source: Source, noise: str) -> float:
    """By how much two measurements of one config differ, as a log-ratio of the objective.

    The noise floor of a study (`scoring.noise`) over `FLOOR_RUNS` runs of the default on the
    sessions of the confirmation. Bursts are left out, so it errs to the narrow side.
    """
    without = USUAL if source.folder is not None else SHARED
    setup = source.setup(_FLOOR_SEED, without if noise == TENFOLD else noise)
    default = Candidate(to_settings(setup.space, setup.space.defaults))
    runs = [
        setup.measurer.measure(
            default, setup.confirm_plan, arm=f"floor-{at}", block=0, sink=lambda _: None
        ).records
        for at in range(FLOOR_RUNS)
    ]
    found = noise_floor(runs, keys=setup.judge.at_depth, measured_at="")
    return 0.0 if found is None else found.half_width(_METRICS[setup.judge.objective])


def digest_of(source: Source) -> str:
    """Twelve hex digits that change with what is recorded, or with the space and the plans."""
    found = hashlib.sha256(source.name.encode())
    for text in _content(source):
        found.update(text)
    return found.hexdigest()[:12]


def _content(source: Source) -> Iterator[bytes]:
    if source.folder is None:
        setup = truth_of(source).setup
        yield "\n".join(
            (setup.space.digest, setup.search_plan.digest, setup.confirm_plan.digest)
        ).encode()
        return
    for path in sorted(source.folder.iterdir()):
        if path.is_file() and path.suffix in (".toml", ".json", ".jsonl", ".gz", ".db"):
            yield path.name.encode()
            yield path.read_bytes()
