"""What ds4-server's lines and exit codes mean."""

from __future__ import annotations

import pytest

from autotune.launchers.ds4 import Ds4Launcher
from autotune.launchers.failure import FailureKind

K = FailureKind


@pytest.mark.parametrize(
    ("line", "code", "kind"),
    [
        ("ds4-server: unknown option: --ctxx", 2, K.BAD_FLAG),
        ("ds4-server: invalid value for --ctx: 0", 2, K.BAD_FLAG),
        ("ds4-server: --kv-cache-cold-max-tokens must be 0 or >= --kv-cache-min-tokens", 2,
         K.BAD_FLAG),
        ("ds4: another ds4 process is already running (pid 9); refusing to start", 2,
         K.LOAD_ERROR),
        ("ds4-server: failed to listen on 127.0.0.1:80: Permission denied", 1, K.PORT_TAKEN),
        ("ds4: cannot open model 'x.gguf': No such file or directory", 1, K.MODEL_MISSING),
        ("ds4: cannot open model 'x.gguf': Permission denied", 1, K.LOAD_ERROR),
        ("ds4: model is not a GGUF file", 1, K.LOAD_ERROR),
        ("ds4: CUDA model arena alloc failed for x (9 MiB chunk): out of memory", 1,
         K.OUT_OF_MEMORY),
        ("ds4-server: failed to create metal session", 1, K.OUT_OF_MEMORY),
        ("ds4: Metal kernel_get_rows_f32 pipeline failed: no function", 1, K.LOAD_ERROR),
        ("ds4: CUDA matmul failed: illegal memory access", 1, K.CRASH),
        ("something that nobody knows", 1, K.LOAD_ERROR),
        ("something that nobody knows", 2, K.BAD_FLAG),
        ("something that nobody knows", -6, K.CRASH),
        ("something that nobody knows", None, K.TIMEOUT),
    ],
)  # fmt: skip
def test_a_line_and_a_code_are_classified(line: str, code: int | None, kind: FailureKind) -> None:
    failure = Ds4Launcher().failure(f"before\n{line}\n", code)
    assert (failure.kind, failure.evidence) == (kind, line)
