"""SGLang's arguments, read as xargs and a shell read them."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from autotune.errors import UserError
from autotune.export.model import ExportConfig
from autotune.export.sglang_args import render_sglang_args

ARGV = [
    *("/opt/sglang", "serve", "--model-type", "llm", "--model-path", '/models/it\'s "tiny"'),
    *("--port", "8080", "--page-size", "64", "--chat-template", "a\\b $c"),
]


@pytest.fixture
def sglang(made: object) -> ExportConfig:
    assert callable(made)
    config: ExportConfig = made("sglang", ARGV, {"page-size": 64}, env={"A": "x\ny"})
    return config


def test_a_shell_reads_it_back(sglang: ExportConfig) -> None:
    text = render_sglang_args(sglang)
    words = shlex.split("\n".join(line for line in text.splitlines() if line[0] != "#"))
    # Without the program and --model-type, which only `sglang serve` has.
    assert words == ARGV[4:]
    assert "# Set A='x y'" in text


@pytest.mark.skipif(shutil.which("xargs") is None, reason="there is no xargs")
def test_xargs_reads_it_back(sglang: ExportConfig) -> None:
    lines = "".join(
        f"{line}\n" for line in render_sglang_args(sglang).splitlines() if line[0] != "#"
    )
    done = subprocess.run(
        ["xargs", "printf", "%s\\n"], input=lines, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ARGV[4:]


def test_a_value_of_several_lines_is_refused(made: object) -> None:
    assert callable(made)
    with pytest.raises(UserError, match="several lines"):
        render_sglang_args(made("sglang", ["sglang", "--chat-template", "a\nb"]))
