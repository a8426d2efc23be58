"""The weight files of a Hugging Face folder and what they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autotune.errors import UserError
from autotune.models.hf_config import read_json
from autotune.models.safetensors import StoredTensor, read_safetensors

INDEX_FILE = "model.safetensors.index.json"

_PACKED = frozenset({"I32", "U32", "I64", "U8", "I8"})
"""Several quantized values share one element of these."""


@dataclass(frozen=True, slots=True)
class HfWeights:
    """What is there. `tensors` is empty for files whose header is not read (``.bin``)."""

    files: tuple[Path, ...]
    tensors: tuple[StoredTensor, ...]

    @property
    def size_bytes(self) -> int | None:
        """Of all tensors (of all files where those are not read); ``None`` without weights."""
        if not self.files:
            return None
        if self.tensors:
            return sum(t.size_bytes for t in self.tensors)
        return sum(path.stat().st_size for path in self.files)

    @property
    def n_elements(self) -> int | None:
        """How many values they hold; ``None`` where that is not known, as with packed ones."""
        if not self.tensors or any(t.dtype in _PACKED for t in self.tensors):
            return None
        return sum(t.n_elements for t in self.tensors)

    @property
    def main_dtype(self) -> str | None:
        """The type that most bytes are of."""
        by_type: Counter[str] = Counter()
        for tensor in self.tensors:
            by_type[tensor.dtype] += tensor.size_bytes
        return by_type.most_common(1)[0][0] if by_type else None

    @property
    def has_output_layer(self) -> bool | None:
        """Whether there is one apart from the embedding; ``None`` where headers are not read."""
        if not self.tensors:
            return None
        return any(t.name.endswith("lm_head.weight") for t in self.tensors)


def read_weights(folder: Path) -> HfWeights:
    """The weights in `folder`, none being an answer too.

    Raises `UserError` when a part that the index names is missing, or a file is damaged.
    """
    files = _safetensors(folder)
    if files:
        return HfWeights(files, tuple(t for path in files for t in read_safetensors(path)))
    return HfWeights(tuple(sorted(folder.glob("pytorch_model*.bin"))), ())


def _safetensors(folder: Path) -> tuple[Path, ...]:
    """Those that the index names; without an index all but a second copy of the same weights."""
    index = folder / INDEX_FILE
    if index.is_file():
        return _indexed(folder, index)
    found = sorted(folder.glob("*.safetensors"))
    loaded = [path for path in found if not path.name.startswith("consolidated")]
    return tuple(loaded or found)


def _indexed(folder: Path, index: Path) -> tuple[Path, ...]:
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict):
        raise UserError(f"{index} has no weight_map", "download the model again")
    files = _inside(folder, {str(name) for name in names.values()})
    missing = [path.name for path in files if not path.is_file()]
    if len(missing) == len(files):
        return ()
    if missing:
        raise UserError(
            f"{folder} lacks {len(missing)} of {len(files)} weight files, e.g. {missing[0]}",
            "download the model again",
        )
    return files


def _inside(folder: Path, names: Iterable[str]) -> tuple[Path, ...]:
    """Files by name; a name that leads elsewhere is taken for a damaged index."""
    if any(Path(name).name != name for name in names):
        raise UserError(f"{folder / INDEX_FILE} names files elsewhere", "download the model again")
    return tuple(folder / name for name in sorted(names))
