"""What an engine inherits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autotune.launchers.environment import inherited, private
from autotune.launchers.protocol import LaunchContext


def test_only_what_is_listed_is_handed_through() -> None:
    environ = {
        "PATH": "/bin",
        "LD_LIBRARY_PATH": "/usr/local/cuda/lib64",
        "CUDA_VISIBLE_DEVICES": "1",
        "CUDA_LAUNCH_BLOCKING": "1",
        "LLAMA_ARG_CTX_SIZE": "512",
        "HOME": "/home/me",
        "HF_HOME": "/models",
        "PYTHONUSERBASE": "/home/me/.local",
    }
    assert inherited(environ, ["HF_HOME"]) == {
        "PATH": "/bin",
        "LD_LIBRARY_PATH": "/usr/local/cuda/lib64",
        "CUDA_VISIBLE_DEVICES": "1",
        "CUDA_CACHE_PATH": "/home/me/.nv/ComputeCache",
        "HF_HOME": "/models",
        "PYTHONUSERBASE": "/home/me/.local",
    }


def test_home_is_private_and_one_gpu_is_seen(
    launch_context: Callable[..., LaunchContext], tmp_path: Path
) -> None:
    context = launch_context(tmp_path / "m", gpu_uuid="GPU-1234", trial_id="t1")
    env = private(context)
    assert env["CUDA_VISIBLE_DEVICES"] == "GPU-1234"
    assert env["AUTOTUNE_TRIAL"] == "t1"
    assert env["HOME"] == str(context.work_dir / "home")
    assert env["XDG_CONFIG_HOME"] == str(context.work_dir / "home" / ".config")
    assert "HIP_VISIBLE_DEVICES" in private(context, "HIP_VISIBLE_DEVICES")


def test_every_maker_s_gpu_is_pinned_by_its_own_variables(
    launch_context: Callable[..., LaunchContext], tmp_path: Path
) -> None:
    rocm = {"ROCR_VISIBLE_DEVICES": "GPU-9", "HIP_VISIBLE_DEVICES": "0"}
    amd = launch_context(tmp_path / "m", gpu_uuid="GPU-9", gpu_pin=rocm)
    assert rocm.items() <= private(amd).items()
    assert "CUDA_VISIBLE_DEVICES" not in private(amd)
    assert private(amd, "ENGINE_GPU")["ENGINE_GPU"] == "GPU-9"  # a manifest's own
    apple = launch_context(tmp_path / "m", gpu_uuid="apple-m4", gpu_pin={})
    assert not {name for name in private(apple) if "VISIBLE" in name}
