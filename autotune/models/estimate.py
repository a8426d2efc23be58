"""What one server will take, engine by engine the same shape; and what there is to take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MIB = 1024 * 1024
GIB = 1024 * MIB


def size_text(size_bytes: int) -> str:
    """A size in words: ``1.5 GiB``, and below one GiB ``300 MiB``."""
    return f"{size_bytes / GIB:.1f} GiB" if size_bytes >= GIB else f"{size_bytes / MIB:.0f} MiB"


@dataclass(frozen=True, slots=True)
class Limits:
    """Memory that a server may take. ``None`` is unknown, and refuses nothing.

    `both_bytes` is of the GPU and the host together, where they share one memory.
    `device_total_bytes` is all that the GPU has, taken or free: some engines take a share of it.
    """

    device_bytes: int | None
    host_bytes: int | None
    both_bytes: int | None = None
    device_total_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """What a workload will put into an engine's caches, as far as memory goes.

    Attributes:
        session_tokens: prompt and reply tokens of each session's deepest turn.
        turns: the most that one session has.
    """

    session_tokens: tuple[int, ...]
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """Bytes that one server will take.

    Attributes:
        weights_bytes: tensors that are loaded; draft layers only where they are used.
        full_kv_bytes, window_kv_bytes: KV cache of layers that see everything, and of
            sliding-window layers.
        recurrent_bytes: recurrent states of all slots.
        compute_bytes: activations of one batch, masks and attention scores among them.
        work_bytes: what the processor's kernels convert operands in.
        output_bytes: logits that are read back.
        checkpoint_bytes: saved states of layers that cannot roll back, in host memory.
        prompt_cache_bytes: prompts that the workload moves to host memory; 0 where no workload
            is known.
        engine_bytes: the program itself: code, vocabulary, threads.
        device_bytes, host_bytes: where it all goes; ``device_bytes`` is 0 without a GPU.
        prompt_cache_limit_bytes: what the engine allows itself for prompts in host memory;
            ``None`` for no limit.
        uncounted: what this model or these settings need besides, in words.
    """

    weights_bytes: int
    full_kv_bytes: int
    window_kv_bytes: int
    recurrent_bytes: int = 0
    compute_bytes: int = 0
    work_bytes: int = 0
    output_bytes: int = 0
    checkpoint_bytes: int = 0
    prompt_cache_bytes: int = 0
    engine_bytes: int = 0
    device_bytes: int = 0
    host_bytes: int = 0
    prompt_cache_limit_bytes: int | None = 0
    uncounted: tuple[str, ...] = ()

    @property
    def kv_bytes(self) -> int:
        """The whole KV cache, without recurrent states."""
        return self.full_kv_bytes + self.window_kv_bytes

    @property
    def total_bytes(self) -> int:
        """Everything, wherever it is."""
        return self.device_bytes + self.host_bytes

    def to_json(self) -> dict[str, Any]:
        """A JSON object, with the sums."""
        return {**asdict(self), "kv_bytes": self.kv_bytes, "total_bytes": self.total_bytes}
