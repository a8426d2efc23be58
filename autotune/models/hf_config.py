"""Typed access to a Hugging Face model's ``config.json``.

The language model of a multimodal one stands in a nested table; files that leave out what is the
class's default are completed from `CLASS_DEFAULTS`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autotune.errors import UserError

CONFIG_FILE = "config.json"

_NESTED = ("text_config", "llm_config", "language_config", "language_model", "thinker_config")
_MAX_BYTES = 16 << 20

CLASS_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "gemma": {"head_dim": 256},
    "gemma2": {"head_dim": 256, "num_attention_heads": 8, "num_key_value_heads": 4}
    | {"sliding_window": 4096, "max_position_embeddings": 8192, "vocab_size": 256000},
    "gemma3_text": {"head_dim": 256, "num_attention_heads": 8, "num_key_value_heads": 4}
    | {"sliding_window": 4096, "max_position_embeddings": 131072, "vocab_size": 262208},
    "llama": {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32}
    | {"num_attention_heads": 32, "max_position_embeddings": 2048, "vocab_size": 32000},
    "mistral": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32}
    | {"num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 131072}
    | {"vocab_size": 32000},
}
"""Nested tables of multimodal models often say only what differs from the class's defaults."""


@dataclass(frozen=True, slots=True)
class HfConfig:
    """One model's configuration: the whole file, and the part that describes the language model.

    `top` is the file, `text` the language model's table (the same where nothing is nested).
    """

    path: Path
    top: Mapping[str, Any]
    text: Mapping[str, Any]

    @property
    def model_type(self) -> str:
        """The language model's ``model_type``."""
        return str(self.text.get("model_type") or self.top.get("model_type") or "")

    def value(self, *names: str) -> Any:
        """The first of `names` that is said (and not null), or ``None``."""
        nested = self.text is not self.top
        defaults = CLASS_DEFAULTS.get(self.model_type, {}) if nested else {}
        tables = (self.text, self.top, defaults)
        return next(
            (t[name] for t in tables for name in names if t.get(name) is not None),
            None,
        )

    def integer(self, *names: str) -> int | None:
        """The first of `names` that is a whole number above zero; 0 stands for absent here."""
        value = self.value(*names)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) and value else None

    def required(self, *names: str) -> int:
        """A whole number that every model has; `UserError` when none of `names` is one."""
        value = self.integer(*names)
        if value is None or value < 0:
            raise UserError(
                f"{self.path} lacks {names[0]}", "give the folder of a language model, complete"
            )
        return value

    def switch(self, name: str, *, default: bool) -> bool:
        """A boolean; `default` where it is absent."""
        value = self.value(name)
        return default if value is None else bool(value)

    def table(self, name: str) -> Mapping[str, Any]:
        """A nested table, empty where it is absent."""
        value = self.value(name)
        return value if isinstance(value, Mapping) else {}

    def items(self, name: str) -> tuple[Any, ...]:
        """A list, empty where it is absent or no list."""
        value = self.value(name)
        return tuple(value) if isinstance(value, list) else ()

    def per_layer(self, value: Any, n_layers: int) -> tuple[int, ...]:
        """`value`, a number or one a layer, as one a layer; `UserError` for a list too short."""
        if not isinstance(value, list):
            return (int(value),) * n_layers
        numbers = tuple(int(v or 0) for v in value[:n_layers] if v is None or isinstance(v, int))
        if len(numbers) < n_layers:
            raise UserError(
                f"{self.path} has {len(numbers)} numbers for {n_layers} layers",
                "download the model again",
            )
        return numbers


def read_config(folder: Path) -> HfConfig:
    """The configuration in `folder`. Raises `UserError` when it cannot be read or is no JSON."""
    path = folder / CONFIG_FILE
    top = read_json(path)
    return HfConfig(path, top, _language_table(top))


def read_json(path: Path) -> Mapping[str, Any]:
    """The JSON object in `path`; `UserError` when it cannot be read or is none."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UserError(f"{path} is too large for a configuration", "download the model again")
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or error}", "check the model's folder"
        ) from error
    except (ValueError, RecursionError):
        raise UserError(f"{path} is not JSON", "download the model again") from None
    if not isinstance(found, dict):
        raise UserError(f"{path} is not a JSON object", "download the model again")
    return found


def _language_table(top: Mapping[str, Any]) -> Mapping[str, Any]:
    """The innermost table of the language model."""
    for name in _NESTED:
        inner = top.get(name)
        if isinstance(inner, Mapping) and inner:
            return _language_table(inner)
    return top
