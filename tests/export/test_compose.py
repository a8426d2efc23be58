"""A compose file, read back by a YAML reader and by the rules of variables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from autotune.export.compose import render_compose
from autotune.export.model import ExportConfig, ExportProvenance
from autotune.export.options import ExportOptions

NAMED = ExportOptions(name="fast", image="mine:1")
UUID = "GPU-12345678-9abc-def0-1234-56789abcdef0"


def service_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)["services"]["fast"]
    return found


def test_one_gpu_by_its_uuid_on_loopback_only(llama: ExportConfig) -> None:
    service = service_of(render_compose(llama, NAMED))
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "device_ids": [UUID], "capabilities": ["gpu"]}
    assert service["ports"] == ["127.0.0.1:8080:8080"]
    assert service["volumes"] == [
        {"type": "bind", "source": "/models", "target": "/models", "read_only": True}
    ]
    # Quoted, or YAML would make a switch and a number of them.
    assert service["command"][4:8] == ["--port", "8080", "--fit", "off"]
    assert "ipc" not in service


def test_pytorch_shares_memory_and_locked_weights_may_be_locked(
    llama: ExportConfig, vllm: ExportConfig
) -> None:
    service = service_of(render_compose(vllm, NAMED))
    assert service["ipc"] == "host"
    assert service["environment"] == {"VLLM_CPU_KVCACHE_SPACE": "4"}
    locked = replace(llama, argv=(*llama.argv, "--load-mode", "mlock"))
    assert service_of(render_compose(locked, NAMED))["ulimits"] == {"memlock": -1}


def test_the_reference_engine_shares_no_memory_between_processes(made: Any) -> None:
    config = made("reference", ["/x/python", "-m", "m", "--model", "/m/a.gguf"])
    assert "ipc" not in service_of(render_compose(config, NAMED))


def test_an_amd_card_comes_as_devices(made: Any) -> None:
    argv = ["/x", "--model", "/m/a.gguf"]
    service = service_of(
        render_compose(made("llama-server", argv, gpu="GPU-0123456789abcdef"), NAMED)
    )
    assert service["devices"] == ["/dev/kfd", "/dev/dri"]
    assert "deploy" not in service


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20))
def test_any_value_survives_yaml_and_variables(value: str) -> None:
    argv = ("/x", f"--alias=x{value}")
    facts = ExportProvenance("s", engine="llama-server")
    text = render_compose(ExportConfig({}, {}, argv, {}, facts), NAMED)
    word = service_of(text)["command"][0]
    assert word.replace("$$", "").count("$") == 0
    assert word.replace("$$", "$") == f"--alias=x{value}"


def test_what_is_the_readers_own_is_taken_from_the_readers_shell(llama: ExportConfig) -> None:
    facts = replace(llama.provenance, wanted_variables=("MINE_LICENSE",))
    service = service_of(render_compose(replace(llama, provenance=facts), NAMED))
    assert service["environment"] == {"MINE_LICENSE": None}
