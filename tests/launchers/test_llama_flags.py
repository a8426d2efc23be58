"""Settings to llama-server's arguments."""

from __future__ import annotations

import pytest

from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.llama_flags import llama_arguments
from autotune.launchers.program import FlagUsage
from autotune.launchers.protocol import EngineBuild

UNASKED = None


def build_with(*flags: str, **usage: FlagUsage) -> EngineBuild:
    """A build that accepts `flags`; ``a_b`` of `usage` is ``a-b``."""
    told = {name.replace("_", "-"): found for name, found in usage.items()}
    return EngineBuild("llama-server", "/x", "old", "0" * 64, frozenset(flags), told)


def after_always(*argv: str) -> tuple[str, ...]:
    stated = [
        "--fit",
        "off",
        "--verbosity",
        "4",
        "--slots",
        "--jinja",
        "--no-context-shift",
        "--cache-prompt",
    ]
    return (*stated, *argv)


def test_everything_that_matters_is_stated() -> None:
    assert llama_arguments({}, UNASKED) == after_always()


def test_values_and_switches() -> None:
    settings = {"batch-size": 512, "kv-unified": False, "slot-prompt-similarity": 0.25}
    assert llama_arguments(settings, UNASKED) == after_always(
        "--batch-size", "512", "--no-kv-unified", "--slot-prompt-similarity", "0.25"
    )


@pytest.mark.parametrize(
    ("name", "argv"),
    [
        ("swa-full", ()),
        ("metrics", ()),
        ("cache-idle-slots", ("--no-cache-idle-slots",)),
        ("repack", ("--no-repack",)),
        ("no-kv-offload", ("--kv-offload",)),
        ("no-host", ()),
    ],
)
def test_switching_off(name: str, argv: tuple[str, ...]) -> None:
    """A switch without a ``no-`` form is off when it is not there; ``--host`` is an address."""
    assert llama_arguments({name: False}, UNASKED) == after_always(*argv)


def test_a_candidate_may_overrule_what_is_stated() -> None:
    argv = llama_arguments({"cache-prompt": False, "jinja": False}, UNASKED)
    assert "--no-cache-prompt" in argv
    assert "--cache-prompt" not in argv
    assert "--no-jinja" in argv


def test_a_build_is_only_given_what_it_has() -> None:
    build = build_with("fit", "jinja", "no-jinja", "cache-prompt", "batch-size")
    argv = llama_arguments({"batch-size": 64}, build)
    assert argv == ("--fit", "off", "--jinja", "--cache-prompt", "--batch-size", "64")


@pytest.mark.parametrize(
    ("name", "build", "message"),
    [
        ("frobnicate", build_with("fit"), "has no flag --frobnicate"),
        ("spec-synth-len", UNASKED, "fakes a result"),
        ("port", UNASKED, "is set by autotune"),
        ("fit-target", UNASKED, "is set by autotune"),
        ("models-dir", UNASKED, "is set by autotune"),
    ],
)
def test_what_is_refused(name: str, build: EngineBuild | None, message: str) -> None:
    with pytest.raises(TrialError, match=message) as caught:
        llama_arguments({name: 1}, build)
    assert caught.value.failure.kind is FailureKind.BAD_FLAG


OLD = build_with(
    "flash-attn",
    "n-gpu-layers",
    "no-kv-offload",
    "kv-unified",
    "swa-checkpoints",
    "draft-max",
    "mlock",
    "no-mmap",
    flash_attn=FlagUsage("", "enable Flash Attention (default: disabled)"),
    n_gpu_layers=FlagUsage("N", "number of layers to store in VRAM"),
)
"""Flags of August 2025, as far as these tests need them."""


@pytest.mark.parametrize(
    ("name", "value", "argv"),
    [
        ("ctx-checkpoints", 8, ("--swa-checkpoints", "8")),
        ("spec-draft-n-max", 4, ("--draft-max", "4")),
        ("flash-attn", "on", ("--flash-attn",)),
        ("flash-attn", "off", ()),
        ("n-gpu-layers", "all", ("--n-gpu-layers", "999")),
        ("n-gpu-layers", 12, ("--n-gpu-layers", "12")),
        ("load-mode", "mlock", ("--no-mmap", "--mlock")),
        ("load-mode", "mmap", ()),
        ("kv-offload", True, ()),
        ("kv-offload", False, ("--no-kv-offload",)),
        ("kv-unified", False, ()),
    ],
)
def test_an_older_build_is_given_the_names_it_knows(
    name: str, value: str | int | bool, argv: tuple[str, ...]
) -> None:
    assert llama_arguments({name: value}, OLD) == argv


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("flash-attn", "auto", "has no flash-attn = auto"),
        ("load-mode", "dio", "has no load-mode = dio"),
        ("cache-ram", 0, "has no flag --cache-ram"),
    ],
)
def test_what_an_older_build_cannot_be_given(name: str, value: str | int, message: str) -> None:
    with pytest.raises(TrialError, match=message):
        llama_arguments({name: value}, OLD)


def test_an_old_name_on_a_new_build_is_told_the_new_one() -> None:
    gone = FlagUsage("N", "the argument has been removed. use --spec-draft-n-max")
    build = build_with("spec-draft-n-max", "load-mode", draft_max=gone)
    with pytest.raises(TrialError, match=r"no flag --draft-max; use --set spec-draft-n-max$"):
        llama_arguments({"draft-max": 4}, build)
    with pytest.raises(TrialError, match=r"no flag --mlock; use --set load-mode=mmap\+mlock$"):
        llama_arguments({"mlock": True}, build)
