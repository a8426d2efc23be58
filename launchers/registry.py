"""The engines autotune knows, by name; anything else is a manifest file."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

from autotune.errors import UserError
from autotune.launchers.ds4 import Ds4Launcher
from autotune.launchers.in_house import InHouseLauncher
from autotune.launchers.llama_server import LlamaServerLauncher
from autotune.launchers.manifest import read_manifest
from autotune.launchers.omlx import OmlxLauncher
from autotune.launchers.protocol import Launcher
from autotune.launchers.sglang import SglangLauncher
from autotune.launchers.vllm import VllmLauncher

Factory = Callable[[Path | None], Launcher]


def _reference(engine_path: Path | None) -> Launcher:
    manifest = Path(str(files("autotune.launchers") / "manifests" / "reference.toml"))
    return from_manifest(manifest, engine_path)


def _llama_server(engine_path: Path | None) -> Launcher:
    return LlamaServerLauncher(engine_path)


FACTORIES: Mapping[str, Factory] = {
    "llama-server": _llama_server,
    "reference": _reference,
    "vllm": VllmLauncher,
    "sglang": SglangLauncher,
    "omlx": OmlxLauncher,
    "ds4": Ds4Launcher,
}


def known_engines() -> tuple[str, ...]:
    """Names that `make_launcher` takes, besides paths of manifests."""
    return tuple(FACTORIES)


def make_launcher(engine: str, *, engine_path: Path | None = None) -> Launcher:
    """The launcher for an engine's name or a manifest's path (``*.toml``).

    Raises `UserError` for a name it does not know and for a manifest that is not one.
    """
    if (factory := FACTORIES.get(engine)) is not None:
        return factory(engine_path)
    if engine.endswith(".toml"):
        return from_manifest(Path(engine), engine_path)
    raise UserError(f"unknown engine {engine!r}", _suggestion(engine))


def from_manifest(path: Path, engine_path: Path | None = None) -> InHouseLauncher:
    """The launcher that a manifest describes."""
    return InHouseLauncher(read_manifest(path), path.resolve().parent, engine_path)


def _suggestion(engine: str) -> str:
    close = difflib.get_close_matches(engine, known_engines(), n=1)
    known = ", ".join(known_engines())
    guess = f"did you mean {close[0]}? " if close else ""
    return f"{guess}known: {known}, or the path of a manifest (.toml)"
