"""The command line that goes on with a study."""

from __future__ import annotations

import shlex
from dataclasses import fields

from autotune.search.request import RunRequest
from autotune.study.folder import StudyFolder

_FLAGS = {"budget_s": "budget", "pins": "set", "fixes": "fix"}
_NEVER = frozenset(
    {"dry_run", "assume_gpu", "new_study", "study", "noise_cache", "tables"}
    | {"host_bytes", "partners"}
)


def resume_command(request: RunRequest, folder: StudyFolder) -> str:
    """``autotune run ...`` with everything that is not at its default, and the study's name."""
    return shlex.join([*request_words(request), "--study", folder.name])


def request_words(request: RunRequest) -> list[str]:
    """``autotune run ...`` with everything that is not at its default, but for the study's name."""
    words = ["autotune", "run"]
    for item in fields(request):
        value = getattr(request, item.name)
        if item.name in _NEVER or value is None or value == item.default:
            continue
        flag = "--" + _FLAGS.get(item.name, item.name).replace("_", "-")
        words += _words(flag, item.name, value)
    return words


def _words(flag: str, name: str, value: object) -> list[str]:
    if isinstance(value, dict):
        return [word for k, v in value.items() for word in (flag, f"{k}={_text(v)}")]
    if isinstance(value, tuple):
        return [word for one in value for word in (flag, str(one))]
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    if name == "budget_s" and isinstance(value, float):
        return [flag, f"{value:g}s"]
    return [flag, str(value)]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
