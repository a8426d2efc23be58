"""A Deployment and a Service, read back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from autotune.export.kubernetes import render_kubernetes
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions


def read(config: ExportConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    text = render_kubernetes(config, ExportOptions(name="My_1", image="mine:1"))
    deployment, service = yaml.safe_load_all(text)
    return deployment, service


def container(config: ExportConfig) -> dict[str, Any]:
    deployment, _ = read(config)
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(found)


def test_one_pod_at_a_time_with_one_gpu_of_the_kind(llama: ExportConfig) -> None:
    deployment, service = read(llama)
    assert deployment["metadata"]["name"] == "my-1"
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert service["spec"]["selector"] == {"app": "my-1"}
    box = container(llama)
    assert box["resources"] == {"limits": {"nvidia.com/gpu": 1}}
    # The device plugin chooses the card: a pinned UUID would hide it.
    assert "env" not in box
    assert box["startupProbe"]["httpGet"] == {"path": "/health", "port": "http"}


def test_dollars_are_doubled(llama: ExportConfig) -> None:
    argv = (*llama.argv, "--alias", "a$(HOME)")
    assert container(replace(llama, argv=argv))["args"][-1] == "a$$(HOME)"


@pytest.mark.parametrize(
    ("engine", "probe"),
    [
        ("sglang", {"httpGet": {"path": "/ready", "port": "http"}}),
        ("reference", {"httpGet": {"path": "/health", "port": "http"}}),
        ("m.toml", {"tcpSocket": {"port": "http"}}),
    ],
)
def test_no_probe_makes_the_engine_generate(made: Any, engine: str, probe: dict[str, Any]) -> None:
    config = made(engine, ["/x", "--model-path", "/m/a"])
    text = render_kubernetes(config, ExportOptions(image="i"))
    deployment, _ = yaml.safe_load_all(text)
    (box,) = deployment["spec"]["template"]["spec"]["containers"]
    assert box["readinessProbe"] == {**probe, "periodSeconds": 10}
    assert "resources" not in box
