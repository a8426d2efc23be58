"""The comment that every exported config starts with: where it comes from and what it gained."""

from __future__ import annotations

from autotune.export.model import ExportProvenance


def provenance_lines(provenance: ExportProvenance) -> list[str]:
    """One line a fact, without comment signs; facts that are absent are left out."""
    facts = [
        ("study", _study(provenance)),
        ("verdict", provenance.verdict),
        ("gain", gain_text(provenance)),
        ("filled", provenance.held),
        ("engine", _with_hash(provenance.engine, provenance.engine_version)),
        ("engine sha256", _bare(provenance.engine_sha256)),
        ("model", provenance.model),
        ("model sha256", _bare(provenance.model_sha256)),
        ("GPU", provenance.gpu),
        ("workload", provenance.workload_digest),
        ("depth", provenance.depth),
        ("objective", provenance.objective),
        ("date", provenance.date),
        ("can change what the model says", ", ".join(provenance.quality_changing) or None),
        ("quality guard", provenance.quality),
        ("needs these variables of yours", ", ".join(provenance.wanted_variables) or None),
    ]
    version = provenance.autotune_version
    head = f"Written by autotune {version}." if version else "Written by autotune."
    return [head, *(f"{name}: {one_line(text)}" for name, text in facts if text)]


def scope_text(full: bool) -> str:
    """Which settings a file holds."""
    if full:
        return "Every setting is written out."
    return "Only what differs from the engine's defaults is written; export --full writes all."


def gain_text(provenance: ExportProvenance) -> str | None:
    """The speed-up over the engine's defaults in words, with its interval and its standing."""
    if provenance.speedup is None:
        return None if provenance.confirmed else "not confirmed"
    text = f"{provenance.speedup:.2f}x the speed of the engine's defaults"
    if provenance.interval is not None:
        low, high = provenance.interval
        text += f" (interval {low:.2f}x to {high:.2f}x)"
    return text if provenance.confirmed else f"{text}, not confirmed"


def _study(provenance: ExportProvenance) -> str:
    if provenance.trial is None:
        return provenance.study
    return f"{provenance.study}, trial {provenance.trial}"


def _with_hash(name: str | None, version: str | None) -> str | None:
    return " ".join(part for part in (name, version) if part) or None


def _bare(digest: str | None) -> str | None:
    return digest.removeprefix("sha256:") if digest else None


def one_line(text: str) -> str:
    """A comment must never end early: whatever breaks a line or cannot be printed is a blank.

    A backslash at its end, which would join the next line to it, becomes a slash.
    """
    printed = "".join(c if c.isprintable() else " " for c in text)
    told = " ".join(printed.split())
    return told.removesuffix("\\") + "/" if told.endswith("\\") else told
