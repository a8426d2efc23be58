"""What a promotion touches: one target's state, its hooks, its health check and its places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from autotune.nightly.generations import Generation, Generations
from autotune.nightly.health import Health
from autotune.nightly.hooks import NO_HOOKS, HookName, Hooks
from autotune.nightly.journal import Journal
from autotune.nightly.live import live_number, live_path
from autotune.nightly.places import Place, Places

HealthCheck = Callable[[Generation, datetime | None], Health]
"""Whether what serves now serves that generation. The time is when it went live, where that was
just now: an engine that is older cannot know of it."""


def boot_id() -> str:
    """Names this run of the machine: what was under way under another one was cut short."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return str(int(psutil.boot_time()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`state` is the target's folder. `environ` is what hooks inherit. `health` is ``None`` where
    nothing can be asked: then the after hook's exit code is all there is."""

    target: str
    state: Path
    boot: str
    environ: Mapping[str, str]
    hooks: Hooks = NO_HOOKS
    health: HealthCheck | None = None
    places: tuple[Place, ...] = ()

    @property
    def journal(self) -> Journal:
        """Of this target."""
        return Journal(self.state / "journal.jsonl")

    @property
    def generations(self) -> Generations:
        """Of this target."""
        return Generations(self.state)

    @property
    def files(self) -> Places:
        """Where the exports are wanted."""
        return Places(self.state, self.places)

    def hook_env(self, name: HookName, why: str) -> dict[str, str]:
        """What a hook is started with (see `hooks`)."""
        number = live_number(self.state)
        own = {
            "AUTOTUNE_NIGHT_TARGET": self.target,
            "AUTOTUNE_NIGHT_HOOK": name,
            "AUTOTUNE_NIGHT_WHY": why,
            "AUTOTUNE_NIGHT_GENERATION": "" if number is None else str(number),
            "AUTOTUNE_NIGHT_LIVE": str(live_path(self.state).absolute()),
        }
        return {**self.environ, **own}
