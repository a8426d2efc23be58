"""What a program says about itself."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from autotune.errors import MachineError
from autotune.launchers.program import (
    FlagUsage,
    find_program,
    flags_in,
    output_of,
    sha256_of,
    usages_in,
)

HELP = """\
----- common params -----

-h,    --help, --usage                  print usage and exit
-t,    --threads N                      number of threads, see also --prio
                                        (env: X_THREADS)
--poll <0...100>                        polling level
-kvo,  --kv-offload, -nkvo, --no-kv-offload
                                        whether to offload
--draft, --draft-n N                    the argument has been removed. use
                                        --spec-draft-n-max
--spec-draft-n-max N                    drafted tokens at most
"""


def test_flags_are_the_defined_ones_without_the_removed() -> None:
    assert flags_in(HELP) == {
        "help",
        "usage",
        "threads",
        "poll",
        "kv-offload",
        "no-kv-offload",
        "spec-draft-n-max",
    }


def test_flags_of_argparse() -> None:
    text = "options:\n  -h, --help     show help\n  --kv-unified, --no-kv-unified\n"
    assert flags_in(text) == {"help", "kv-unified", "no-kv-unified"}


def test_hash_is_of_the_whole_file(tmp_path: Path) -> None:
    data = b"\x00\x01" * 300_000
    (tmp_path / "engine").write_bytes(data)
    assert sha256_of(tmp_path / "engine") == hashlib.sha256(data).hexdigest()


def test_both_streams_are_read() -> None:
    script = "import sys; print('a'); sys.stdout.flush(); print('b', file=sys.stderr)"
    assert output_of([sys.executable, "-c", script], {}, "").split() == ["a", "b"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["/no/such/engine"], "does not run"),
        (
            [sys.executable, "-c", "print('libcuda is missing'); exit(4)"],
            "exits 4: libcuda is missing",
        ),
    ],
)
def test_a_program_that_fails_says_how(argv: list[str], message: str) -> None:
    with pytest.raises(MachineError, match=message) as caught:
        output_of(argv, {}, "install it")
    assert caught.value.hint == "install it"


def test_what_a_help_says_of_a_flag() -> None:
    text = """\
-fa,   --flash-attn [on|off|auto]       set Flash Attention use
                                        (default: auto)
--kv-unified, -kvu                      one buffer
--draft, --draft-max N                  the argument has been removed. use
                                        --spec-draft-n-max
"""
    told = usages_in(text)
    assert told["flash-attn"] == FlagUsage(
        "[on|off|auto]", "set Flash Attention use (default: auto)"
    )
    assert told["kv-unified"] == FlagUsage("", "one buffer")
    assert told["draft-max"].hint == "N"
    assert [name for name, usage in told.items() if usage.removed] == ["draft", "draft-max"]
    assert flags_in(text) == {"flash-attn", "kv-unified"}


def test_a_program_is_found_by_its_path_or_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "engine"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program(None, "engine", "") == find_program(program, "other", "") == program
    with pytest.raises(MachineError, match="there is no other") as caught:
        find_program(None, "other", "install it")
    assert caught.value.hint == "install it"
    with pytest.raises(MachineError, match="there is no program /no/such"):
        find_program(Path("/no/such"), "engine", "")
