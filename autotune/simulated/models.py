"""Models as `ModelInfo`: made from their published configurations, with no file behind them.

Sizes come from each model's ``config.json`` and from the size of its published file; what a
mixture of quantizations gives each tensor is not known, so the bytes are dealt out by parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autotune.models.info import ModelInfo, ModelKind


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How often a draft is right, for the text of coding agents.

    Attributes:
        head: chance that the next token of a drafting head (MTP) is accepted, given those before.
        found: how often the last tokens stand somewhere in the context before, for a match of three
            tokens; longer matches are found less often.
        copied: chance that a token behind a match of three is the next one; longer matches are
            right more often.
    """

    head: float = 0.8
    found: float = 0.18
    copied: float = 0.72


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """A model that nothing loads.

    Attributes:
        info: what the memory models and the search space ask.
        active_params: values that one token is multiplied with, attention not counted.
        expert_share: of the weights' bytes, those of experts; 0 for a dense model.
    """

    info: ModelInfo
    active_params: float
    expert_share: float = 0.0
    acceptance: Acceptance = Acceptance()

    @property
    def used_experts(self) -> float:
        """Of a layer's experts, the share that one token uses."""
        info = self.info
        if not info.n_expert or not info.n_expert_used:
            return 1.0
        return info.n_expert_used / info.n_expert

    def touched(self, tokens: int) -> float:
        """Of all weights, the share that a batch of `tokens` reads: experts by chance."""
        if not self.expert_share:
            return 1.0
        experts = 1.0 - (1.0 - self.used_experts) ** max(1, tokens)
        return 1.0 - self.expert_share + self.expert_share * experts


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a configuration says; names as in `ModelInfo`.

    `window_period`: of so many layers all but the last have a window; `full_period`: of so many
    layers all but the last are recurrent. 0 is none.
    """

    name: str
    architecture: str
    n_params: float
    weights_bytes: float
    n_layers: int
    n_embd: int
    heads: int
    kv_heads: int
    head: int
    feed_forward: int
    n_vocab: int
    n_ctx: int
    quantization: str
    window: int | None = None
    window_period: int = 0
    full_period: int = 0
    recurrent_elements: int = 0
    recurrent_width: int | None = None
    experts: int | None = None
    experts_used: int | None = None
    expert_share: float = 0.0
    active_params: float | None = None
    draft_layers: int = 0
    huggingface: bool = False
    tied: bool = False
    acceptance: Acceptance = Acceptance()


def simulated_model(shape: Shape) -> SimulatedModel:
    """The model of `shape`: layers of one size, the token embedding beside them."""
    return SimulatedModel(
        info=_info(shape),
        active_params=shape.active_params or shape.n_params - shape.n_vocab * shape.n_embd,
        expert_share=shape.expert_share,
        acceptance=shape.acceptance,
    )


def _info(shape: Shape) -> ModelInfo:
    recurrent = _all_but_last(shape.n_layers, shape.full_period)
    attention = tuple(i for i in range(shape.n_layers) if i not in recurrent)
    windowed = _all_but_last(shape.n_layers, shape.window_period)
    weights = int(shape.weights_bytes)
    embedding = int(weights * shape.n_vocab * shape.n_embd / shape.n_params)
    kept = 1 if shape.tied else 2
    layers = shape.n_layers + shape.draft_layers
    each = (weights - kept * embedding) // layers
    folder = shape.huggingface
    path = Path("/simulated") / (shape.name if folder else f"{shape.name}.gguf")
    return ModelInfo(
        kind=ModelKind.HUGGINGFACE if folder else ModelKind.GGUF,
        path=path, parts=(), name=shape.name, architecture=shape.architecture,
        quantization=shape.quantization, dtype="BF16" if folder else None,
        file_bytes=weights, weights_bytes=weights,
        layer_bytes=() if folder else (each,) * layers,
        expert_bytes=() if folder else (int(each * shape.expert_share),) * layers,
        input_bytes=None if folder else embedding,
        tied_embedding=shape.tied, n_params=int(shape.n_params), n_tensors=12 * layers,
        n_layers=shape.n_layers, n_ctx_train=shape.n_ctx, n_embd=shape.n_embd,
        n_vocab=shape.n_vocab, n_heads=(shape.heads,) * shape.n_layers,
        kv_heads=tuple(0 if i in recurrent else shape.kv_heads for i in range(shape.n_layers)),
        key_length=shape.head, value_length=shape.head, key_length_window=shape.head,
        value_length_window=shape.head, is_mla=False, sliding_window=shape.window,
        attention_layers=attention, window_layers=windowed, recurrent_layers=recurrent,
        recurrent_elements=shape.recurrent_elements, recurrent_width=shape.recurrent_width,
        n_expert=shape.experts, n_expert_used=shape.experts_used,
        feed_forward=shape.feed_forward, n_draft_layers=shape.draft_layers,
    )  # fmt: skip


def _all_but_last(layers: int, period: int) -> tuple[int, ...]:
    return tuple(i for i in range(layers) if period and (i + 1) % period)
