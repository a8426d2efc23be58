"""Doctor's checks of what will be served and by what: the engine and the model.

Both are read by code above this package, so they come as callables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from autotune.errors import AutotuneError
from autotune.hardware.check import Check, fail, gib, ok, warn


class BuildFacts(Protocol):
    """What is said about an engine."""

    @property
    def engine(self) -> str:
        """Its name."""
        ...

    @property
    def path(self) -> str:
        """Where it is."""
        ...

    @property
    def version(self) -> str:
        """Its own version line."""
        ...

    @property
    def flags(self) -> frozenset[str]:
        """What it accepts."""
        ...


class ModelFacts(Protocol):
    """What is said about a model."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def architecture(self) -> str:
        """Its architecture."""
        ...

    @property
    def quantization(self) -> str | None:
        """How it is quantized."""
        ...

    @property
    def n_ctx_train(self) -> int:
        """Tokens of context it was trained on."""
        ...

    @property
    def weights_bytes(self) -> int | None:
        """Bytes of its weights; ``None`` when it has none that can be sized."""
        ...


def check_engine(detect: Callable[[], BuildFacts]) -> Check:
    """Whether the engine is here and runs; `detect` raises an `AutotuneError` when not."""
    try:
        build = detect()
    except AutotuneError as error:
        return fail("engine", error.message, error.hint)
    flags = f", {len(build.flags)} flags" if build.flags else ""
    return ok("engine", f"{build.engine} {build.version} at {build.path}{flags}")


def check_model(
    read: Callable[[], ModelFacts], *, vram_free_bytes: int | None, memory_available_bytes: int
) -> Check:
    """Whether the model can be read and its weights fit; `read` raises `AutotuneError` when not.

    `vram_free_bytes` is ``None`` without a card, or where its memory is the host's.
    """
    try:
        model = read()
    except AutotuneError as error:
        return fail("model", error.message, error.hint)
    size = "no weights" if model.weights_bytes is None else gib(model.weights_bytes)
    message = (
        f"{model.name} ({model.architecture}, {model.quantization or 'unknown quantization'}),"
        f" {size}, trained on {model.n_ctx_train} tokens of context"
    )
    if model.weights_bytes is None:
        return ok("model", message)
    return _fit(model.weights_bytes, message, vram_free_bytes, memory_available_bytes)


def _fit(weights_bytes: int, message: str, vram_free: int | None, memory: int) -> Check:
    """`message` as a check: weights against what is free."""
    smaller = "free memory, or take a smaller quantization"
    if weights_bytes > (vram_free or 0) + memory:
        return fail("model", f"{message}; more than the memory that is free", smaller)
    if vram_free is not None and weights_bytes > vram_free:
        left = f"{message}; more than the {gib(vram_free)} free on the GPU"
        return warn("model", left, f"some layers will stay on the processor: {smaller}")
    return ok("model", message)
