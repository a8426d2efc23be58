"""The table of commands: names, one line each, and where their models live.

It is plain text, so that ``autotune --help`` answers without importing a command.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command of the top level. `line` is what ``autotune --help`` says of it."""

    name: str
    line: str
    module: str
    model: str

    def load(self) -> type[BaseModel]:
        """The pydantic model of the command; imports its module."""
        found: type[BaseModel] = getattr(import_module(self.module), self.model)
        return found


COMMANDS: dict[str, CommandSpec] = {
    spec.name: spec
    for spec in (
        CommandSpec(
            "run",
            "find the settings that make this workload fast on this GPU",
            "autotune.cli.run",
            "Run",
        ),
        CommandSpec(
            "worker",
            "one of several workers on a study, on many GPUs or many hosts",
            "autotune.cli.worker",
            "Worker",
        ),
        CommandSpec(
            "replay",
            "serving paths measured on the same turns: endpoints, tuned configs, engines",
            "autotune.cli.replay",
            "Replay",
        ),
        CommandSpec(
            "compare",
            "configs on the same turns: faster, slower, or cannot be told apart",
            "autotune.cli.compare",
            "Compare",
        ),
        CommandSpec(
            "captures",
            "what captured agent sessions hold, and made-up ones",
            "autotune.cli.captures",
            "Captures",
        ),
        CommandSpec("study", "what was measured", "autotune.cli.study", "Study"),
        CommandSpec(
            "report",
            "what was found, as a page to read: HTML, Markdown, JSON or CSV",
            "autotune.cli.report",
            "Report",
        ),
        CommandSpec(
            "dashboard",
            "studies in the browser, live and read-only (optuna-dashboard)",
            "autotune.cli.dashboard",
            "Dashboard",
        ),
        CommandSpec(
            "simulate",
            "search strategies compared on recorded or simulated measurements",
            "autotune.cli.simulate",
            "Simulate",
        ),
        CommandSpec(
            "export", "a launch config with its provenance", "autotune.cli.export", "Export"
        ),
        CommandSpec(
            "fleet",
            "GPU kinds x models x workloads tuned as one, each where its GPU is",
            "autotune.cli.fleet",
            "Fleet",
        ),
        CommandSpec(
            "nightly",
            "stay tuned: nights that tune again and put live only what wins",
            "autotune.cli.nightly",
            "Nightly",
        ),
        CommandSpec(
            "engine",
            "which engines are here, and whether they keep the contract",
            "autotune.cli.engine",
            "Engine",
        ),
        CommandSpec("doctor", "is this machine fit to measure", "autotune.cli.doctor", "Doctor"),
        CommandSpec(
            "config",
            "every setting and where it comes from",
            "autotune.cli.config_show",
            "Config",
        ),
        CommandSpec(
            "completion",
            "completion script for bash, zsh or fish",
            "autotune.cli.completion",
            "Completion",
        ),
    )
}
