"""What a container is given: image, paths, address."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autotune.errors import UserError
from autotune.export.container import Mount, container_of
from autotune.export.gpu_kind import GpuKind
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions

PLAIN = ExportOptions()
UUID = "GPU-12345678-9abc-def0-1234-56789abcdef0"
NAMED = ExportOptions(image="llama.cpp:server-cuda")


def test_a_file_is_seen_below_its_mounted_folder(llama: ExportConfig) -> None:
    box = container_of(llama, NAMED)
    assert box.mounts == (Mount("/models", "/models"),)
    assert box.args[:4] == ("--model", "/models/it's tiny.gguf", "--host", "0.0.0.0")
    assert (box.entrypoint, box.port) == (("/app/llama-server",), 8080)
    assert box.env == {}  # the container's own GPU is no affair of the engine's variables


def test_a_folder_is_mounted_itself(vllm: ExportConfig) -> None:
    box = container_of(vllm, PLAIN)
    assert box.mounts == (Mount("/models/tiny model", "/models"),)
    assert box.entrypoint == ("vllm", "serve")
    assert box.args[0] == "/models"
    assert box.env == {"VLLM_CPU_KVCACHE_SPACE": "4"}


def test_a_snapshot_of_hugging_faces_cache_brings_its_blobs(vllm: ExportConfig) -> None:
    path = "/home/me/.cache/huggingface/hub/models--a--b/snapshots/0123"
    box = container_of(replace(vllm, argv=("/opt/vllm", "serve", path)), PLAIN)
    assert box.mounts == (Mount("/home/me/.cache/huggingface/hub/models--a--b", "/models"),)
    assert box.args[0] == "/models/snapshots/0123"


def test_a_draft_model_elsewhere_is_mounted_too(llama: ExportConfig) -> None:
    argv = (*llama.argv, "--spec-draft-model", "/drafts/d.gguf", "--mmproj", "/drafts/p.gguf")
    box = container_of(replace(llama, argv=argv), NAMED)
    assert box.mounts == (Mount("/models", "/models"), Mount("/drafts", "/models-2"))
    assert box.args[-3:] == ("/models-2/d.gguf", "--mmproj", "/models-2/p.gguf")


def test_a_value_that_only_looks_like_a_path_is_none(llama: ExportConfig) -> None:
    box = container_of(replace(llama, argv=(*llama.argv, "--api-prefix", "/v2")), NAMED)
    assert box.args[-1] == "/v2"
    assert len(box.mounts) == 1


@pytest.mark.parametrize(
    ("engine", "version", "image"),
    [
        ("vllm", "0.32.0", "vllm/vllm-openai:v0.32.0"),
        ("vllm", "0.32.0+cu129", "vllm/vllm-openai:v0.32.0"),
        ("sglang", "0.5.6.post2", "lmsysorg/sglang:v0.5.6.post2"),
    ],
)
def test_the_projects_own_image_of_this_release(
    made: Any, engine: str, version: str, image: str
) -> None:
    config = made(engine, ["/x", "--model", "/m/a"], gpu=UUID, version=version)
    assert container_of(config, PLAIN).image == image


@pytest.mark.parametrize(
    ("version", "gpu", "tag"),
    [
        ("0.6.0-dev (build 11434, commit abc)", UUID, "server-cuda-b11434"),
        ("6895 (4341dc8bc)", "cpu", "server-b6895"),
        ("0.6.0-dev (build 0, commit unknown)", "cpu", "server"),
        ("x", "GPU-0123456789abcdef", "server-rocm"),
    ],
)
def test_an_image_of_llama_server_is_named_by_the_user(
    made: Any, version: str, gpu: str, tag: str
) -> None:
    config = made("llama-server", ["/x", "--model", "/m/a.gguf"], gpu=gpu, version=version)
    with pytest.raises(UserError, match="needs the image's name") as caught:
        container_of(config, PLAIN)
    assert caught.value.hint == (
        f"build or pull one that has it at /app/llama-server: --image llama.cpp:{tag}"
    )
    box = container_of(config, ExportOptions(image="mine:1"))
    assert (box.image, box.entrypoint) == ("mine:1", ("/app/llama-server",))


@pytest.mark.parametrize(
    ("engine", "gpu", "message"),
    [
        ("vllm", "cpu", "known for vllm 0.32.0 on this kind of processor"),
        ("mine.toml", UUID, "known for mine.toml"),
    ],
)
def test_where_no_image_is_known_one_must_be_named(
    made: Any, engine: str, gpu: str, message: str
) -> None:
    config = made(engine, ["/x/run", "--model", "/m/a"], gpu=gpu, version="0.32.0")
    with pytest.raises(UserError, match=message) as caught:
        container_of(config, PLAIN)
    assert "--image" in caught.value.hint
    box = container_of(config, ExportOptions(image="me/mine:1"))
    assert box.image == "me/mine:1"
    assert box.kind is (GpuKind.NVIDIA if gpu == UUID else GpuKind.NONE)


def test_the_reference_engine_is_started_by_the_images_python(made: Any) -> None:
    module = ["-m", "autotune.launchers.reference_engine"]
    argv = ["/home/me/.venv/bin/python", *module, "--model", "/m/a.gguf", "--threads", "2"]
    box = container_of(made("reference", argv), NAMED)
    assert box.entrypoint == ("python3", *module)
    assert box.args[:4] == ("--model", "/models/a.gguf", "--threads", "2")


def test_an_engine_of_ones_own_keeps_its_program(made: Any) -> None:
    config = made("mine.toml", ["/x/run", "--model", "/m/a.gguf"])
    box = container_of(config, ExportOptions(image="me/mine:1"))
    assert box.entrypoint == ("/x/run",)


def test_a_relative_model_cannot_be_mounted(made: Any) -> None:
    with pytest.raises(UserError, match="is not a whole path"):
        container_of(made("llama-server", ["/x", "--model", "a.gguf"]), NAMED)
