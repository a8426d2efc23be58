"""Reads a model, whatever it is stored as."""

from __future__ import annotations

from pathlib import Path

from autotune.errors import UserError
from autotune.models.gguf import read_gguf
from autotune.models.gguf_model import model_info
from autotune.models.huggingface import CONFIG_FILE, read_folder
from autotune.models.info import ModelInfo, ModelKind
from autotune.models.split import read_parts

__all__ = ["ModelInfo", "ModelKind", "read_model"]

_IN_FOLDERS = (".safetensors", ".bin", ".pt", ".pth", ".json")
"""Files that are only a part of a Hugging Face folder."""


def read_model(path: Path) -> ModelInfo:
    """Read the model at `path`: a GGUF file (the first part of a split one) or a folder.

    A folder is a Hugging Face model: it holds a ``config.json``. Raises `UserError` when the model
    is missing, damaged, or not a language model.
    """
    if path.is_dir():
        return _folder(path)
    if path.suffix in _IN_FOLDERS and path.is_file():
        raise UserError(f"{path} is one file of a model's folder", f"give {path.parent} instead")
    header = read_gguf(path)
    return model_info(header, read_parts(header))


def _folder(path: Path) -> ModelInfo:
    if (path / CONFIG_FILE).is_file():
        return read_folder(path)
    if inside := sorted(path.glob("*.gguf")):
        hint = f"give the file inside it, e.g. {inside[0]}"
    else:
        hint = "give a GGUF file, or the folder of a downloaded Hugging Face model"
    raise UserError(f"{path} is a folder without {CONFIG_FILE}", hint)
