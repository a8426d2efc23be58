"""Settings to llama-server's arguments."""

from __future__ import annotations

import pytest

from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.llama_flags import llama_arguments

UNASKED: frozenset[str] = frozenset()


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
    accepted = frozenset({"fit", "jinja", "no-jinja", "cache-prompt", "batch-size"})
    argv = llama_arguments({"batch-size": 64}, accepted)
    assert argv == ("--fit", "off", "--jinja", "--cache-prompt", "--batch-size", "64")


@pytest.mark.parametrize(
    ("name", "accepted", "message"),
    [
        ("frobnicate", frozenset({"fit"}), "has no flag --frobnicate"),
        ("spec-synth-len", UNASKED, "fakes a result"),
        ("port", UNASKED, "is set by autotune"),
        ("fit-target", UNASKED, "is set by autotune"),
        ("models-dir", UNASKED, "is set by autotune"),
    ],
)
def test_what_is_refused(name: str, accepted: frozenset[str], message: str) -> None:
    with pytest.raises(TrialError, match=message) as caught:
        llama_arguments({name: 1}, accepted)
    assert caught.value.failure.kind is FailureKind.BAD_FLAG
