"""The baseline of a model that is larger than the card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.search.space import Parameter, Space
from autotune.search.space_offload import offload_that_fits

LAYERS = Parameter("n-gpu-layers", ("all", 48, 32, 16), "all", "offload")
EXPERTS = Parameter("n-cpu-moe", (0, 16, 32, 64), 0, "offload", ordered=True)
OTHER = Parameter("kv-offload", (True, False), True, "offload")


@dataclass
class Card:
    """Holds so many of 64 layers; half of a layer is experts."""

    holds: float

    def refusal(self, candidate: Candidate) -> Failure | None:
        settings: Mapping[str, Setting] = candidate.settings
        layers = settings.get("n-gpu-layers", "all")
        count = 64.0 if layers == "all" else float(layers)
        need = count - float(settings.get("n-cpu-moe", 0)) / 2
        return None if need <= self.holds else Failure(FailureKind.OUT_OF_MEMORY, "too much")


def defaults(holds: float, *parameters: Parameter) -> dict[str, Any]:
    card: Any = Card(holds)
    space = offload_that_fits(Space("llama-server", parameters), card)
    assert [p.choices for p in space.parameters] == [p.choices for p in parameters]
    return space.defaults


@pytest.mark.parametrize(
    ("holds", "layers"), [(64, "all"), (50, 48), (40, 32), (16, 16), (8, "all")]
)
def test_as_many_layers_as_it_holds(holds: float, layers: Setting) -> None:
    assert defaults(holds, LAYERS, OTHER) == {"n-gpu-layers": layers, "kv-offload": True}


def test_experts_are_left_behind_before_whole_layers() -> None:
    assert defaults(50, LAYERS, EXPERTS) == {"n-gpu-layers": "all", "n-cpu-moe": 32}
    assert defaults(64, LAYERS, EXPERTS) == {"n-gpu-layers": "all", "n-cpu-moe": 0}
    assert defaults(20, LAYERS, EXPERTS) == {"n-gpu-layers": 16, "n-cpu-moe": 0}


def test_a_space_without_such_settings_stays() -> None:
    assert defaults(1, OTHER) == {"kv-offload": True}
