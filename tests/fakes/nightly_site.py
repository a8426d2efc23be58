"""A target on disk to promote in: configs, exports that say whose they are, hooks that count."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from autotune.export.model import ExportConfig, ExportProvenance
from autotune.nightly.generations import Draft, Generation, Rendered
from autotune.nightly.health import Health
from autotune.nightly.hooks import Hook, Hooks
from autotune.nightly.places import Place
from autotune.nightly.site import HealthCheck, Site

NAMES = ("serve.sh", "preset.ini", "copied.json")
BOOT = "boot-1"


def config(batch: int = 512, **facts: Any) -> ExportConfig:
    """llama-server with one setting that is no default."""
    argv = ("llama-server", "--model", "/models/m.gguf", "--batch-size", str(batch))
    settings = {"batch-size": batch}
    known = {"study": "s", "engine": "llama-server", "model": "/models/m.gguf", **facts}
    return ExportConfig(settings, {**settings, "threads": 4}, argv, {}, ExportProvenance(**known))


def draft(mark: str, names: Collection[str] = NAMES) -> Draft:
    """A generation whose every export says `mark`."""
    exports = {name: Rendered(f"{name} of {mark}\n".encode(), 0o755) for name in names}
    return Draft(
        config=config(),
        exports=exports,
        study=f"study-{mark}",
        why=f"why-{mark}",
        fingerprint={"model": mark},
        gain={"speedup": 1.5},
    )


def counting(lines: Path) -> Hooks:
    """Hooks that write a line when they begin and one when they end.

    Between the two, a hook for which ``kill-NAME`` lies beside the lines kills the process that
    waits for it.
    """
    return Hooks(*(Hook(_counted(name, lines), timeout_s=20.0) for name in ("before", "after")))


def _counted(name: str, lines: Path) -> str:
    mark = lines.with_name(f"kill-{name}")
    return (
        f"echo {name} >> {lines}; "
        f'if [ -e {mark} ]; then rm {mark}; kill -9 "$VICTIM"; sleep 0.05; fi; '
        f"echo {name} ended >> {lines}"
    )


def unhealthy_for(*numbers: int) -> HealthCheck:
    """A health check that has something against these generations."""

    def check(generation: Generation, since: datetime | None) -> Health:
        bad = generation.number in numbers
        return Health(problems=(f"{generation.number} is sick",) if bad else ())

    return check


def site(folder: Path, **fields: Any) -> Site:
    """A target in `folder`, with two linked exports and one copied one; any field may be given."""
    served = folder / "served"
    places = (
        Place(served / "serve.sh", "serve.sh"),
        Place(served / "deep" / "preset.ini", "preset.ini"),
        Place(served / "copied.json", "copied.json", link=False),
    )
    usual: dict[str, Any] = {
        "target": "coder",
        "state": folder / "state",
        "boot": BOOT,
        "environ": {"PATH": os.environ["PATH"], "VICTIM": str(os.getpid())},
        "hooks": counting(folder / "lines"),
        "health": unhealthy_for(),
        "places": places,
    }
    return Site(**{**usual, **fields})


def served(where: Site) -> set[str]:
    """What the exports say at the paths where they are wanted: whose they are."""
    return {_whose(place.path) for place in where.places}


def _whose(path: Path) -> str:
    return path.read_text(encoding="utf-8").split(" of ")[-1].strip() if path.exists() else "nobody"


@contextmanager
def unsynced() -> Iterator[None]:
    """Without waiting for the disk: for tests that write often and cut no power."""
    sync, os.fsync = os.fsync, lambda _: None  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        os.fsync = sync


def hook_words(folder: Path) -> list[str]:
    """What the hooks wrote, in order."""
    lines = folder / "lines"
    return lines.read_text(encoding="utf-8").splitlines() if lines.exists() else []


def paired(words: list[str]) -> bool:
    """Whether every before is followed by its after, nothing else, and each ran to its end."""
    pair = ["before", "before ended", "after", "after ended"]
    return words == pair * (len(words) // len(pair))
