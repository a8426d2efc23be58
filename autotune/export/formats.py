"""The target formats by name: how each is rendered, for which engines, and its file's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.errors import UserError
from autotune.export.command import command_of
from autotune.export.compose import render_compose
from autotune.export.env_file import render_env_file
from autotune.export.json_config import render_json
from autotune.export.kubernetes import render_kubernetes
from autotune.export.llama_preset import render_llama_preset
from autotune.export.llama_swap import render_llama_swap
from autotune.export.manifest import render_manifest
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions
from autotune.export.sglang_args import render_sglang_args
from autotune.export.share import render_share
from autotune.export.shell import render_shell
from autotune.export.systemd_unit import render_systemd_unit
from autotune.export.vllm_yaml import render_vllm_yaml

if TYPE_CHECKING:
    from autotune.study.folder import StudyFolder

Render = Callable[[ExportConfig, ExportOptions], str]


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One target format. `mode` are the permissions of a file of it.

    `engines` are those that can be started by it, ``None`` for any; `usual` ones are written when
    a study ends.
    """

    render: Render
    file_name: str
    mode: int = 0o644
    engines: tuple[str, ...] | None = None
    usual: bool = False


def _full(render_full: Callable[[ExportConfig, bool], str]) -> Render:
    """Of the options only whether every setting is written."""
    return lambda config, options: render_full(config, options.full)


FORMATS: Mapping[str, ExportFormat] = {
    "shell": ExportFormat(_full(render_shell), "serve.sh", 0o755, usual=True),
    "json": ExportFormat(_full(render_json), "config.json", usual=True),
    "llama-preset": ExportFormat(render_llama_preset, "preset.ini", engines=("llama-server",)),
    "llama-swap": ExportFormat(render_llama_swap, "llama-swap.yaml"),
    "env": ExportFormat(_full(render_env_file), "serve.env", engines=("llama-server",)),
    "vllm-yaml": ExportFormat(_full(render_vllm_yaml), "vllm.yaml", engines=("vllm",)),
    "sglang-args": ExportFormat(_full(render_sglang_args), "sglang.args", engines=("sglang",)),
    "compose": ExportFormat(render_compose, "compose.yaml"),
    "systemd": ExportFormat(render_systemd_unit, "autotune-engine.service"),
    "kubernetes": ExportFormat(render_kubernetes, "kubernetes.yaml"),
    "manifest": ExportFormat(_full(render_manifest), "engine.toml"),
    "share": ExportFormat(_full(render_share), "share.json"),
}


def render(config: ExportConfig, format_name: str, options: ExportOptions) -> str:
    """`config` in one format. Raises `UserError` where its engine cannot be started by that."""
    target, engine = FORMATS[format_name], config.provenance.engine
    if target.engines is not None and engine not in target.engines:
        raise UserError(
            f"{format_name} is for {' and '.join(target.engines)}, and this config is for {engine}",
            f"formats for {engine}: {', '.join(formats_for(engine))}",
        )
    command_of(config, options.full)  # no format may hold a secret
    return target.render(config, options)


def formats_for(engine: str | None) -> tuple[str, ...]:
    """The formats that an engine can be started by."""
    fit = [name for name, f in FORMATS.items() if f.engines is None or engine in f.engines]
    described = engine == "reference" or str(engine).endswith(".toml")
    return tuple(name for name in fit if name != "manifest" or described)


def write_export(path: Path, config: ExportConfig, format_name: str, full: bool = False) -> None:
    """`config` in one format, atomically.

    Raises `UserError` for a format that cannot say it, `MachineError` when the disk refuses.
    """
    text = render(config, format_name, ExportOptions(full=full))
    write_text(path, text, format_name)


def write_text(path: Path, text: str, format_name: str) -> None:
    """A rendered export, atomically. Raises `MachineError` when the disk refuses."""
    from autotune.study.files import write_text_atomic

    write_text_atomic(path, text, mode=FORMATS[format_name].mode)


def write_all(folder: StudyFolder, config: ExportConfig) -> tuple[Path, ...]:
    """`config` in the usual formats, into the study's ``exports/``; their paths.

    Raises `MachineError` when the disk refuses.
    """
    paths = []
    for name, target in FORMATS.items():
        if target.usual:
            path = folder.exports / target.file_name
            write_export(path, config, name)
            paths.append(path)
    return tuple(paths)
