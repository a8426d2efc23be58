"""Log lines of llama.cpp that say why it would not run, most telling first (build b11434)."""

from __future__ import annotations

import re

from autotune.launchers.failure import FailureKind
from autotune.launchers.failures import LogPattern

_LINES: tuple[tuple[FailureKind, str], ...] = (
    (FailureKind.HIDDEN_CONFIG, r"using config file: "),
    (FailureKind.BAD_FLAG, r"^error: (?:invalid argument|unknown argument)"),
    (FailureKind.BAD_FLAG, r"error while handling argument"),
    (FailureKind.BAD_FLAG, r"expected value for argument"),
    (FailureKind.BAD_FLAG, r"the argument has been removed"),
    (FailureKind.BAD_FLAG, r"quantized V cache (?:requires|was requested)"),
    (FailureKind.BAD_FLAG, r"cache type \S+ with block size \d+ does not divide"),
    (FailureKind.PORT_TAKEN, r"couldn't bind (?:HTTP )?server socket|couldn't bind HTTP"),
    (FailureKind.OUT_OF_MEMORY, r"insufficient memory"),
    (FailureKind.OUT_OF_MEMORY, r"[Mm]alloc(?:Managed|Host|Async)? failed: out of memory"),
    (FailureKind.OUT_OF_MEMORY, r"CUDA error: out of memory|hipErrorOutOfMemory"),
    (FailureKind.OUT_OF_MEMORY, r"(?:unable|failed) to allocate (?:\S+ )?buffer"),
    (FailureKind.OUT_OF_MEMORY, r"failed to allocate (?:compute|KV|kv|output|memory)"),
    (FailureKind.OUT_OF_MEMORY, r"kIOGPUCommandBufferCallbackErrorOutOfMemory"),
    (FailureKind.OUT_OF_MEMORY, r"ErrorOut(?:Of|OF)(?:Device|Host)Memory"),
    (FailureKind.OUT_OF_MEMORY, r"std::bad_alloc|Cannot allocate memory"),
    (FailureKind.CRASH, r"CUDA error|ROCm error|GGML_ASSERT\("),
    (FailureKind.MODEL_MISSING, r"failed to open GGUF file .*No such file"),
    (FailureKind.LOAD_ERROR, r"failed to open GGUF file|gguf_init_from_\w+: failed"),
    (FailureKind.LOAD_ERROR, r"error loading model|failed to load (?:draft )?model"),
    (FailureKind.LOAD_ERROR, r"failed to initialize the context|failed to create_context"),
    (FailureKind.LOAD_ERROR, r"exiting due to model loading error"),
)

PATTERNS = tuple(LogPattern(re.compile(p, re.MULTILINE), kind) for kind, p in _LINES)
