"""What an engine inherits: a short allow-list, private directories and our marks.

Engines read settings from places nobody looks at: ``LLAMA_ARG_*``, ``VLLM_*``, a config.ini under
XDG_CONFIG_HOME. A trial must not depend on them, so nothing is inherited unless it is listed here
or in a manifest.
"""

from __future__ import annotations

import site
from collections.abc import Iterable, Mapping
from pathlib import Path

from autotune.launchers.marks import TRIAL
from autotune.launchers.protocol import LaunchContext

INHERITED = frozenset(
    {
        "PATH",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "CUDA_CACHE_PATH",
        "CUDA_DEVICE_ORDER",
        "CUDA_HOME",
        "CUDA_PATH",
        "CUDA_VISIBLE_DEVICES",
        "NVIDIA_DRIVER_CAPABILITIES",
        "NVIDIA_VISIBLE_DEVICES",
        "HIP_VISIBLE_DEVICES",
        "HSA_OVERRIDE_GFX_VERSION",
        "ROCM_PATH",
        "ROCR_VISIBLE_DEVICES",
    }
)
"""Find programs, libraries and devices; none of them tunes an engine."""

CUDA = "CUDA_VISIBLE_DEVICES"

PRIVATE = {
    "HOME": "home",
    "XDG_CONFIG_HOME": "home/.config",
    "XDG_CACHE_HOME": "home/.cache",
    "XDG_DATA_HOME": "home/.local/share",
    "XDG_STATE_HOME": "home/.local/state",
    "TMPDIR": "tmp",
}
"""Variable -> directory below `LaunchContext.work_dir`."""


def inherited(environ: Mapping[str, str], extra: Iterable[str] = ()) -> dict[str, str]:
    """What of `environ` an engine may see.

    The driver's cache of compiled kernels stays the user's: with a private HOME every launch of a
    PTX-only build would compile for minutes. So does Python's folder of packages that a user
    installed: an engine in Python may live there.
    """
    allowed = INHERITED | set(extra)
    env = {name: value for name, value in environ.items() if name in allowed}
    if "CUDA_CACHE_PATH" not in env and (home := environ.get("HOME")):
        env["CUDA_CACHE_PATH"] = str(Path(home) / ".nv" / "ComputeCache")
    env.setdefault("PYTHONUSERBASE", environ.get("PYTHONUSERBASE") or site.getuserbase())
    return env


def private(context: LaunchContext, gpu_env: str = CUDA) -> dict[str, str]:
    """Private directories, the trial's mark and, where a GPU is named, nothing but that GPU.

    An engine that has a variable of its own for it (`gpu_env`) gets the UUID there.
    """
    env = {name: str(context.work_dir / sub) for name, sub in PRIVATE.items()}
    return {**env, TRIAL: context.trial_id, **gpu_variables(context, gpu_env)}


def gpu_variables(context: LaunchContext, gpu_env: str = CUDA) -> dict[str, str]:
    """What leaves an engine nothing but the GPU of `context`; nothing where none is named."""
    if context.gpu_uuid is None:
        return {}
    own = gpu_env != CUDA or context.gpu_pin is None
    return {gpu_env: context.gpu_uuid} if own else dict(context.gpu_pin or {})


def make_directories(context: LaunchContext) -> None:
    """Create what `private` names, and the log's folder."""
    for sub in PRIVATE.values():
        (context.work_dir / sub).mkdir(parents=True, exist_ok=True)
    context.log_path.parent.mkdir(parents=True, exist_ok=True)
