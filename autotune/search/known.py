"""Everything that what comes next is decided by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from autotune.candidate import Setting
from autotune.search.evidence import TRIAL_ERROR
from autotune.search.feasibility import Feasibility
from autotune.search.ledger import Ledger
from autotune.search.space import Space
from autotune.search.warm_start import COLD, WarmStart


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a study knows at one moment; a policy is a function of nothing else.

    So a study that is killed and goes on decides as it would have decided. `error` is the standard
    deviation of one trial's log time by the machine alone; `warm` is what earlier studies know, of
    which `warm_trials` configs may be tried. `floor` is by how much two runs of one config differ
    at most, as a log-ratio, where that was measured: no luck is greater.
    """

    ledger: Ledger
    space: Space
    feasibility: Feasibility
    incumbent: Mapping[str, Setting] | None = None
    seed: int = 0
    error: float = TRIAL_ERROR
    warm: WarmStart = COLD
    warm_trials: int = 1
    floor: float = math.inf
