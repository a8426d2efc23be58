"""What is not as it was when the config in use was tuned, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autotune.nightly.fingerprint import Fingerprint

_SHORT = 12


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed: its name as people say it, and what it was and is."""

    name: str
    was: str | None
    now: str | None

    @property
    def sentence(self) -> str:
        """``the model: a.gguf (90.2 MiB, 3f2a...) is now b.gguf (138 MiB, 77c0...)``."""
        return f"the {self.name}: {self.was or 'unknown'} is now {self.now or 'unknown'}"


def changes(before: Fingerprint, now: Fingerprint) -> tuple[Change, ...]:
    """What changed from `before` to `now`; empty when nothing did that a config depends on.

    What was not known then or is not known now is no change: a driver that cannot be asked tonight
    is not another driver.
    """
    pairs = (*_weighty(before, now), *_asked(before, now))
    return tuple(change for change in pairs if change is not None)


def _weighty(before: Fingerprint, now: Fingerprint) -> Iterator[Change | None]:
    same_model = before.model_sha256 == now.model_sha256
    yield None if same_model else Change("model", _model(before), _model(now))
    yield _engine(before, now)
    yield _driver(before, now)
    same_gpu = before.gpu == now.gpu and before.gpu_name == now.gpu_name
    yield None if same_gpu else Change("GPU", _gpu(before), _gpu(now))
    same_work = before.workload_digest == now.workload_digest
    yield None if same_work else Change("workload", _workload(before), _workload(now))
    same_space = before.space_digest == now.space_digest
    space = _short(before.space_digest), _short(now.space_digest)
    yield None if same_space else Change("search space", *space)
    versions = before.autotune_version, now.autotune_version
    yield None if versions[0] == versions[1] else Change("version of autotune", *versions)


def _engine(before: Fingerprint, now: Fingerprint) -> Change | None:
    """Another engine, another build of it, or the same program with other libraries."""
    if before.engine != now.engine:
        return Change("engine", _build(before), _build(now))
    if (before.engine_version, before.engine_sha256) != (now.engine_version, now.engine_sha256):
        return Change("engine build", _build(before), _build(now))
    known = before.engine_libraries is not None and now.engine_libraries is not None
    if known and before.engine_libraries != now.engine_libraries:
        libraries = _short(before.engine_libraries or ""), _short(now.engine_libraries or "")
        return Change("libraries of the engine", *libraries)
    return None


def _driver(before: Fingerprint, now: Fingerprint) -> Change | None:
    known = before.driver is not None and now.driver is not None
    # Another card brings another driver along; that the card is another is said already.
    if not known or before.driver == now.driver:
        return None
    return Change("driver", before.driver, now.driver)


def _asked(before: Fingerprint, now: Fingerprint) -> Iterator[Change]:
    """What the target asks for; ``None`` is that it says nothing of it."""
    for name in dict.fromkeys((*before.asked, *now.asked)):
        was, is_ = before.asked.get(name), now.asked.get(name)
        if was != is_:
            yield Change(f"target's {name.replace('_', '-')}", was or "not said", is_ or "not said")


def _model(of: Fingerprint) -> str:
    return f"{of.model} ({_size(of.model_bytes)}, {_short(of.model_sha256)})"


def _build(of: Fingerprint) -> str:
    return f"{of.engine} {of.engine_version} ({_short(of.engine_sha256)})"


def _gpu(of: Fingerprint) -> str:
    return of.gpu_name if of.gpu == "cpu" else f"{of.gpu_name} ({of.gpu})"


def _workload(of: Fingerprint) -> str:
    plural = "" if of.workload_sessions == 1 else "s"
    return f"{of.workload_sessions} session{plural} ({_short(of.workload_digest)})"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:_SHORT]


def _size(size_bytes: int) -> str:
    """Three figures: ``90.2 MiB``, ``17.4 GiB``."""
    value, unit = float(size_bytes), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"
