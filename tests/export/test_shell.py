"""The exported script: a shell reads it, and it starts the engine as tuned."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autotune.export.formats import FORMATS, write_export
from autotune.export.model import ExportConfig
from autotune.export.provenance import gain_text, provenance_lines
from autotune.export.shell import render_shell

ENGINE = """#!{python}
import json, os, sys
print(json.dumps([sys.argv[1:], os.environ.get("CUDA_VISIBLE_DEVICES"), os.getpid()]))
"""


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A program that says how it was started; its name has a blank."""
    path = tmp_path / "fake engine"
    path.write_text(ENGINE.format(python=sys.executable))
    path.chmod(0o755)
    return path


def with_program(config: ExportConfig, program: Path) -> ExportConfig:
    return replace(config, argv=(str(program), *config.argv[1:]))


@pytest.mark.parametrize("full", [False, True])
def test_a_shell_can_read_it(config: ExportConfig, full: bool) -> None:
    text = render_shell(config, full)
    done = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_script_becomes_the_engine_as_tuned(
    config: ExportConfig, engine: Path, tmp_path: Path
) -> None:
    script = tmp_path / "serve.sh"
    write_export(script, with_program(config, engine), "shell")
    process = subprocess.Popen([script, "--port", "80 80"], stdout=subprocess.PIPE, text=True)
    out, _ = process.communicate(timeout=30)
    argv, devices, pid = json.loads(out)
    assert argv == [
        *("--model", "/models/it's tiny.gguf", "--batch-size", "512", "--no-kv-unified"),
        *("--port", "80 80"),
    ]
    assert devices == "GPU-1 $x"
    assert pid == process.pid


def test_full_writes_every_setting(config: ExportConfig, engine: Path, tmp_path: Path) -> None:
    script = tmp_path / "serve.sh"
    write_export(script, with_program(config, engine), "shell", full=True)
    out = subprocess.run([script], capture_output=True, text=True, check=True).stdout
    assert json.loads(out)[0] == list(config.argv[1:])
    assert "# Every setting is written out." in script.read_text()


def test_the_comment_says_where_it_comes_from(config: ExportConfig) -> None:
    assert render_shell(config).splitlines()[:12] == [
        "#!/bin/sh",
        "# Written by autotune 0.1.0.",
        "# study: demo, trial 7",
        "# gain: 1.36x the speed of the engine's defaults (interval 1.28x to 1.44x)",
        "# engine: llama-server 0.6.0 (build 11434)",
        "# engine sha256: abab",
        "# model: /models/tiny.gguf",
        "# model sha256: cdcd",
        "# GPU: A Processor",
        "# depth: 0-10k",
        "# date: 2026-11-01T11:00:00+00:00",
        "# Only what differs from the engine's defaults is written; export --full writes all.",
    ]


def test_a_comment_never_becomes_a_command(config: ExportConfig) -> None:
    evil = replace(config.provenance, study="x\nrm -rf /", gpu="a\r\nb")
    text = "\n".join(provenance_lines(evil))
    assert "study: x rm -rf /, trial 7" in text
    assert "GPU: a b" in text


def test_what_is_not_confirmed_says_so(config: ExportConfig) -> None:
    bare = replace(config.provenance, speedup=None, interval=None, confirmed=False)
    assert gain_text(bare) == "not confirmed"
    assert gain_text(replace(bare, confirmed=True)) is None
    guessed = replace(bare, speedup=1.2)
    assert gain_text(guessed) == "1.20x the speed of the engine's defaults, not confirmed"
    changing = replace(bare, quality_changing=("cache-type-k",))
    assert "can change what the model says: cache-type-k" in provenance_lines(changing)


def test_every_format_has_a_file_name() -> None:
    names = [target.file_name for target in FORMATS.values()]
    assert names[:2] == ["serve.sh", "config.json"]
    assert len(set(names)) == len(names)
