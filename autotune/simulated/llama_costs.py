"""llama-server's settings as seconds: where weights and caches are, and how fast they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from autotune.candidate import Setting
from autotune.models.cache_settings import CacheSettings, cache_settings, whole
from autotune.models.ggml_types import GgmlType
from autotune.models.kv_memory import cell_bytes, is_fused
from autotune.models.placement import Placement, placement
from autotune.simulated.machine import Machine
from autotune.simulated.models import SimulatedModel
from autotune.simulated.roofline import Pace, Roofline, head_share

Settings = Mapping[str, Setting]

_PLAIN_ATTENTION = 0.45
"""Attention without the fused kernel writes its scores out: so much of its rate on a GPU."""

_PLAIN_ATTENTION_CPU = 0.85

_UNEQUAL_TYPES = 0.9
"""With kernels for unequal types of K and V built in (``GGML_CUDA_FA_ALL_QUANTS``), as those who
use such pairs build it: other kernels, a little slower."""

_UNPACKING = {"F16": 1.0, "F32": 0.9, "BF16": 0.92, "Q8_0": 0.93, "Q5_1": 0.78, "Q5_0": 0.8}
_UNPACKING_OTHERS = 0.85
"""Of the rate with f16: a quantized cache is converted before it is multiplied."""

_OFFLOAD_LEAST = 32
"""Tokens of a batch from which on weights in host memory are copied to the GPU (``op-offload``)."""

_ROWS_UNPACKED = 0.62
"""Of the processor's rate: weights that are not repacked."""


@dataclass(frozen=True, slots=True)
class LlamaCosts:
    """What a roofline of llama-server is made from."""

    machine: Machine
    model: SimulatedModel
    pace: Pace

    def roofline(self, settings: Settings) -> Roofline:
        """Under `settings`. Raises `UserError` for those that llama-server would refuse."""
        info = self.model.info
        cache = cache_settings(info, settings)
        where = placement(info, settings, gpu=self.machine.gpu)
        dense, experts = self._read(settings, cache, where)
        attend, window_attend = self._attend(settings, cache)
        read, window_read = self._cache_read(settings, cache)
        batch = min(cache.ctx_tokens, whole(settings, "batch-size", 2048))
        return Roofline(
            compute_s=self._compute(settings, where),
            dense_read_s=dense,
            expert_read_s=experts,
            used_experts=self.model.used_experts,
            attend_s=attend,
            window_attend_s=window_attend,
            cache_read_s=read,
            window_read_s=window_read,
            window=0 if info.sliding_window is None else info.sliding_window,
            batch=max(1, batch),
            ubatch=max(1, cache.ubatch_tokens),
            pace=self.pace,
        )

    def _compute(self, settings: Settings, where: Placement) -> float:
        """Of one token: on the GPU, and on the processor what is left there."""
        needed = 2.0 * self.model.active_params
        if not self.machine.gpu:
            packed = 1.0 if settings.get("repack", True) else _ROWS_UNPACKED
            rate = self.machine.flops_s * self.pace.matmul * packed
            return needed / (rate * _threads(self.machine, settings, "threads-batch"))
        host = 1.0 - self._device_share(where)
        on_gpu = needed * (1.0 - host) / (self.machine.flops_s * self.pace.matmul)
        if not host or settings.get("op-offload", True):
            return on_gpu / max(1.0 - host, 1e-9) if host else on_gpu
        return on_gpu + needed * host / self.machine.host_flops_s

    def _device_share(self, where: Placement) -> float:
        """Of what is multiplied; the token embedding is looked up, wherever it is."""
        multiplied = where.weights_bytes - (self.model.info.input_bytes or 0)
        return min(1.0, where.device_weights_bytes / max(1, multiplied))

    def _read(
        self, settings: Settings, cache: CacheSettings, where: Placement
    ) -> tuple[float, float]:
        """Of the weights that every batch reads, and of all experts."""
        weights = where.weights_bytes - (self.model.info.input_bytes or 0)
        experts = weights * self.model.expert_share
        dense_rate = self.machine.bandwidth_bytes_s * self.pace.weights
        if not self.machine.gpu:
            dense_rate *= _bandwidth(self.machine, settings)
            return (weights - experts) / dense_rate, experts / dense_rate
        on_host = max(0.0, weights - where.device_weights_bytes)
        host_experts = min(on_host, experts) if _keeps_experts(settings) else (
            on_host * self.model.expert_share
        )  # fmt: skip
        host_rate = min(self.machine.host_bandwidth_bytes_s, self._host_rate(settings, cache))
        dense = weights - experts - (on_host - host_experts)
        return (
            max(0.0, dense) / dense_rate + (on_host - host_experts) / host_rate,
            (experts - host_experts) / dense_rate + host_experts / host_rate,
        )

    def _host_rate(self, settings: Settings, cache: CacheSettings) -> float:
        """Weights in host memory: copied over the link for large batches, else read in place."""
        copied = settings.get("op-offload", True) and cache.ubatch_tokens >= _OFFLOAD_LEAST
        share = 0.7 * self.machine.host_bandwidth_bytes_s
        return min(share, self.machine.link_bytes_s) if copied else share

    def _attend(self, settings: Settings, cache: CacheSettings) -> tuple[float, float]:
        """Products of one query token with one cached token, full layers and windows."""
        info = self.model.info
        rate = self.machine.flops_s * self.pace.attention * self._kernel(cache)
        rate *= head_share(info.key_length)
        if not self.machine.gpu:
            rate *= _threads(self.machine, settings, "threads-batch")
        elif not settings.get("kv-offload", True):
            rate = min(rate, self.machine.host_flops_s * 0.3)
        windows = set(info.window_layers)
        full = sum(info.n_heads[i] for i in info.attention_layers if i not in windows)
        near = sum(info.n_heads[i] for i in windows)
        each = 2.0 * (info.key_length + info.value_length)
        return full * each / rate, near * each / rate

    def _cache_read(self, settings: Settings, cache: CacheSettings) -> tuple[float, float]:
        """Bytes of one cached token over the rate at which a decode step reads them."""
        info = self.model.info
        rate = self.machine.bandwidth_bytes_s * self.pace.cache * self._kernel(cache)
        if not self.machine.gpu:
            rate *= _bandwidth(self.machine, settings)
        elif not settings.get("kv-offload", True):
            rate = min(rate, self.machine.host_bandwidth_bytes_s * 0.5)
        windows = set(info.window_layers)
        full = sum(
            (cell_bytes(info, cache, i) for i in info.attention_layers if i not in windows),
            Fraction(),
        )
        near = sum((cell_bytes(info, cache, i) for i in windows), Fraction())
        return float(full) / rate, float(near) / rate

    def _kernel(self, cache: CacheSettings) -> float:
        """How fast attention is by its kernel and the types of the cache."""
        unpacked = min(_unpacking(cache.key_type), _unpacking(cache.value_type))
        if not is_fused(self.model.info, cache):
            return unpacked * (_PLAIN_ATTENTION if self.machine.gpu else _PLAIN_ATTENTION_CPU)
        unequal = self.machine.gpu and cache.key_type.name != cache.value_type.name
        return unpacked * (_UNEQUAL_TYPES if unequal else 1.0)


def decode_roofline(costs: LlamaCosts, settings: Settings) -> Roofline:
    """The roofline of decode steps: on a processor they use ``threads``, not ``threads-batch``."""
    if costs.machine.gpu or "threads" not in settings:
        return costs.roofline(settings)
    return costs.roofline({**settings, "threads-batch": settings["threads"]})


def _unpacking(kind: GgmlType) -> float:
    return _UNPACKING.get(kind.name, _UNPACKING_OTHERS)


def _keeps_experts(settings: Settings) -> bool:
    return bool(settings.get("cpu-moe")) or bool(settings.get("n-cpu-moe"))


def _threads(machine: Machine, settings: Settings, name: str) -> float:
    """Of the peak that all cores have together, what the threads of a setting reach.

    A thread for each core loses a few percent to the slowest; two on one core add a tenth.
    """
    asked = whole(settings, name, whole(settings, "threads", machine.cores))
    asked = asked if asked > 0 else machine.cores
    if asked <= machine.cores:
        return asked / machine.cores * (1.0 - 0.03 * (asked / machine.cores))
    return 0.97 + 0.08 * min(1.0, (asked - machine.cores) / max(1, machine.threads - machine.cores))


def _bandwidth(machine: Machine, settings: Settings) -> float:
    """Of the peak bandwidth, what ``threads`` reach: half the cores nearly fill the bus.

    More threads than cores wait for each other at every layer.
    """
    asked = whole(settings, "threads", machine.cores)
    asked = asked if asked > 0 else machine.cores
    if asked > machine.cores:
        return 0.86
    return min(1.0, 0.55 + 0.9 * asked / machine.cores) if machine.cores > 2 else (
        0.5 + 0.5 * asked / machine.cores
    )  # fmt: skip
