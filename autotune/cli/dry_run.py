"""``autotune run --dry-run``: what would be done."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autotune.cli.dry_run_plan import plan_lines
from autotune.cli.io import CommandIO
from autotune.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from autotune.search.contest.describe import ContestDryRun
    from autotune.search.contest.request import ContestRequest
    from autotune.search.describe import DryRun
    from autotune.search.request import RunRequest


def show_any_dry_run(request: RunRequest | ContestRequest, io: CommandIO) -> int:
    """Prints what `request` resolves to, of one engine or of several."""
    from autotune.search.contest.request import ContestRequest

    if isinstance(request, ContestRequest):
        return show_contest_dry_run(request, io)
    return show_dry_run(request, io)


def show_contest_dry_run(request: ContestRequest, io: CommandIO) -> int:
    """Prints what each engine of a contest resolves to; launches nothing."""
    from autotune.search.contest.describe import describe_contest

    dry = describe_contest(request)
    if io.json:
        io.emit_json(dry)
    else:
        print_contest_dry_run(dry, io.out)
    return int(ExitCode.DONE)


def print_contest_dry_run(dry: ContestDryRun, console: Console) -> None:
    """What the engines share, then each engine's own request, space and first command."""
    from rich.text import Text

    from autotune.report.text import duration, plural

    limits = [
        "" if dry.trials is None else plural(dry.trials, "trial"),
        "" if dry.budget_s is None else f"at most {duration(dry.budget_s)}",
    ]
    console.print(Text(f"Contest {dry.study} between {' and '.join(dry.engines)}"))
    console.print(Text(f"Together they get {', '.join(filter(None, limits))}."))
    console.print(Text(f"Everything is compared with {dry.baseline} as it is."))
    for label, one in dry.engines.items():
        console.print(Text(f"\n{label}", style="bold"))
        print_dry_run(one, console)


def show_dry_run(request: RunRequest, io: CommandIO) -> int:
    """Prints what `request` resolves to; launches nothing."""
    from autotune.search.describe import describe

    dry = describe(request)
    if io.json:
        io.emit_json(dry)
    else:
        print_dry_run(dry, io.out)
    return int(ExitCode.DONE)


def print_dry_run(dry: DryRun, console: Console) -> None:
    """The resolved request, the space, the first command and the time it would take."""
    from rich.text import Text

    from autotune.report.text import duration, plural

    for line in _config_lines(dry.config):
        console.print(Text(line), soft_wrap=True)
    console.print()
    space = f"{plural(dry.parameters, 'parameter')}, {_size(dry.space_size)} candidates"
    limit = "" if dry.estimate_s is None else f", at most {duration(dry.estimate_s)}"
    console.print(Text(f"The search has {space}{limit}."))
    for note in dry.notes:
        console.print(Text(f"note: {note}"))
    for line in plan_lines(dry):
        console.print(Text(line), soft_wrap=True)
    console.print(Text("\nThe first trial would start:"))
    console.print(Text("  " + shlex.join(dry.argv)), soft_wrap=True)
    if dry.env:
        words = [f"{name}={shlex.quote(value)}" for name, value in sorted(dry.env.items())]
        console.print(Text("with"))
        console.print(Text("  " + " ".join(words), style="dim"), soft_wrap=True)
    console.print(Text("\nNothing was started (--dry-run)."))


def _config_lines(config: Mapping[str, Any]) -> list[str]:
    width = max((len(str(name)) for name in config), default=0)
    return [f"{name:<{width}}  {_shown(value)}" for name, value in config.items()]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}={v}" for k, v in value.items()) or "-"
    return "-" if value is None else str(value)


def _size(count: int) -> str:
    """A number of candidates, short where it is huge."""
    return f"{count:,}" if count < 1e7 else f"about {count:.1e}"
