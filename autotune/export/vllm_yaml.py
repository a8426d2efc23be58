"""vLLM's own config file: ``vllm serve --config FILE``, in two words.

As ``utils/argparse_utils.py`` of 0.32 reads it: ``false`` becomes the flag's ``--no-`` form, a
mapping becomes JSON, everything else becomes the text of what YAML made of it. The command line
beats the file. Variables (``VLLM_...``) have no place in it.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from autotune.errors import UserError
from autotune.export.command import Command, Flag, command_of
from autotune.export.model import ExportConfig
from autotune.export.provenance import one_line, scope_text
from autotune.export.yaml_text import comment, dump, plain


def render_vllm_yaml(config: ExportConfig, full: bool = False) -> str:
    """The file's text. Raises `UserError` for a flag that it cannot say."""
    command = command_of(config, full)
    model = command.model
    data: dict[str, Any] = {} if model is None else {"model": model}
    data |= dict(_entry(flag) for flag in command.flags)
    return f"{comment(config, scope_text(full))}{_start(command)}{dump(data)}"


def _start(command: Command) -> str:
    """How it is used, with the variables that belong to it."""
    words = [f"{name}={shlex.quote(value)}" for name, value in command.env.items()]
    told = " ".join([*words, "vllm serve --config FILE"])
    return f"# {one_line(f'Start it with: {told}')}\n"


def _entry(flag: Flag) -> tuple[str, Any]:
    if len(flag.values) > 1:
        return flag.bare, list(flag.values)
    if not flag.name.startswith("--"):
        raise UserError(f"vLLM's config file has no key for {flag.name}", "use --format shell")
    if flag.values:
        return flag.bare, _value(flag.values[0])
    if flag.bare.startswith("no-"):
        return flag.bare.removeprefix("no-"), False
    return flag.bare, True


def _value(text: str) -> Any:
    """A JSON object as a mapping, which vLLM makes JSON again; other words as themselves."""
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            return text
        return found if isinstance(found, dict) else text
    return plain(text)
