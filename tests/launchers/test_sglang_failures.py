"""What SGLang's log lines mean, one real line each."""

from __future__ import annotations

import pytest

from autotune.launchers.failure import FailureKind
from autotune.launchers.sglang import SglangLauncher

K = FailureKind


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("sglang serve: error: unrecognized arguments: --page-sise 16", K.BAD_FLAG),
        ("error: argument --schedule-policy: invalid choice: 'x'", K.BAD_FLAG),
        ("[Errno 98] error while attempting to bind: address already in use", K.PORT_TAKEN),
        ("RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.",
         K.OUT_OF_MEMORY),
        ("Exception: Capture cuda graph failed: CUDA out of memory.", K.OUT_OF_MEMORY),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9 GiB", K.OUT_OF_MEMORY),
        ("Prefill out of memory. Try to lower your batch size.", K.OUT_OF_MEMORY),
        ("Rank 0 scheduler died during initialization (exit code: -9).", K.OUT_OF_MEMORY),
        ("Rank 0 scheduler died during initialization (exit code: 1).", K.CRASH),
        ("OSError: Incorrect path_or_model_id: '/no/model'.", K.MODEL_MISSING),
        ("ValueError: Model architectures ['X'] are not supported for now.", K.LOAD_ERROR),
        ("ValueError: Warning: User-specified context_length (9) is greater than the derived "
         "context_length (8).", K.BAD_FLAG),
        ("AssertionError: The --page-size must divide the --chunked-prefill-size", K.BAD_FLAG),
        ("SIGQUIT received. signum=3. It usually means one child failed.", K.CRASH),
    ],
)  # fmt: skip
def test_a_line_is_classified(line: str, kind: FailureKind) -> None:
    log = f"INFO something before\n{line}\nINFO and after\n"
    failure = SglangLauncher().failure(log, -9)
    assert failure.kind is kind
    assert failure.evidence == line


def test_memory_has_two_ways_out() -> None:
    failure = SglangLauncher().failure
    assert "raise" in failure("Please try to increase --mem-fraction-static.", 1).message
    assert "lower" in failure("Capture cuda graph failed: out of memory", 1).message


def test_the_most_telling_line_wins() -> None:
    log = (
        "torch.OutOfMemoryError: CUDA out of memory\n"
        "Received sigquit from a child process. It usually means the child failed.\n"
    )
    assert SglangLauncher().failure(log, -9).kind is K.OUT_OF_MEMORY
