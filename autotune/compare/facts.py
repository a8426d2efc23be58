"""What ``compare.json`` says of an arm before anything is measured, and what makes it that arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotune.candidate import Setting
from autotune.compare.groups import Surveyed
from autotune.compare.request import CompareArm
from autotune.paths.spec import AttachedPath, LaunchedPath
from autotune.replay.plan import ReplayPlan

IDENTITY = {
    "engine_sha256": "engine build",
    "model_sha256": "model",
    "settings": "settings",
    "url": "endpoint",
    "model": "model",
    "cache": "cache",
    "history": "history",
    "plan_digest": "replayed turns",
}
"""Facts that may not change while a comparison goes on, and what to call them."""


def launched_facts(
    arm: CompareArm,
    path: LaunchedPath,
    surveyed: Surveyed,
    settings: Mapping[str, Setting],
    plan: ReplayPlan,
) -> dict[str, Any]:
    """An engine's build, its model, what it is given, and where that comes from."""
    setup = surveyed.group.setup
    other = path.tuned_sha256 not in (None, setup.build.binary_sha256)
    return {
        "name": arm.name,
        "kind": "launched",
        "engine": setup.build.engine,
        "engine_ref": setup.engine_ref,
        "engine_path": setup.build.path,
        "engine_version": setup.build.version,
        "engine_sha256": setup.build.binary_sha256,
        "model": str(setup.model_path),
        "model_sha256": setup.model_digest,
        "settings": dict(settings),
        "origin": path.origin,
        "tuned_on_another_build": other,
        "rendering": surveyed.survey.rendering.value,
        **_shared_facts(arm, plan),
    }


def attached_facts(arm: CompareArm, path: AttachedPath, plan: ReplayPlan) -> dict[str, Any]:
    """Where a server is; no header and no key."""
    return {
        "name": arm.name,
        "kind": "attached",
        "url": path.url,
        "api": None if path.api is None else path.api.value,
        "model": path.model,
        "provider": path.provider,
        "origin": path.url,
        **_shared_facts(arm, plan),
    }


def _shared_facts(arm: CompareArm, plan: ReplayPlan) -> dict[str, Any]:
    return {
        "cache": None if arm.cache is None else arm.cache.value,
        "history": plan.history.value,
        "plan_digest": plan.digest,
    }


def changed(stored: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In words what makes this another arm than the `stored` one; empty when it is the same."""
    words = (word for key, word in IDENTITY.items() if stored.get(key) != now.get(key))
    return list(dict.fromkeys(words))
