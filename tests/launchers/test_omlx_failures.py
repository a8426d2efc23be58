"""What oMLX's lines mean, one each."""

from __future__ import annotations

import pytest

from autotune.launchers.failure import FailureKind
from autotune.launchers.omlx import OmlxLauncher

K = FailureKind


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("omlx: error: unrecognized arguments: --hot-cash-max-size 1", K.BAD_FLAG),
        ("omlx serve: error: argument --memory-guard: invalid choice: 'x'", K.BAD_FLAG),
        ("Configuration error: Invalid sse_keepalive_mode: x", K.BAD_FLAG),
        ("[Errno 48] error while attempting to bind: address already in use", K.PORT_TAKEN),
        ("[metal::malloc] Attempting to allocate 99 bytes, greater than allowed", K.OUT_OF_MEMORY),
        ("Error: kIOGPUCommandBufferCallbackErrorOutOfMemory", K.OUT_OF_MEMORY),
        ("ValueError: Model directory does not exist: /m", K.MODEL_MISSING),
        ("ERROR - Failed to discover model m: bad config", K.LOAD_ERROR),
        ("Fatal Python error: Aborted", K.CRASH),
    ],
)
def test_a_line_is_classified(line: str, kind: FailureKind) -> None:
    failure = OmlxLauncher().failure(f"before\n{line}\nafter\n", 1)
    assert (failure.kind, failure.evidence) == (kind, line)
