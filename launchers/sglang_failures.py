"""Log lines of SGLang that say why it would not run, most telling first (0.5.23).

Memory failures say which way out there is, because there are two: the share that is set aside for
weights and cache may be too small to hold a cache, or so large that nothing is left to run in.
"""

from __future__ import annotations

import re

from autotune.launchers.failure import FailureKind
from autotune.launchers.failures import LogPattern

_RAISE = "weights leave no room for a KV cache: raise --mem-fraction-static"
_GRAPHS = (
    "no memory was left to capture CUDA graphs: lower --mem-fraction-static, "
    "or --cuda-graph-max-bs-decode"
)
_LOWER = "the GPU ran out of memory: lower --mem-fraction-static or --chunked-prefill-size"

_LINES: tuple[tuple[FailureKind, str, str], ...] = (
    (FailureKind.BAD_FLAG, r"error: (?:unrecognized arguments|ambiguous option)", ""),
    (FailureKind.BAD_FLAG, r"error: argument --|error: the following arguments are required", ""),
    (FailureKind.PORT_TAKEN, r"[Aa]ddress already in use|port.* is not available in \d+", ""),
    (FailureKind.OUT_OF_MEMORY, r"Please try to increase --mem-fraction-static", _RAISE),
    (FailureKind.OUT_OF_MEMORY, r"Capture cuda graph failed", _GRAPHS),
    (FailureKind.OUT_OF_MEMORY, r"Fail when using backend: .* for prefill runner", _GRAPHS),
    (FailureKind.OUT_OF_MEMORY, r"(?:Prefill|Decode) out of memory", _LOWER),
    (FailureKind.OUT_OF_MEMORY, r"OutOfMemoryError|(?:CUDA|HIP)(?: error:)? out of memory", _LOWER),
    (FailureKind.OUT_OF_MEMORY, r"(?:exit code:|exit code) -9\b", ""),
    (
        FailureKind.MODEL_MISSING,
        r"Incorrect path_or_model_id|Repo id must be|HFValidationError",
        "",
    ),
    (FailureKind.MODEL_MISSING, r"is not a local folder and is not a valid model identifier", ""),
    (FailureKind.MODEL_MISSING, r"does not appear to have a file named config\.json", ""),
    (FailureKind.LOAD_ERROR, r"Model architectures .* are not supported", ""),
    (FailureKind.LOAD_ERROR, r"model type .* but Transformers does not recognize", ""),
    (FailureKind.LOAD_ERROR, r"Cannot find any model weights|SafetensorError", ""),
    (FailureKind.BAD_FLAG, r"is greater than the derived context_length", ""),
    (FailureKind.BAD_FLAG, r"mutually exclusive", ""),
    (FailureKind.BAD_FLAG, r"^(?:ValueError|AssertionError|NotImplementedError): .*--[a-z]", ""),
    (FailureKind.CRASH, r"CUDA error|NCCL error|HIP error", ""),
    (FailureKind.CRASH, r"Scheduler hit an exception|scheduler died during initialization", ""),
    # The parent ends itself by SIGKILL after this, which must not be taken for the system's.
    (FailureKind.CRASH, r"[Rr]eceived sigquit|SIGQUIT received|Triggering SIGQUIT", ""),
)

PATTERNS = tuple(LogPattern(re.compile(p, re.MULTILINE), kind, text) for kind, p, text in _LINES)
