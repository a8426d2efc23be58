"""llama-server's variables; tests/engines asks the real server for its own."""

from __future__ import annotations

import pytest

from autotune.export.command import Flag
from autotune.export.llama_variables import KNOWN, assignment, variable_of


@pytest.mark.parametrize(
    ("flag", "pair"),
    [
        (Flag("--ctx-size", ("8",)), ("LLAMA_ARG_CTX_SIZE", "8")),
        (Flag("--parallel", ("2",)), ("LLAMA_ARG_N_PARALLEL", "2")),
        (Flag("--kv-unified"), ("LLAMA_ARG_KV_UNIFIED", "true")),
        (Flag("--no-kv-unified"), ("LLAMA_ARG_KV_UNIFIED", "false")),
        # Its own switch: there is no --host to be off.
        (Flag("--no-host"), ("LLAMA_ARG_NO_HOST", "true")),
        (Flag("--poll", ("7",)), None),
        (Flag("--no-warmup"), None),
        (Flag("--fit", ("a", "b")), None),
    ],
)
def test_a_flag_as_a_variable(flag: Flag, pair: tuple[str, str] | None) -> None:
    assert assignment(flag) == pair


def test_no_variable_switches_off_by_being_there() -> None:
    own = {"no-host": "LLAMA_ARG_NO_HOST"}
    negative = {n: v for n in KNOWN if (v := variable_of(n)) and v.startswith("LLAMA_ARG_NO_")}
    assert negative == own
