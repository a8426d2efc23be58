"""From a log and an exit code to a kind."""

from __future__ import annotations

import re
import signal

import pytest

from autotune.launchers.failure import FailureKind
from autotune.launchers.failures import LogPattern, explain
from autotune.launchers.llama_failures import PATTERNS

KIND = FailureKind


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("error: invalid argument: --x", KIND.BAD_FLAG),
        ('error while handling argument "-c": stoi', KIND.BAD_FLAG),
        ("llama_init: quantized V cache requires flash_attn to be enabled", KIND.BAD_FLAG),
        ("E srv start: couldn't bind HTTP server socket, hostname: 127.0.0.1", KIND.PORT_TAKEN),
        (
            "ggml_aligned_malloc: insufficient memory (attempted to allocate 9 MB)",
            KIND.OUT_OF_MEMORY,
        ),
        ("E cudaMalloc failed: out of memory", KIND.OUT_OF_MEMORY),
        ("E unable to allocate CUDA0 buffer", KIND.OUT_OF_MEMORY),
        ("E failed to allocate compute pp buffers", KIND.OUT_OF_MEMORY),
        ("E failed to allocate buffer, size = 9216.00 MiB", KIND.OUT_OF_MEMORY),
        ("terminate called after throwing an instance of 'std::bad_alloc'", KIND.OUT_OF_MEMORY),
        ("CUDA error: an illegal memory access was encountered", KIND.CRASH),
        ("failed to open GGUF file '/m.gguf' (No such file or directory)", KIND.MODEL_MISSING),
        ("gguf_init_from_file_impl: failed to read magic", KIND.LOAD_ERROR),
        ("E srv llama_server: exiting due to model loading error", KIND.LOAD_ERROR),
        ("I using config file: /etc/llama.cpp/config.ini", KIND.HIDDEN_CONFIG),
    ],
)
def test_a_line_of_llama_cpp(line: str, kind: FailureKind) -> None:
    found = explain(PATTERNS, f"I hello\n{line}\nI bye\n", 1)
    assert found.kind is kind
    assert found.evidence == line


def test_the_cause_comes_before_its_consequence() -> None:
    log = (
        "E llama_init_from_model: failed to initialize the context: failed to allocate buffer\n"
        "E srv load_model: failed to create_context with model 'm'\n"
        "E srv llama_server: exiting due to model loading error\n"
    )
    assert explain(PATTERNS, log, 1).kind is KIND.OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("returncode", "kind", "message"),
    [
        (-signal.SIGSEGV, KIND.CRASH, "the engine was ended by SIGSEGV"),
        (-signal.SIGTERM, KIND.CRASH, "the engine was ended by SIGTERM"),
        (3, KIND.CRASH, "the engine exited with code 3"),
        (0, KIND.CRASH, "the engine exited with code 0"),
        (None, KIND.TIMEOUT, "the engine is alive but did not answer"),
    ],
)
def test_without_a_line_the_code_speaks(
    returncode: int | None, kind: FailureKind, message: str
) -> None:
    found = explain((), "one\ntwo\n\n", returncode)
    assert (found.kind, found.message, found.evidence) == (kind, message, "two")


def test_a_kill_from_outside_is_the_system_short_of_memory() -> None:
    assert explain(PATTERNS, "loading\n", -signal.SIGKILL).kind is KIND.OUT_OF_MEMORY


def test_a_pattern_may_have_its_own_words() -> None:
    pattern = LogPattern(re.compile("E42"), KIND.LOAD_ERROR, "the licence server is away")
    found = explain([pattern], "fatal E42 at 9\n", 1)
    assert (found.message, found.evidence) == ("the licence server is away", "fatal E42 at 9")


def test_a_long_line_is_cut() -> None:
    assert len(explain((), "x" * 5000, 1).evidence) == 300
