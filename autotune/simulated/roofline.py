"""Seconds of a prefill and of a decode step: what is computed plus what is read.

A batch of ``u`` prompt tokens takes ``read + u * compute``: the weights are read once for all of
it, and every token is multiplied with them. The sum, not the larger of the two, is what engines do:
on a published series of an RTX 4090 (llama 8B Q4_0, 16 to 512 tokens a batch) it is within 8%
with the memory's share as measured in decoding. Attention adds ``u * depth`` products; a decode
step reads the whole KV cache once, and is a batch of one token, or of a draft.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What an engine makes of a machine's peaks: shares of them, and what is lost each time.

    Attributes:
        matmul, attention: of the peak of multiplications, which is that of FP16: kernels that
            multiply whole numbers may pass it. Attention is that of heads of 128 and more.
        weights, cache: of the peak bandwidth, when weights and when the KV cache are read.
        step_s: of every decode step. batch_s: of every batch of a prefill.
        request_s: of every request. prompt_token_s: of every prompt token, reused or not
            (template, tokens, comparison).
        copy_bytes_s: state that is moved to and from host memory.
        start_s: of every start, beside reading the weights.
    """

    matmul: float
    attention: float
    weights: float
    cache: float
    step_s: float = 0.5e-3
    batch_s: float = 1.0e-3
    request_s: float = 8.0e-3
    prompt_token_s: float = 0.4e-6
    copy_bytes_s: float = 4.0e9
    start_s: float = 2.0


def head_share(width: int) -> float:
    """Of `Pace.attention`, what heads of `width` values reach: narrow ones fill half a tile.

    On a DGX Spark attention over heads of 128 (Qwen3) runs at twice the rate of heads of 64
    (gpt-oss), by the slopes of the published series.
    """
    return min(1.0, width / 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roofline:
    """One engine under given settings.

    Attributes:
        compute_s: of one token, multiplied with the weights.
        dense_read_s, expert_read_s: of the weights that every batch reads, and of all experts.
        used_experts: of a layer's experts, the share that one token uses; 1 for a dense model.
        attend_s, window_attend_s: of one query token with one cached token, in the layers that see
            everything and in those with a window.
        cache_read_s, window_read_s: of one cached token, for one decode step.
        window: tokens that windows see; 0 without.
        batch, ubatch: prompt tokens of a logical and of a physical batch.
    """

    compute_s: float
    dense_read_s: float
    expert_read_s: float
    used_experts: float
    attend_s: float
    window_attend_s: float
    cache_read_s: float
    window_read_s: float
    window: int
    batch: int
    ubatch: int
    pace: Pace

    def read_s(self, tokens: int) -> float:
        """Of the weights, for a batch of `tokens`: of experts those that any of them uses."""
        if not self.expert_read_s:
            return self.dense_read_s
        touched = 1.0 - (1.0 - self.used_experts) ** max(1, tokens)
        return self.dense_read_s + self.expert_read_s * touched

    def prefill_s(self, new: int, before: int) -> float:
        """Of `new` prompt tokens behind `before` cached ones, request and template not counted."""
        if new <= 0:
            return 0.0
        whole, rest = divmod(new, min(self.ubatch, self.batch))
        reads = whole * self.read_s(min(self.ubatch, self.batch))
        reads += self.read_s(rest) if rest else 0.0
        batches = -(-new // self.batch)
        pairs = new * before + new * (new + 1) / 2
        seen = new * min(self.window, before + new / 2)
        attend = pairs * self.attend_s + seen * self.window_attend_s
        return reads + new * self.compute_s + attend + batches * self.pace.batch_s

    def step_s(self, tokens: float, depth: float) -> float:
        """Of one decode step that checks `tokens` (1 without a draft) at `depth`."""
        seen = min(self.window, depth) if self.window else 0.0
        read = depth * self.cache_read_s + seen * self.window_read_s
        attend = tokens * (depth * self.attend_s + seen * self.window_attend_s)
        return (
            self.read_s(round(tokens)) + tokens * self.compute_s + read + attend + self.pace.step_s
        )

    def request_s(self, prompt_tokens: int) -> float:
        """Of one request before its prefill: connection, template, tokens."""
        return self.pace.request_s + prompt_tokens * self.pace.prompt_token_s
