"""The real engine and the models of the engine tests, as `make test-engines` provides them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def provided(variable: str) -> Path:
    """The file or folder that a variable names; without the variable the test is skipped.

    A variable that names nothing fails the test: whoever set it wanted the test to run.
    """
    value = os.environ.get(variable)
    if value is None:
        pytest.skip(f"{variable} is not set: run `make test-engines`")
    path = Path(value)
    if not path.exists():
        pytest.fail(f"{variable} names {value}, which is not there")
    return path


@pytest.fixture(scope="session")
def llama_server() -> Path:
    """The real llama-server."""
    return provided("AUTOTUNE_TEST_LLAMA_SERVER")


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """SmolLM2-135M-Instruct Q4_1: real weights, an 8192-token window."""
    return provided("AUTOTUNE_TEST_MODEL")


@pytest.fixture(scope="session")
def deep_model() -> Path:
    """A random 2-layer Llama with a 131072-token window."""
    return provided("AUTOTUNE_TEST_DEEP_MODEL")


@pytest.fixture(scope="session")
def vllm() -> Path:
    """The Python that has vLLM for processors."""
    return provided("AUTOTUNE_TEST_VLLM")


@pytest.fixture(scope="session")
def tiny_hf() -> Path:
    """A random 4-layer Llama with a 32768-token window, as a Hugging Face folder."""
    return provided("AUTOTUNE_TEST_TINY_HF")


@pytest.fixture(scope="session")
def fizeau_captures() -> Path:
    """Real Fizeau sessions beside the checkout; they are not part of the repository."""
    folder = Path(__file__).parents[2].parent / "shared" / "captures" / "fizeau"
    if not folder.is_dir():
        pytest.skip("no real captures beside this checkout")
    return folder
