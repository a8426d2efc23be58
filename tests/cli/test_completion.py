"""``autotune completion``: scripts that the shells accept."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from autotune.cli.commands import COMMANDS
from autotune.cli.completion import completion_script


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_names_every_command(shell: str) -> None:
    script = completion_script(shell)
    assert all(name in script for name in COMMANDS)
    assert "objective" in script
    assert "ttft" in script


def test_bash_completes_commands_and_flags(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    script = tmp_path / "autotune.bash"
    script.write_text(completion_script("bash"))
    code = """
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _shtab_autotune; printf '%s\\n' "${COMPREPLY[@]}"
    """

    def complete(*words: str) -> list[str]:
        argv = [bash, "-c", code, "bash", str(script), *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
        return done.stdout.split()

    assert complete("autotune", "ex") == ["export"]
    assert complete("autotune", "study", "sh") == ["show"]
    assert complete("autotune", "run", "--bud") == ["--budget"]
    assert complete("autotune", "run", "--objective", "t") == ["turn", "ttft"]
