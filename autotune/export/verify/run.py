"""``autotune export --verify``: which proof a format is put to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from autotune.export.json_config import read_config
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions
from autotune.export.verify.compose_rules import verify_compose
from autotune.export.verify.known_turns import KnownTurns, known_turns
from autotune.export.verify.kubernetes_rules import verify_kubernetes
from autotune.export.verify.live import Room, verify_live
from autotune.export.verify.llama_swap_rules import verify_llama_swap
from autotune.export.verify.outcome import Verification
from autotune.export.verify.share_rules import verify_share
from autotune.export.verify.starting import STARTED, Artefact
from autotune.export.verify.unit_rules import verify_systemd
from autotune.study.folder import StudyFolder

Rules = Callable[[Path, ExportConfig, ExportOptions], Verification]

RULES: Mapping[str, Rules] = {
    "llama-swap": verify_llama_swap,
    "compose": verify_compose,
    "systemd": verify_systemd,
    "kubernetes": verify_kubernetes,
    "share": verify_share,
}
"""Formats for programs that start engines, and for people."""


def verify_export(
    artefact: Artefact,
    options: ExportOptions,
    folder: StudyFolder,
    room: Room,
    say: Callable[[str], None],
) -> Verification:
    """The proof of one exported file. Raises `MachineError` where it cannot be put to it here."""
    if (rules := RULES.get(artefact.format)) is not None:
        return rules(artefact.path, artefact.config, options)
    if artefact.format not in STARTED:
        raise ValueError(artefact.format)
    if artefact.format == "json":
        read_config(artefact.path)
    return verify_live(artefact, options, _turns_of(folder, artefact.config), room, say)


def _turns_of(folder: StudyFolder, config: ExportConfig) -> KnownTurns:
    """Of a contest, those of the engine that the config is for."""
    own = [study for study in folder.engine_studies() if _is_of(study, config)]
    return known_turns(own[0] if own else folder, config.provenance.trial)


def _is_of(study: StudyFolder, config: ExportConfig) -> bool:
    facts = study.read_provenance() if study.exists() else {}
    named = (config.provenance.engine, config.provenance.engine_sha256)
    return (facts.get("engine"), facts.get("engine_sha256")) == named
