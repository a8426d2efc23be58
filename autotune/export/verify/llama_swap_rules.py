"""A llama-swap configuration by the rules of its schema, and its command split as it splits it.

The rules are those of ``config-schema.json`` of llama-swap, for the keys that we write.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from autotune.export.command import PORT, command_of
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions
from autotune.export.verify.checked_yaml import VARIABLES, CamelPart, documents, faults, same_words
from autotune.export.verify.outcome import Verification

_MACRO = re.compile(r"\$\{([^}]*)\}")
_OWN = {"PORT", "MODEL_ID", "PID"}


class _Model(CamelPart):
    cmd: str = Field(min_length=1)
    description: str = Field(default="", max_length=1024)
    proxy: Annotated[str, Field(pattern=r"^https?://")]
    check_endpoint: Annotated[str, Field(pattern=r"^/.*$|^none$")]
    env: list[Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*=.*$")]] | None = None
    use_model_name: str = ""


class _File(CamelPart):
    health_check_timeout: int = Field(ge=15)
    models: dict[str, _Model] = Field(min_length=1)


def verify_llama_swap(path: Path, config: ExportConfig, options: ExportOptions) -> Verification:
    """The file at `path` by the rules of llama-swap's schema; llama-swap is not started."""
    return Verification(
        format="llama-swap",
        started=False,
        problems=_problems(path.read_text(encoding="utf-8"), config, options),
        checked=("YAML", "llama-swap's schema", "the command's words and variables, one by one"),
        unchecked=("llama-swap was not started",),
    )


def _problems(text: str, config: ExportConfig, options: ExportOptions) -> tuple[str, ...]:
    read, problems = documents(text)
    if problems or len(read) != 1:
        return problems or (f"{len(read)} documents instead of one",)
    if found := faults(_File, read[0]):
        return found
    (model,) = read[0]["models"].values()
    macros = {name for value in _texts(model) for name in _MACRO.findall(value)}
    if unknown := macros - _OWN:
        return (f"${{{min(unknown)}}} is no macro of llama-swap's own",)
    command = command_of(config, options.full)
    variables = [f"{name}={value}" for name, value in command.env.items()]
    return (
        *same_words(split_command(model["cmd"]), [*command.without(PORT).words, PORT, "${PORT}"]),
        *same_words(model.get("env") or [], variables, VARIABLES),
    )


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def split_command(text: str) -> list[str]:
    """As llama-swap does: comment lines dropped, a backslash at a line's end a blank."""
    lines = []
    for line in text.split("\n"):
        bare = line.strip()
        if not bare.startswith("#"):
            lines.append(f"{bare.removesuffix(chr(92))} " if bare.endswith("\\") else line)
    return shlex.split("\n".join(lines))
