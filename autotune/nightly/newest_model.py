"""Which model a target means tonight, where what it names is a folder that newer ones appear in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from autotune.errors import UserError
from autotune.models.huggingface import CONFIG_FILE
from autotune.models.metadata import read_model

_SNAPSHOTS, _MAIN = "snapshots", Path("refs") / "main"
_LATER_PART = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.gguf$")
_BESIDE = ("mmproj", "imatrix")
"""Files of the format that are no language model: projectors of images, importance matrices."""
_WEIGHTS = (".safetensors", ".bin")
_FETCHING = (".aria2", ".st")
"""What downloaders (aria2, axel) keep beside a file of full size until all of it is there."""


def newest_model(path: Path) -> Path:
    """The model at `path`: that file, or the newest one in that folder.

    A folder is a model of Hugging Face's, a repository in its cache (``models--...``, of which the
    snapshot that ``refs/main`` names is taken), or holds GGUF files, of which the one written last
    is taken. The last part of `path` may hold ``*`` and ``?``. Raises `UserError` when there is
    none.
    """
    path = path.expanduser()
    if path.is_file():
        return path
    if not path.is_dir():
        return _matching(path)
    if (path / _SNAPSHOTS).is_dir():
        return newest_model(_snapshot(path))
    if path.name == _SNAPSHOTS:
        return newest_model(_snapshot(path.parent))
    return path if (path / CONFIG_FILE).is_file() else _newest(path, path.glob("*.gguf"))


def _matching(path: Path) -> Path:
    """The newest file that fits a name with wildcards."""
    if not re.search(r"[*?\[]", path.name) or not path.parent.is_dir():
        raise UserError(f"there is no model at {path}", "check the target's model")
    return _newest(path, path.parent.glob(path.name))


def _snapshot(repository: Path) -> Path:
    """What ``refs/main`` names, where it is here; else the snapshot that was made last."""
    folder = repository / _SNAPSHOTS
    if (repository / _MAIN).is_file():
        named = folder / (repository / _MAIN).read_text(encoding="utf-8").strip()
        if named != folder and named.is_dir():
            return named
    made = [path for path in folder.iterdir() if path.is_dir()]
    if not made:
        raise UserError(f"{repository} has no snapshot", "download the model, or name another")
    return max(made, key=_written)


def _newest(where: Path, paths: Iterable[Path]) -> Path:
    models = [path for path in paths if path.exists() and _is_model(path)]
    if not models:
        raise UserError(
            f"there is no model in {where}",
            f"put a GGUF file there, or name a model's folder with {CONFIG_FILE}",
        )
    return max(models, key=_written)


def _is_model(path: Path) -> bool:
    """Whether it is a model by its name: no later part of a split one, nothing that goes beside,
    nothing that is still being fetched."""
    fetched = not any(path.with_name(path.name + ending).exists() for ending in _FETCHING)
    return fetched and not _LATER_PART.search(path.name) and not path.name.startswith(_BESIDE)


def _written(path: Path) -> tuple[int, str]:
    """When it was written; of those at one moment the last by name. Links are followed."""
    return path.stat().st_mtime_ns, path.name


def parts_of(model: Path) -> tuple[Path, ...]:
    """The files that make the model what it is.

    Raises `UserError` for one that is damaged, and for a folder without weights: a download puts
    the small files there first.
    """
    parts = read_model(model).parts
    if model.is_dir() and not any(path.suffix in _WEIGHTS for path in parts):
        raise UserError(f"{model} holds no weights", "it may still be downloaded: look again later")
    return parts
