"""Which engines serve which kind of model."""

from __future__ import annotations

from autotune.errors import UserError
from autotune.models.engine_memory import memory_model
from autotune.models.info import ModelInfo, ModelKind

_WORDS = {ModelKind.GGUF: "a GGUF file", ModelKind.HUGGINGFACE: "a Hugging Face folder"}
_HINTS = {
    ModelKind.GGUF: "give a .gguf file (llama.cpp's convert_hf_to_gguf.py makes one of a folder)",
    ModelKind.HUGGINGFACE: "give the folder that holds config.json and the safetensors files",
}


def check_kind(space: str, model: ModelInfo, *, engine: str | None = None) -> None:
    """Raise `UserError` when engines of search space `space` cannot serve this kind of model.

    `engine` is the name to say, where it is not the space's.
    """
    wanted = memory_model(space).kind
    if wanted is not None and model.kind is not wanted:
        raise UserError(
            f"{engine or space} serves {_WORDS[wanted]}, and {model.path} is {_WORDS[model.kind]}",
            _HINTS[wanted],
        )
