"""Where vLLM is: the ``vllm`` command, or a Python whose packages hold it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autotune.errors import MachineError
from autotune.launchers import vllm_probe
from autotune.launchers.environment import inherited
from autotune.launchers.program import find_program, flags_in, output_of, sha256_of, usages_in
from autotune.launchers.protocol import EngineBuild
from autotune.launchers.python_package import interpreter_of, is_python

NAME = "vllm"
HINT = (
    "install vLLM so that the command vllm is on PATH, or give --engine-path: "
    "the command, a Python that has it, or the folder of its virtual environment"
)
QUIET: Mapping[str, str] = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_LOGGING_COLOR": "0",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
}
"""Nothing is reported to anybody and nothing fetched: the model is a folder of this machine."""

_MODULE = "vllm.entrypoints.openai.api_server"
_HELP = (
    "import runpy, sys; sys.path[:] = [p for p in sys.path if p]; "
    f"sys.argv[:] = ['vllm', '--help=all']; runpy.run_module('{_MODULE}', run_name='__main__')"
)
_HELP_TIMEOUT_S = 300.0
"""Its help imports PyTorch first: some 10 s, minutes from a cold disk."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to execute: the ``vllm`` command, or vLLM's `module` with the Python at `path`."""

    path: str
    module: bool

    def start(self, model: Path) -> tuple[str, ...]:
        """The words before the settings."""
        if self.module:
            return (self.path, "-m", _MODULE, "--model", str(model))
        return (self.path, "serve", str(model))


def named_program(engine_path: Path | None) -> Program:
    """The program by its name alone; nothing is looked at but whether a folder is meant."""
    if engine_path is None:
        return Program(NAME, module=False)
    if engine_path.is_dir():
        return Program(str(engine_path / "bin" / "python"), module=True)
    return Program(str(engine_path), is_python(engine_path))


def find_build(engine_path: Path | None) -> tuple[Program, EngineBuild]:
    """The program to start and what it says of itself.

    A command whose packages go by another name than ``vllm`` does not start: its Python is taken.
    Raises `MachineError` without one, and for one that does not run.
    """
    named = named_program(engine_path)
    given = Path(named.path) if engine_path is not None else None
    program = Program(str(find_program(given, NAME, HINT)), named.module)
    env = {**inherited(os.environ), **QUIET}
    python = program.path if program.module else interpreter_of(Path(program.path))
    facts = _facts(python, env) if python is not None else _said_by(program, env)
    if python is not None and facts["distribution"] != NAME:
        program = Program(python, module=True)
    told = _help(program, env)
    build = EngineBuild(
        NAME, program.path, facts["version"], facts["sha256"], flags_in(told), usages_in(told)
    )
    return program, build


def _facts(python: str, env: Mapping[str, str]) -> dict[str, str]:
    source = Path(vllm_probe.__file__).read_text(encoding="utf-8")
    told = output_of([python, "-c", source], env, HINT)
    facts: dict[str, str] = json.loads(told.strip().splitlines()[-1])
    if problem := facts.get("problem"):
        raise MachineError(f"{python}: {problem}", HINT)
    return facts


def _said_by(program: Program, env: Mapping[str, str]) -> dict[str, str]:
    """A command that is not a Python script, such as a wrapper: what it says itself."""
    told = output_of([program.path, "--version"], env, HINT, timeout_s=_HELP_TIMEOUT_S)
    version = told.strip().splitlines()[-1].strip()
    return {"version": version, "distribution": NAME, "sha256": sha256_of(Path(program.path))}


def _help(program: Program, env: Mapping[str, str]) -> str:
    words = ["-c", _HELP] if program.module else ["serve", "--help=all"]
    return output_of([program.path, *words], env, HINT, timeout_s=_HELP_TIMEOUT_S)
