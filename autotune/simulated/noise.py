"""How a machine differs from itself: from run to run, from turn to turn, by the hour, in bursts.

Times are multiplied by ``exp`` of normal numbers. Drift and bursts belong to the machine's clock,
so whatever is measured at that moment suffers them: strategies that take turns at a machine meet
the same bursts. The levels are fitted to recordings of one config measured again and again
(``studies/aa-calibration``) by `autotune.simulated.noise_fit`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from autotune.errors import UserError

_PERIODS_S = (660.0, 2_210.0, 7_930.0)
"""Of the drift's three waves, from ten minutes to two hours; none is a multiple of another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Standard deviations are of natural logarithms of times.

    Attributes:
        run: of a whole run, TTFT and decode alike.
        ttft, decode: of one turn.
        drift: of the machine over the hours.
        burst_every_s, burst_s: somebody else's work comes after the one, on average, and goes after
            the other; 0 is never.
        burst: factor on times meanwhile.
    """

    run: float = 0.0
    ttft: float = 0.0
    decode: float = 0.0
    drift: float = 0.0
    burst_every_s: float = 0.0
    burst_s: float = 2.0
    burst: float = 1.0


NOISES: Mapping[str, Noise] = {
    "none": Noise(),
    "quiet": Noise(run=0.01, ttft=0.02, decode=0.015, drift=0.01),
    "shared": Noise(run=0.18, ttft=0.30, decode=0.39, drift=0.17),
    "bursts": Noise(
        run=0.18, ttft=0.30, decode=0.39, drift=0.17, burst_every_s=6.0, burst_s=2.0, burst=2.1
    ),
    "tenfold-bursts": Noise(
        run=0.18, ttft=0.30, decode=0.39, drift=0.17, burst_every_s=90.0, burst_s=6.0, burst=10.0
    ),
}
"""By name. ``shared`` and ``bursts`` are fitted to the two recordings; ``tenfold-bursts`` is the
first with bursts of a factor of ten; ``quiet`` is a machine of one's own."""


def noise_named(noise: str | Noise) -> Noise:
    """The noise called `noise`, or itself. Raises `UserError` for an unknown name."""
    if isinstance(noise, Noise):
        return noise
    if noise not in NOISES:
        raise UserError(f"no noise is called {noise!r}", f"choose one of {', '.join(NOISES)}")
    return NOISES[noise]


def tenfold(noise: Noise) -> Noise:
    """`noise` with bursts ten times as slow, now and then."""
    return replace(noise, burst_every_s=90.0, burst_s=6.0, burst=10.0)


@dataclass(slots=True)
class MachineTime:
    """One machine's moods over its clock, the same for the same seed."""

    noise: Noise
    seed: int
    _phases: tuple[float, ...] = field(init=False)
    _bursts: list[tuple[float, float]] = field(default_factory=list)
    _rng: Random = field(init=False)
    _at: int = 0

    def __post_init__(self) -> None:
        draw = _rng(self.seed, "drift")
        self._phases = tuple(draw.random() for _ in _PERIODS_S)
        self._rng = _rng(self.seed, "bursts")

    def factor(self, start_s: float, seconds: float) -> float:
        """By how much `seconds` of work that begin at `start_s` take longer."""
        return self._drift(start_s) * self._burst(start_s, seconds)

    def _drift(self, at_s: float) -> float:
        """Three waves; a sum of three has a variance of three halves."""
        if not self.noise.drift:
            return 1.0
        pairs = zip(_PERIODS_S, self._phases, strict=True)
        wave = sum(math.sin(2 * math.pi * (at_s / period + phase)) for period, phase in pairs)
        return math.exp(self.noise.drift * math.sqrt(2 / 3) * wave)

    def _burst(self, start_s: float, seconds: float) -> float:
        """Work under a burst goes on at a fraction of its pace until the burst ends."""
        if not self.noise.burst_every_s or self.noise.burst <= 1.0 or seconds <= 0.0:
            return 1.0
        now, left = start_s, seconds
        for begin, end in self._from(start_s):
            if begin - now >= left:
                break
            left -= max(0.0, begin - now)
            now = max(now, begin)
            done = (end - now) / self.noise.burst
            if done >= left:
                return (now + left * self.noise.burst - start_s) / seconds
            left, now = left - done, end
        return (now + left - start_s) / seconds

    def _from(self, start_s: float) -> _Bursts:
        return _Bursts(self, start_s)

    def burst_at(self, index: int) -> tuple[float, float]:
        """Begin and end of the `index`-th burst; drawn in order, so always the same."""
        while len(self._bursts) <= index:
            after = self._bursts[-1][1] if self._bursts else 0.0
            begin = after + self._rng.expovariate(1.0 / self.noise.burst_every_s)
            self._bursts.append((begin, begin + self._rng.expovariate(1.0 / self.noise.burst_s)))
        return self._bursts[index]

    def first_after(self, at_s: float) -> int:
        """The first burst that ends after `at_s`; the clock mostly goes forward."""
        if self._at and self.burst_at(self._at - 1)[1] > at_s:
            self._at = 0
        while self.burst_at(self._at)[1] <= at_s:
            self._at += 1
        return self._at


class _Bursts:
    """Bursts from a moment on, one after the other, without end."""

    def __init__(self, time: MachineTime, start_s: float) -> None:
        self._time, self._index = time, time.first_after(start_s)

    def __iter__(self) -> _Bursts:
        return self

    def __next__(self) -> tuple[float, float]:
        self._index += 1
        return self._time.burst_at(self._index - 1)


@dataclass(slots=True)
class RunNoise:
    """One run's own deviation, and its turns'."""

    noise: Noise
    rng: Random
    _run: float = field(init=False)

    def __post_init__(self) -> None:
        self._run = self.rng.gauss(0.0, self.noise.run) if self.noise.run else 0.0

    def ttft(self) -> float:
        """A factor for one turn's time to its first token."""
        return math.exp(self._run + self.rng.gauss(0.0, self.noise.ttft))

    def decode(self) -> float:
        """A factor for one turn's decoding."""
        return math.exp(self._run + self.rng.gauss(0.0, self.noise.decode))


def run_noise(noise: Noise, *names: object) -> RunNoise:
    """The noise of the run that `names` name: the same for the same names."""
    return RunNoise(noise, _rng(*names))


def _rng(*names: object) -> Random:
    text = "\n".join(str(name) for name in names)
    return Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
