"""vLLM's settings as seconds: steps, kernels and types of cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from autotune.candidate import Setting
from autotune.models.cache_settings import whole
from autotune.models.vllm_memory import value_bytes
from autotune.simulated.machine import Machine
from autotune.simulated.models import SimulatedModel
from autotune.simulated.roofline import Pace, Roofline, head_share

Settings = Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class Kernel:
    """How attention runs with one type of cache or one backend, against the plain case.

    `prefill` and `read` are factors on the rates of products and of reading the cache; `step_s`
    comes on top of every decode step.
    """

    prefill: float = 1.0
    read: float = 1.0
    step_s: float = 0.0


_PLAIN = Kernel()
_BACKENDS = {
    "FLASHINFER": Kernel(prefill=0.96, read=1.04),
    "TRITON_ATTN": Kernel(prefill=0.72, read=0.80),
}
_AMPERE = {
    "int8_per_token_head": Kernel(prefill=0.8, read=0.019),
    "fp8_e5m2": Kernel(prefill=0.9, step_s=5e-3),
    "fp8": Kernel(prefill=0.9, step_s=5e-3),
}
"""Without FP8 units. Two RTX 3090s decode 131 tokens a second with the first in a short context and
51 at 35,000 tokens, 114 and 115 with the second: a lower cost of every step, and a kernel that
reads the cache fifty times as slowly (club-3090, issue #423 and the pages around it)."""

_WITH_FP8 = {
    "int8_per_token_head": Kernel(prefill=0.8, read=0.25),
    "fp8_e5m2": Kernel(prefill=0.95, read=0.9, step_s=0.2e-3),
    "fp8": Kernel(prefill=1.05, read=0.95, step_s=0.1e-3),
}

_TURBOQUANT = Kernel(prefill=0.75, read=0.55, step_s=0.5e-3)
_TURBOQUANT_BYTES = {
    "turboquant_k8v4": Fraction(3, 4),
    "turboquant_4bit_nc": Fraction(9, 16),
    "turboquant_3bit_nc": Fraction(7, 16),
}
"""Bytes of a value, K and V together, with their scales; kernels unpack each value anew."""

_MODES = {"interactivity": 0.88, "throughput": 1.10}
"""Of what a decode step loses, by ``performance-mode``."""

_SYNCHRONOUS_S = 0.9e-3
"""Of a step that is planned only when the one before has ended (``async-scheduling`` off)."""

_QUANTIZED_AT_LOAD = ("fp8", "int8_per_channel_weight_only")


@dataclass(frozen=True, slots=True)
class VllmCosts:
    """What a roofline of vLLM is made from. `fp8` is whether the card multiplies FP8."""

    machine: Machine
    model: SimulatedModel
    pace: Pace
    fp8: bool

    def roofline(self, settings: Settings) -> Roofline:
        """Under `settings`."""
        info, kernel = self.model.info, self._kernel(settings)
        weights = self.weights_bytes(settings)
        experts = weights * self.model.expert_share
        read = self.machine.bandwidth_bytes_s * self.pace.weights * self._cores(settings)
        products = self.machine.flops_s * self._cores(settings)
        attend = products * self.pace.attention * kernel.prefill * head_share(info.key_length)
        cached = self.machine.bandwidth_bytes_s * self.pace.cache * kernel.read
        heads = sum(info.n_heads[i] for i in info.attention_layers)
        each = 2.0 * (info.key_length + info.value_length)
        batch = self._batch(settings)
        return Roofline(
            compute_s=2.0 * self.model.active_params / (products * self._matmul(settings)),
            dense_read_s=(weights - experts) / read,
            expert_read_s=experts / read,
            used_experts=self.model.used_experts,
            attend_s=heads * each / attend,
            window_attend_s=0.0,
            cache_read_s=self.token_bytes(settings) / (cached * self._cores(settings)),
            window_read_s=0.0,
            window=0,
            batch=batch,
            ubatch=batch,
            pace=replace(self.pace, step_s=self._step_s(settings, kernel)),
        )

    def weights_bytes(self, settings: Settings) -> float:
        """As they are served; quantizing at load halves what is stored in two bytes."""
        stored = float(self.model.info.weights_bytes or 0)
        plain = self.model.info.quantization in {"BF16", "F16"}
        return stored * 0.55 if plain and self._at_load(settings) else stored

    def token_bytes(self, settings: Settings) -> float:
        """Of the KV cache of one token, all layers with attention."""
        info = self.model.info
        packed = _TURBOQUANT_BYTES.get(str(settings.get("kv-cache-dtype")))
        each = packed or value_bytes(info, _said(settings)) or Fraction(2)
        heads = sum(info.kv_heads[i] for i in info.attention_layers)
        scales = 8 if str(settings.get("kv-cache-dtype")).endswith("per_token_head") else 0
        return heads * (float((info.key_length + info.value_length) * each) + scales)

    def _at_load(self, settings: Settings) -> bool:
        return str(settings.get("quantization", "model")) in _QUANTIZED_AT_LOAD

    def _matmul(self, settings: Settings) -> float:
        faster = settings.get("quantization") == "fp8" and self.weights_bytes(settings) != float(
            self.model.info.weights_bytes or 0
        )
        return self.pace.matmul * (1.5 if faster and self.fp8 else 1.0)

    def _kernel(self, settings: Settings) -> Kernel:
        types = _WITH_FP8 if self.fp8 else _AMPERE
        kind = str(settings.get("kv-cache-dtype", "auto"))
        of_type = types.get(kind, _TURBOQUANT if kind in _TURBOQUANT_BYTES else _PLAIN)
        backend = _BACKENDS.get(str(settings.get("attention-backend", "auto")), _PLAIN)
        return Kernel(
            of_type.prefill * backend.prefill, of_type.read * backend.read, of_type.step_s
        )

    def _batch(self, settings: Settings) -> int:
        """Prompt tokens of one step; without chunks a whole prompt is one."""
        if settings.get("enable-chunked-prefill", True) is False:
            return whole(settings, "max-model-len", self.model.info.n_ctx_train)
        return max(16, whole(settings, "max-num-batched-tokens", 2048))

    def _step_s(self, settings: Settings, kernel: Kernel) -> float:
        lost = self.pace.step_s * _MODES.get(str(settings.get("performance-mode")), 1.0)
        drafts = str(settings.get("speculative-config.method", "none"))
        planned = settings.get("async-scheduling", True) and drafts != "ngram"
        return lost + kernel.step_s + (0.0 if planned or not self.machine.gpu else _SYNCHRONOUS_S)

    def _cores(self, settings: Settings) -> float:
        """Of a processor's peak: cores that are left to the scheduler do not compute.

        With none left it takes their time all the same, at every step.
        """
        if self.machine.gpu:
            return 1.0
        reserved = whole(settings, "VLLM_CPU_NUM_OF_RESERVED_CPU", 1)
        if not reserved:
            return 0.88
        return (self.machine.cores - reserved) / self.machine.cores


def _said(settings: Settings) -> dict[str, Setting]:
    return {name: value for name, value in settings.items() if value not in ("auto", "default")}
