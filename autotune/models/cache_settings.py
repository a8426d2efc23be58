"""llama-server's settings as far as they decide its memory, with its own defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.models.ggml_types import CACHE_TYPES, GgmlType
from autotune.models.metadata import ModelInfo

_AUTO_SLOTS = 4
_DEFAULT_BATCH = 2048
_DEFAULT_UBATCH = 512
_DEFAULT_DRAFT = 3
_DEFAULT_CHECKPOINTS = 32
_ROLLBACK_SPECULATION = {"draft-mtp", "draft-eagle3", "draft-dflash", "draft-dspark"}
_DRAFT_LENGTHS = {
    "draft-simple": ("spec-draft-n-max", 3),
    "draft-eagle3": ("spec-draft-n-max", 3),
    "draft-mtp": ("spec-draft-n-max", 3),
    "draft-dflash": ("spec-draft-n-max", 3),
    "draft-dspark": ("spec-draft-n-max", 3),
    "ngram-simple": ("spec-ngram-simple-size-m", 48),
    "ngram-map-k": ("spec-ngram-map-k-size-m", 48),
    "ngram-map-k4v": ("spec-ngram-map-k4v-size-m", 48),
    "ngram-mod": ("spec-ngram-mod-n-max", 64),
    "ngram-cache": ("", 8),
}
"""The flag that says how long a draft may be, and its default (``common_speculative_n_max``)."""


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """What the KV cache is built from.

    Attributes:
        ctx_tokens: the pool asked for, before padding; all slots together.
        slots: sequences at once.
        unified: one pool that the slots share, instead of a stream for each.
        swa_full: sliding-window layers get as many cells as the others.
        ubatch_tokens: physical batch.
        flash_attention: ``False`` only when it is switched off.
        rollback_tokens: extra copies of a recurrent state that drafts need.
        draft_tokens: the longest draft; each of its tokens has logits.
        checkpoints: saved states that a slot may keep.
    """

    ctx_tokens: int
    slots: int
    unified: bool
    key_type: GgmlType
    value_type: GgmlType
    swa_full: bool
    ubatch_tokens: int
    flash_attention: bool
    rollback_tokens: int
    draft_tokens: int
    checkpoints: int

    @property
    def streams(self) -> int:
        """Separate caches: one, or one a slot."""
        return 1 if self.unified else self.slots


def cache_settings(model: ModelInfo, settings: Mapping[str, Setting]) -> CacheSettings:
    """`settings` (llama-server's long flag names, no dashes) for `model`.

    Raises `UserError` for a cache type that llama-server does not know, or a number that is none.
    """
    asked_slots = whole(settings, "parallel", -1)
    slots = asked_slots if asked_slots > 0 else _AUTO_SLOTS
    ctx = _context(model, settings, slots)
    batch = min(ctx, whole(settings, "batch-size", _DEFAULT_BATCH))
    return CacheSettings(
        ctx_tokens=ctx,
        slots=slots,
        unified=asked_slots <= 0 or bool(settings.get("kv-unified", False)),
        key_type=_cache_type(settings, "cache-type-k"),
        value_type=_cache_type(settings, "cache-type-v"),
        swa_full=bool(settings.get("swa-full", False)),
        ubatch_tokens=min(batch, whole(settings, "ubatch-size", _DEFAULT_UBATCH) or batch),
        flash_attention=str(settings.get("flash-attn", "auto")) not in {"off", "0", "False"},
        rollback_tokens=_rollback(settings),
        draft_tokens=_draft_tokens(settings),
        checkpoints=max(0, whole(settings, "ctx-checkpoints", _DEFAULT_CHECKPOINTS)),
    )


def whole(settings: Mapping[str, Setting], name: str, default: int) -> int:
    """The setting as a whole number; `UserError` when it is not one."""
    value = settings.get(name, default)
    try:
        return int(value)
    except (ValueError, OverflowError):
        raise UserError(
            f"{name} = {value!r} is not a whole number", f"give {name} a number"
        ) from None


def _context(model: ModelInfo, settings: Mapping[str, Setting], slots: int) -> int:
    """The pool in tokens; 0 and unset mean what the model was trained on."""
    if asked := whole(settings, "ctx-size", 0):
        return asked
    if "ctx-size" not in settings and (each := whole(settings, "kv-unified-per-slot", 0)):
        return each * slots
    return model.n_ctx_train


def _cache_type(settings: Mapping[str, Setting], name: str) -> GgmlType:
    asked = str(settings.get(name, "f16"))
    kind = CACHE_TYPES.get(asked)
    if kind is None:
        raise UserError(
            f"{name} = {asked!r} is not a KV cache type",
            f"choose one of {', '.join(sorted(CACHE_TYPES))}",
        )
    return kind


def _speculation(settings: Mapping[str, Setting]) -> set[str]:
    return set(str(settings.get("spec-type", "")).split(","))


def _draft_tokens(settings: Mapping[str, Setting]) -> int:
    """The longest draft of all kinds of speculation that are on."""
    kinds = _speculation(settings) & _DRAFT_LENGTHS.keys()
    lengths = [whole(settings, *_DRAFT_LENGTHS[kind]) for kind in kinds]
    return max(0, *lengths) if lengths else 0


def _rollback(settings: Mapping[str, Setting]) -> int:
    """Drafting heads keep a copy of a recurrent state for each token they may take back."""
    if not _speculation(settings) & _ROLLBACK_SPECULATION:
        return 0
    return whole(settings, "spec-draft-n-max", _DEFAULT_DRAFT)
