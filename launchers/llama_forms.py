"""What llama.cpp's settings were called before, and how they were given.

Newest names are those of build b11434. Where they come from: that build's ``--help``, which lists
removed options with what to use instead, and ``tools/server/README.md`` of builds of August 2025
(before ``--flash-attn`` took a value, ``--swa-checkpoints``, ``--mlock`` and ``--no-mmap``) and of
spring 2026 (``--draft-max``, ``--spec-ngram-size-n``, ``--clear-idle``).

``--checkpoint-every-n-tokens`` is not ``--checkpoint-min-step``: it set how often checkpoints were
made, not how close they may be.
"""

from __future__ import annotations

from autotune.launchers.spelling import Form, Forms

_MATCH = (Form(name="spec-ngram-size-n"),)
_DRAFT = (Form(name="spec-ngram-size-m"),)
_HITS = (Form(name="spec-ngram-min-hits"),)

FORMS: Forms = {
    "flash-attn": (
        # A switch that was off by default, until it learned to decide by itself.
        Form(unless="auto", values={"on": ("--flash-attn",), "off": ()}, default="off"),
    ),
    "n-gpu-layers": (
        # Only numbers were taken; more layers than there are is all of them.
        Form(unless="'all'", values={"all": ("--n-gpu-layers", "999")}, rest=True),
    ),
    "load-mode": (
        Form(
            values={
                "mmap": (),
                "none": ("--no-mmap",),
                "mlock": ("--no-mmap", "--mlock"),
                "mmap+mlock": ("--mlock",),
                "dio": ("--direct-io",),
            },
            default="mmap",
        ),
    ),
    "ctx-checkpoints": (Form(name="swa-checkpoints"),),
    "cache-idle-slots": (Form(name="clear-idle"),),
    "spec-draft-n-max": (Form(name="draft-max"),),
    "spec-draft-n-min": (Form(name="draft-min"),),
    "spec-draft-p-min": (Form(name="draft-p-min"),),
    "spec-draft-model": (Form(name="model-draft"),),
    "spec-draft-ngl": (Form(name="n-gpu-layers-draft"), Form(name="gpu-layers-draft")),
    "spec-draft-type-k": (Form(name="cache-type-k-draft"),),
    "spec-draft-type-v": (Form(name="cache-type-v-draft"),),
    "spec-ngram-simple-size-n": _MATCH,
    "spec-ngram-simple-size-m": _DRAFT,
    "spec-ngram-simple-min-hits": _HITS,
    "spec-ngram-map-k-size-n": _MATCH,
    "spec-ngram-map-k-size-m": _DRAFT,
    "spec-ngram-map-k-min-hits": _HITS,
    "spec-ngram-map-k4v-size-n": _MATCH,
    "spec-ngram-map-k4v-size-m": _DRAFT,
    "spec-ngram-map-k4v-min-hits": _HITS,
    "spec-ngram-mod-n-match": _MATCH,
    "spec-ngram-mod-n-max": (Form(name="draft-max"),),
    "spec-ngram-mod-n-min": (Form(name="draft-min"),),
}
