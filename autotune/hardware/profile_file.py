"""The TOML of a GPU profile: facts of one card, or of a class of cards, and what they narrow.

The ``[engines.NAME]`` tables are kept as they are: what may stand in them is the search's to say
(`autotune.search.space_file`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autotune.errors import UserError

SCHEMA_VERSION = "gpu-profile/1"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FactsEntry(_Strict):
    """The ``[facts]`` table. What nobody published is left out; it is never 0.

    Attributes:
        memory_gib: as sold; the driver shows a little less.
        memory_bandwidth_gb_s: 10^9 bytes a second.
        fp16_tflops: dense FP16 or BF16 with FP32 accumulation where the source says which; 10^12
            operations a second, without sparsity.
        fp8: whether the card multiplies FP8 in hardware.
        unified_memory: whether processor and GPU share one memory.
        power_limit_w: as the card comes.
    """

    memory_gib: float = Field(gt=0)
    memory_bandwidth_gb_s: float | None = Field(None, gt=0)
    fp16_tflops: float | None = Field(None, gt=0)
    fp8: bool | None = None
    compute_capability: str | None = Field(None, pattern=r"^\d+\.\d$")
    unified_memory: bool = False
    power_limit_w: float | None = Field(None, gt=0)


class ProfileFile(_Strict):
    """A whole profile. A card has `names` and ``[facts]``; a class has neither.

    Attributes:
        title: for people.
        inherits: the profile below this one, by its file's name without ``.toml``.
        names: what the driver or a user calls the card; compared word by word.
        memory_from_gib: a class of cards of a memory size: from so many GiB on, as the driver
            shows them.
        engines: engine name to what it narrows there.
    """

    schema_version: Literal["gpu-profile/1"]
    title: str
    inherits: str | None = None
    names: tuple[str, ...] = ()
    memory_from_gib: float | None = Field(None, ge=0)
    facts: FactsEntry | None = None
    engines: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)


@cache
def shipped_files() -> Mapping[str, ProfileFile]:
    """Every profile that comes with autotune, by name. Read once."""
    folder = resources.files("autotune.search_spaces") / "data" / "gpus"
    found = sorted(
        (source.name.removesuffix(".toml"), source.read_text(encoding="utf-8"))
        for source in folder.iterdir()
        if source.name.endswith(".toml")
    )
    return {name: parse_profile(text, f"gpus/{name}.toml") for name, text in found}


def parse_profile(text: str, where: str) -> ProfileFile:
    """The profile in `text`. Raises `UserError` naming `where` and the first thing wrong."""
    try:
        return ProfileFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{where} is not TOML: {error}", "mend the line it names") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{where}: {place}: {first['msg']}", "see docs/hardware.md for what is allowed"
        ) from None
