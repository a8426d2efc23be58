"""What to start, what changes by it, and what everything was measured on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from autotune.report.page.gather import StudyData
from autotune.report.page.model import Block, Command, Facts, Grid, Section, section, words
from autotune.report.text import setting

Found = Mapping[str, Any]

_FACTS = (
    ("engine", ("engine", "engine_version")),
    ("engine binary", ("engine_sha256",)),
    ("model", ("model_path",)),
    ("model hash", ("model_sha256",)),
    ("GPU", ("gpu_name",)),
    ("GPU id", ("gpu",)),
    ("driver", ("driver",)),
    ("processor", ("host_cpu",)),
    ("workload", ("workload",)),
    ("workload digest", ("workload_digest",)),
    ("replay plan", ("plan_digest",)),
    ("search space", ("space_digest",)),
    ("scored", ("objective", "depth")),
    ("history", ("history",)),
    ("seed", ("seed",)),
    ("autotune", ("autotune_version",)),
    ("begun", ("created_at",)),
)


def launch_section(data: StudyData) -> Section | None:
    """The command that starts the winner, what it changes, and where it is exported."""
    summary = data.summary
    won = data.winner is not None
    title = "Start the tuned engine" if won else "The engine's defaults, written out"
    command = summary.get("launch_command")
    blocks: list[Block | None] = [changes_grid(data.result)]
    if command:
        blocks.append(Command(title, _with_env(data.result, str(command))))
    if won:
        told = f"autotune export {shlex.quote(data.name)} --format shell --output serve.sh"
        blocks.append(Command("Or write it as a file (other forms: autotune export --help)", told))
    heading = "What to start" if won else "What to keep"
    return section("launch", heading, *blocks)


def _with_env(result: Found, command: str) -> str:
    """The command with the variables that pin it to its GPU."""
    env: Found = (result.get("winner") or result.get("baseline") or {}).get("env") or {}
    return " ".join([*(f"{name}={shlex.quote(str(env[name]))}" for name in env), command])


def changes_grid(result: Found) -> Grid | None:
    """Each setting of the winner that the default has otherwise."""
    winner, base = result.get("winner") or {}, result.get("baseline") or {}
    changed = winner.get("settings") or {}
    before = base.get("full_settings") or {}
    if not changed:
        return None
    risky = set(winner.get("quality_changing") or ())
    return Grid(
        title="What changes",
        heads=("setting", "default", "tuned", ""),
        rows=tuple(
            (
                words(name),
                words(setting(before[name]) if name in before else "not set"),
                words(setting(value)),
                words("can change the output" if name in risky else " "),
            )
            for name, value in changed.items()
        ),
        words=frozenset({0, 1, 2, 3}),
    )


def origin_section(data: StudyData) -> Section | None:
    """Everything that decides whether two measurements may stand side by side."""
    return section("origin", "Measured on", Facts(tuple(facts(data.provenance, data.result))))


def facts(provenance: Found, result: Found | None = None) -> Iterator[tuple[str, str]]:
    """Names and what is known of them; what is absent is left out."""
    for name, keys in _FACTS:
        told = [str(provenance[key]) for key in keys if provenance.get(key) is not None]
        if told:
            yield name, " ".join(told)
    finished = (result or {}).get("finished_at")
    if finished:
        yield "finished", str(finished)
    versions = provenance.get("versions") or {}
    if versions:
        yield "versions", ", ".join(f"{name} {number}" for name, number in versions.items())
