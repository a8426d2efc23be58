"""Whether the dashboard is installed: it is an extra, for it brings a web page of megabytes."""

from __future__ import annotations

from importlib.util import find_spec

from autotune.errors import MachineError


def check_extra() -> None:
    """Raises `MachineError` where optuna-dashboard is not installed."""
    if find_spec("optuna_dashboard") is None:
        raise MachineError(
            "the dashboard needs optuna-dashboard, which is not installed",
            "pip install 'autotune-serving[dashboard]', or read the same in autotune report",
        )
