"""The command line that goes on with a contest."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from autotune.search.contest.request import EVERY_ENGINE, ContestRequest
from autotune.search.resume import request_words
from autotune.study.folder import StudyFolder


def contest_resume(request: ContestRequest, folder: StudyFolder) -> str:
    """``autotune run ...`` with everything that was said, and the contest's name."""
    said = request.words
    words = [
        *request_words(request.shared),
        *_paths("--engine-path", said.paths),
        *_paths("--model", said.models),
        *(word for key, v in said.pins.items() for word in ("--set", f"{key}={_text(v)}")),
        *(word for key, v in said.fixes.items() for word in ("--fix", f"{key}={_text(v)}")),
        "--study",
        folder.name,
    ]
    return shlex.join(words)


def _paths(flag: str, paths: Mapping[str, Path]) -> list[str]:
    words = []
    for engine, path in paths.items():
        words += [flag, str(path) if engine == EVERY_ENGINE else f"{engine}={path}"]
    return words


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
