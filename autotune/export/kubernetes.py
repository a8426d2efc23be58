"""A Deployment and a Service for Kubernetes."""

from __future__ import annotations

from typing import Any

from autotune.export.container import Container, container_of
from autotune.export.gpu_kind import GpuKind
from autotune.export.llama_swap import CHECK
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions, dns_name, service_name
from autotune.export.provenance import scope_text
from autotune.export.yaml_text import comment, dump

RESOURCES = {GpuKind.NVIDIA: "nvidia.com/gpu", GpuKind.AMD: "amd.com/gpu"}
START_TRIES, START_PERIOD_S = 180, 10
"""Half an hour for weights to load and code to compile; then it is restarted."""

_NOTES = (
    "The model is mounted from the node's own disk (hostPath): keep the pod on a node that has it,",
    "or put a PersistentVolumeClaim there. Which GPU it gets is the scheduler's choice.",
)


def render_kubernetes(config: ExportConfig, options: ExportOptions) -> str:
    """Two documents. The GPU is asked for by its kind: a UUID cannot be."""
    box = container_of(config, options)
    name = dns_name(service_name(config, options))
    head = comment(config, scope_text(options.full)) + "".join(f"# {line}\n" for line in _NOTES)
    return f"{head}{dump(_deployment(name, config, box))}---\n{dump(_service(name, box))}"


def _deployment(name: str, config: ExportConfig, box: Container) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 1,
            # Two pods at once would want two GPUs.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _pod(name, config, box)},
        },
    }


def _pod(name: str, config: ExportConfig, box: Container) -> dict[str, Any]:
    volumes: list[dict[str, Any]] = [
        {"name": f"models-{at}", "hostPath": {"path": mount.source, "type": "Directory"}}
        for at, mount in enumerate(box.mounts)
    ]
    volumes.append({"name": "shm", "emptyDir": {"medium": "Memory"}})
    return {
        "terminationGracePeriodSeconds": 60,
        "containers": [_container(name, config, box)],
        "volumes": volumes,
    }


def _container(name: str, config: ExportConfig, box: Container) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": name[:63],
        "image": box.image,
        "command": [_literal(word) for word in box.entrypoint],
        "args": [_literal(word) for word in box.args],
        "ports": [{"name": "http", "containerPort": box.port}],
    }
    if box.env:
        made["env"] = [{"name": n, "value": _literal(v)} for n, v in box.env.items()]
    if (resource := RESOURCES.get(box.kind)) is not None:
        made["resources"] = {"limits": {resource: 1}}
    return {**made, **_probes(config), "volumeMounts": _mounts(box)}


def _probes(config: ExportConfig) -> dict[str, Any]:
    """By the path that answers without generating; of an unknown engine, by its port alone."""
    path = CHECK.get(config.provenance.engine or "")
    how: dict[str, Any] = (
        {"tcpSocket": {"port": "http"}}
        if path is None
        else {"httpGet": {"path": path, "port": "http"}}
    )
    starting = {"periodSeconds": START_PERIOD_S, "failureThreshold": START_TRIES}
    return {"startupProbe": {**how, **starting}, "readinessProbe": {**how, "periodSeconds": 10}}


def _mounts(box: Container) -> list[dict[str, Any]]:
    models = [
        {"name": f"models-{at}", "mountPath": mount.target, "readOnly": True}
        for at, mount in enumerate(box.mounts)
    ]
    return [*models, {"name": "shm", "mountPath": "/dev/shm"}]  # noqa: S108  # of the container


def _service(name: str, box: Container) -> dict[str, Any]:
    port = {"name": "http", "port": box.port, "targetPort": "http"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"selector": {"app": name}, "ports": [port]},
    }


def _literal(text: str) -> str:
    """``$(NAME)`` is replaced in commands and values; a doubled dollar is one."""
    return text.replace("$", "$$")
