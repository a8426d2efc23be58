"""Typed access to a GGUF file's metadata, under the architecture's own prefix."""

from __future__ import annotations

from dataclasses import dataclass

from autotune.errors import UserError
from autotune.models.gguf import GgufHeader, GgufValue


@dataclass(frozen=True, slots=True)
class Keys:
    """``{general.architecture}.*`` of one header."""

    header: GgufHeader
    architecture: str

    @classmethod
    def of(cls, header: GgufHeader) -> Keys:
        """The keys of `header`; `UserError` when it names no architecture."""
        architecture = header.metadata.get("general.architecture")
        if not isinstance(architecture, str) or not architecture:
            raise UserError(
                f"{header.path} does not name an architecture (general.architecture)",
                "give a language model; adapters and vocabularies cannot be served by themselves",
            )
        return cls(header, architecture)

    def value(self, name: str) -> GgufValue | None:
        """The raw value of ``{architecture}.{name}``, or ``None``."""
        return self.header.metadata.get(f"{self.architecture}.{name}")

    def integer(self, name: str) -> int | None:
        """A whole number, or ``None`` where absent or not one (booleans are not)."""
        value = self.value(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def required(self, name: str) -> int:
        """A whole number that every model has; `UserError` when it is missing."""
        value = self.integer(name)
        if value is None:
            raise UserError(
                f"{self.header.path} lacks {self.architecture}.{name}",
                "give a language model file, converted with a current llama.cpp",
            )
        return value

    def flags(self, name: str) -> tuple[bool, ...]:
        """A per-layer array as booleans; empty where the key is absent or one number."""
        value = self.value(name)
        return tuple(bool(v) for v in value) if isinstance(value, tuple) else ()

    def per_layer(self, name: str, n_layers: int, default: int) -> tuple[int, ...]:
        """One whole number a layer from a scalar or an array.

        Raises `UserError` when an array is shorter than the layers.
        """
        value = self.value(name)
        if not isinstance(value, tuple):
            single = self.integer(name)
            return (default if single is None else single,) * n_layers
        numbers = tuple(int(v) for v in value[:n_layers] if isinstance(v, int))
        if len(numbers) < n_layers:
            raise UserError(
                f"{self.header.path}: {self.architecture}.{name} has {len(numbers)} whole numbers"
                f" for {n_layers} layers",
                "convert the model again with a current llama.cpp",
            )
        return numbers
