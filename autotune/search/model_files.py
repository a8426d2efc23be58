"""Other files of the same model (weights of another quantization) as one more thing to search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from autotune.errors import UserError
from autotune.launchers.model_setting import MODEL
from autotune.models.identity import model_sha256
from autotune.models.info import ModelInfo
from autotune.models.metadata import read_model
from autotune.search.space import Parameter, Space

_MUST_AGREE = ("architecture", "n_layers", "n_embd", "n_vocab")


def other_models(paths: Sequence[Path], main: ModelInfo) -> tuple[ModelInfo, ...]:
    """What `paths` hold, each once and without `main`.

    Raises `UserError` for a file that is not there, or that is another model than `main`.
    """
    found: dict[Path, ModelInfo] = {}
    for path in paths:
        whole = path.expanduser().resolve()
        if not whole.exists():
            raise UserError(f"there is no model at {path}", "check --also-model")
        if whole != main.path.resolve():
            found[whole] = _same_model(read_model(whole), main)
    return tuple(found.values())


def _same_model(info: ModelInfo, main: ModelInfo) -> ModelInfo:
    for name in _MUST_AGREE:
        one, other = getattr(main, name), getattr(info, name)
        if one != other:
            raise UserError(
                f"{info.path.name} is another model than {main.path.name}: "
                f"{name.removeprefix('n_')} {other}, not {one}",
                "--also-model takes other quantizations of the same model",
            )
    return info


def with_models(space: Space, main: ModelInfo, others: Sequence[ModelInfo]) -> Space:
    """`space` with the model's file as a parameter; as it is without other files."""
    if not others or MODEL in space.fixed:
        return space
    files = tuple(str(info.path.resolve()) for info in (main, *others))
    parameter = Parameter(
        name=MODEL,
        choices=files,
        default=files[0],
        concept="quantization",
        about="The file of weights.",
        quality=True,
    )
    return replace(space, parameters=(parameter, *space.parameters))


def least_quantized(models: Sequence[ModelInfo]) -> ModelInfo:
    """The file with the most bits a weight; of equal ones the first.

    The number of weights is the same, so these are the largest weights.
    """
    return max(models, key=lambda info: info.weights_bytes or info.file_bytes)


def files_of(main: ModelInfo, others: Sequence[ModelInfo]) -> Mapping[str, str]:
    """Digest of every file by its path, for what must be the same when a study goes on."""
    return {str(info.path.resolve()): model_sha256(*info.parts).sha256 for info in (main, *others)}
