"""``autotune engine``: which engines are here, what they take, whether they keep the contract."""

from __future__ import annotations

from pydantic import BaseModel, Field
from pydantic_settings import CliSubCommand

from autotune.cli.engine_check import EngineCheck
from autotune.cli.engine_flags import EngineFlags
from autotune.cli.engine_list import EngineList
from autotune.cli.engine_schema import EngineSchema


class Engine(BaseModel):
    """Which engines are here, and whether they keep the contract.

    Examples:
        autotune engine list
        autotune engine flags llama-server
        autotune engine check my-engine.toml --model small.gguf
    """

    list: CliSubCommand[EngineList]
    flags: CliSubCommand[EngineFlags]
    check: CliSubCommand[EngineCheck]
    # By alias: a field called "schema" would hide a method of pydantic's.
    schema_: CliSubCommand[EngineSchema] = Field(alias="schema")
