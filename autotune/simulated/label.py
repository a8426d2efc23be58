"""How everything simulated is marked, in memory and on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LABEL = "simulated"
"""In `TurnRecord.provider`: who served the request."""

KEY = "simulated"
"""Of provenance and telemetry; true where nothing was measured."""


def is_simulated(facts: Mapping[str, Any]) -> bool:
    """Whether a study's provenance (``provenance.json``) or a telemetry says it is simulated."""
    return facts.get(KEY) is True
