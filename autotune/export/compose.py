"""A file for ``docker compose``: one service, one GPU by its UUID, the model mounted read only."""

from __future__ import annotations

from typing import Any

from autotune.export.container import Container, container_of
from autotune.export.gpu_kind import GpuKind, gpu_uuid
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions, service_name
from autotune.export.provenance import scope_text
from autotune.export.systemd_unit import locks_memory
from autotune.export.yaml_text import comment, dump


def render_compose(config: ExportConfig, options: ExportOptions) -> str:
    """The file's text; the engine is reached on this machine's loopback only."""
    box = container_of(config, options)
    data = {"services": {service_name(config, options): _service(config, box)}}
    note = "# Use it with: docker compose -f FILE up -d\n"
    return f"{comment(config, scope_text(options.full))}{note}{dump(data)}"


def _service(config: ExportConfig, box: Container) -> dict[str, Any]:
    service: dict[str, Any] = {
        "image": _literal(box.image),
        "entrypoint": [_literal(word) for word in box.entrypoint],
        "command": [_literal(word) for word in box.args],
        "ports": [f"127.0.0.1:{box.port}:{box.port}"],
        "volumes": [_volume(mount.source, mount.target) for mount in box.mounts],
    }
    if environment := environment_of(config, box):
        service["environment"] = environment
    if config.provenance.engine not in ("llama-server", "reference"):
        service["ipc"] = "host"  # PyTorch's processes share memory, of which Docker gives 64 MiB
    if locks_memory(box.command):
        service["ulimits"] = {"memlock": -1}
    service |= _gpu(config, box.kind)
    return {**service, "restart": "unless-stopped", "stop_grace_period": "60s"}


def environment_of(config: ExportConfig, box: Container) -> dict[str, str | None]:
    """Variables with their values; those without are taken from whoever runs compose."""
    wanted: dict[str, str | None] = dict.fromkeys(config.provenance.wanted_variables)
    return {**wanted, **{name: _literal(value) for name, value in box.env.items()}}


def _volume(source: str, target: str) -> dict[str, Any]:
    """The long form: in the short one a colon in a path would end it."""
    return {"type": "bind", "source": _literal(source), "target": target, "read_only": True}


def _gpu(config: ExportConfig, kind: GpuKind) -> dict[str, Any]:
    if kind is GpuKind.AMD:
        return {"devices": ["/dev/kfd", "/dev/dri"], "group_add": ["video", "render"]}
    if kind is GpuKind.NONE:
        return {}
    uuid = gpu_uuid(config)
    which = {"device_ids": [uuid]} if uuid is not None else {"count": 1}
    device = {"driver": "nvidia", **which, "capabilities": ["gpu"]}
    return {"deploy": {"resources": {"reservations": {"devices": [device]}}}}


def _literal(text: str) -> str:
    """Compose replaces variables in every text; a doubled dollar is one."""
    return text.replace("$", "$$")
