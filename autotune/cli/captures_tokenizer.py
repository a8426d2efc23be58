"""A model's own tokenizer for the captures commands: an engine that is started to count only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.candidate import Setting
from autotune.errors import MachineError, UserError

if TYPE_CHECKING:
    from autotune.launchers.protocol import Launcher, Server

_SMALL: Mapping[str, Setting] = {"ctx-size": 512, "n-gpu-layers": "0", "warmup": False}
"""For engines that have these flags: little memory, none of a card's, and soon there."""


@contextmanager
def serving(engine: str, model: Path) -> Iterator[tuple[Launcher, Server]]:
    """An engine that has `model` loaded, small and on the CPU; it is stopped at the end.

    Raises `UserError` for a model that is not there and `MachineError` when it does not start.
    """
    import tempfile

    from autotune.candidate import Candidate
    from autotune.launchers.failure import TrialError
    from autotune.launchers.process import launch
    from autotune.launchers.protocol import LaunchContext
    from autotune.launchers.registry import make_launcher

    if not model.exists():
        raise UserError(f"there is no model at {model}", "give --model an existing GGUF file")
    launcher = make_launcher(engine)
    known = launcher.detect().flags
    settings = {name: value for name, value in _SMALL.items() if name in known}
    with tempfile.TemporaryDirectory(prefix="autotune-tokenizer-") as folder:
        work_dir = Path(folder)
        context = LaunchContext(model.resolve(), work_dir, work_dir / "engine.log", "tokenizer")
        try:
            server = launch(launcher, Candidate(settings), context)
        except TrialError as error:
            raise MachineError(
                f"{engine} cannot load {model}: {error}", "try another --model or --engine"
            ) from error
        try:
            yield launcher, server
        finally:
            launcher.stop(server)
