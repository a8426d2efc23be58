"""Log lines of vLLM that say why it would not start, most telling first (version 0.32)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from autotune.launchers.failure import Failure, FailureKind
from autotune.launchers.failures import LogPattern, explain

_LINES: tuple[tuple[FailureKind, str], ...] = (
    (FailureKind.BAD_FLAG, r"error: unrecognized arguments"),
    (FailureKind.BAD_FLAG, r"error: argument -"),
    (FailureKind.BAD_FLAG, r"error: (?:ambiguous option|the following arguments are required)"),
    (FailureKind.PORT_TAKEN, r"[Aa]ddress already in use"),
    (FailureKind.OUT_OF_MEMORY, r"To serve at least one request"),
    (FailureKind.OUT_OF_MEMORY, r"No available memory for the cache blocks"),
    (FailureKind.OUT_OF_MEMORY, r"Free memory on device .* is less than"),
    (FailureKind.OUT_OF_MEMORY, r"Available memory on node .* is less than"),
    (FailureKind.OUT_OF_MEMORY, r"exceed the desired GPU memory utilization"),
    (FailureKind.OUT_OF_MEMORY, r"OutOfMemoryError"),
    (FailureKind.OUT_OF_MEMORY, r"(?:CUDA|HIP|XPU)(?: error:)? out of memory"),
    (FailureKind.OUT_OF_MEMORY, r"can't allocate memory|std::bad_alloc|Cannot allocate memory"),
    (FailureKind.OUT_OF_MEMORY, r"^\S*MemoryError"),
    (FailureKind.BAD_FLAG, r"User-specified max_model_len .* is greater than"),
    (FailureKind.MODEL_MISSING, r"Repo id must be in the form"),
    (FailureKind.MODEL_MISSING, r"Invalid repository ID or local directory specified"),
    (FailureKind.MODEL_MISSING, r"is not a local folder and is not a valid model identifier"),
    (FailureKind.MODEL_MISSING, r"does not appear to have a file named config\.json"),
    (FailureKind.LOAD_ERROR, r"Model architectures .* (?:are not supported|failed to be)"),
    (FailureKind.LOAD_ERROR, r"SafetensorError|Cannot find any model weights"),
    (FailureKind.LOAD_ERROR, r"The checkpoint you are trying to load has model type"),
    (FailureKind.LOAD_ERROR, r"Can't load (?:tokenizer|the configuration|image processor)"),
    (FailureKind.BAD_FLAG, r"No common block size|No valid attention backend found"),
    (FailureKind.BAD_FLAG, r"Selected backend .* is not valid for this configuration"),
    (FailureKind.BAD_FLAG, r"[Qq]uantization method .* (?:is not supported|does not match)"),
    (FailureKind.BAD_FLAG, r"^\s+Value error, "),
    (FailureKind.CRASH, r"CUDA error|HIP error|NCCL error|device-side assert"),
    (FailureKind.LOAD_ERROR, r"^\((?:\w*Worker|EngineCore)\S* pid=\d+\) ERROR .*\] [\w.]+Error: "),
    (FailureKind.LOAD_ERROR, r"Engine core initialization failed"),
)

PATTERNS = tuple(LogPattern(re.compile(p, re.MULTILINE), kind) for kind, p in _LINES)

_PREFIX = re.compile(r"^(?:\([^)]* pid=\d+\) )?(?:[A-Z]+ [\d-]+ [\d:]+ \[[^\]]*\] )?\s*")
_KIND_OF_ERROR = re.compile(r"^(?:\S+: error: |[\w.]+(?:Error|Exception): |Value error, )")
_TAIL = re.compile(r"\s*\[type=\w+, input_value=.*$")
_LONGEST = (
    re.compile(r"estimated maximum model length is (\d+)"),
    re.compile(r"greater than the derived max_model_len \((?:\w+=)?(\d+)"),
)


def explain_vllm(log_text: str, returncode: int | None) -> Failure:
    """`explain` by `PATTERNS`, in plain words, with the longest context that would have started."""
    failure = explain(PATTERNS, log_text, returncode)
    return replace(failure, message=plain(failure.message), bound=longest_context(log_text))


def plain(line: str) -> str:
    """A log line without process, time, place and kind of error."""
    words = _TAIL.sub("", _KIND_OF_ERROR.sub("", _PREFIX.sub("", line)))
    return words.strip() or line


def longest_context(log_text: str) -> Mapping[str, int]:
    """``max-model-len`` as the engine estimates or derives it; empty where it says nothing."""
    for pattern in _LONGEST:
        if (found := pattern.search(log_text)) is not None:
            return {"max-model-len": int(found[1])}
    return {}
