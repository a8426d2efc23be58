"""Every setting that can be written in a file or the environment, in sections.

A command takes the sections it needs by inheriting from them; only fields that come from a section
are looked up outside the command line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import CliSuppress

from autotune.config.values import (
    Duration,
    EngineNames,
    EnginePaths,
    Paths,
    Pins,
    Share,
    Tables,
    Tokens,
)

Objective = Literal["turn", "ttft", "decode"]
History = Literal["closed-loop", "recorded"]
Order = Literal["interleaved", "sequential"]
Display = Literal["auto", "rich", "plain", "none"]


class Section(BaseModel):
    """Base of all sections: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)


class EngineSettings(Section):
    """Which GPU, engine and model."""

    gpu: str = Field(
        "auto",
        description="auto, cpu, a GPU's name (3090) or its UUID; for run also all, or a list: 0,1",
    )
    engine: EngineNames = Field(
        "auto",
        description="engine to tune; auto is llama-server if installed, else reference. Several "
        "(a,b) are tuned under one budget and compared",
        json_schema_extra={"metavar": "NAME[,NAME]"},
    )
    engine_path: EnginePaths | None = Field(
        None,
        description="the engine's program, if not on PATH; of several engines: "
        "vllm=/opt/vllm/bin/vllm",
        json_schema_extra={"metavar": "[NAME=]PATH"},
    )
    model: EnginePaths | None = Field(
        None,
        description="the model file to serve; --model vllm=/models/folder is for one engine (may "
        "be repeated)",
        json_schema_extra={"metavar": "[NAME=]PATH"},
    )


class WorkloadSettings(Section):
    """What is replayed, and how."""

    workload: Path | None = Field(None, description="captured sessions: a file or a directory")
    depth: str | None = Field(
        None, description="depth bucket to score, e.g. 30k-60k (default: the deepest with data)"
    )
    max_depth: Annotated[Tokens, Field(ge=1)] | None = Field(
        None, description="cut sessions where the prompt gets deeper than this many tokens"
    )
    max_sessions: int | None = Field(
        None, ge=1, description="replay at most this many sessions, drawn to stand for all"
    )
    max_output_tokens: int | None = Field(None, ge=1, description="cut longer replies to this")
    history: History = Field(
        "closed-loop", description="what later prompts carry: the engine's own replies, or recorded"
    )
    order: Order = Field("interleaved", description="sessions as their timestamps were, or in turn")
    concurrency: int = Field(1, ge=1, description="sessions in flight at once")


class SearchSettings(Section):
    """What is searched, for how long, and what counts as better."""

    study: str | None = Field(None, description="name of the study; an existing one is continued")
    objective: Objective = Field("turn", description="what is made smaller or faster")
    budget: Annotated[Duration, Field(gt=0)] | None = Field(
        None,
        description="wall time for the whole run: 90s, 10m, 2h (30m without --trials)",
        json_schema_extra={"metavar": "TIME"},
    )
    trials: int | None = Field(None, ge=1, description="number of trials")
    sample: Literal["auto", "all"] = Field(
        "auto", description="auto draws as many sessions as the budget has time for"
    )
    confirm_blocks: int | None = Field(
        None, ge=1, description="repetitions of each arm in the confirmation, at most (default: 3)"
    )
    min_context: Annotated[Tokens, Field(ge=1)] | None = Field(
        None, description="context length that every candidate must offer, in tokens"
    )
    quality: Literal["keep", "guard", "any"] = Field(
        "keep",
        description="settings that can change what the model says: keep them at their defaults, "
        "search them under the quality guard, or search them unguarded (any)",
    )
    ladder: bool = Field(
        True,
        description="ask every candidate the whole plan, not a few turns at depth first",
    )
    warm_start: bool = Field(
        True,
        description="begin without what earlier studies of this engine found (with them, at most a "
        "tenth of the budget tries what won there)",
    )
    early_stop: bool = Field(
        True,
        description="search until the budget ends, also when nothing is left to gain that is more "
        "than noise",
    )
    hold: bool = Field(
        True,
        description="do not fill the winner to the deepest turn and over several sessions before "
        "it is recommended",
    )
    effects: bool = Field(
        True,
        description="do not measure what each change of the winner is worth, and keep those that "
        "do nothing (with it, at most a tenth of the budget)",
    )
    headroom: Annotated[Share, Field(ge=0, le=4)] = Field(
        0.1,
        description="how much deeper than the deepest turn a config must hold, as a share of it",
        json_schema_extra={"metavar": "SHARE"},
    )
    also_model: Paths = Field(
        (),
        description="another quantization of the same model, searched too and guarded against the "
        "least quantized (may be repeated)",
        json_schema_extra={"metavar": "PATH"},
    )
    allow_quality_change: bool = Field(False, description="the same as --quality guard")
    quality_positions: int = Field(
        256, ge=100, description="positions of the captures at which the guard compares"
    )
    max_kl_p99: float = Field(
        0.1, gt=0, description="most divergence accepted at the 99th percentile, in nats"
    )
    min_top1: float = Field(
        0.92, ge=0, le=1, description="least share of positions with the same likeliest token"
    )
    min_calls_kept: float = Field(
        0.9, ge=0, le=1, description="least share of tool calls that stay sound and keep their name"
    )
    set_: Pins = Field(
        default_factory=dict,
        alias="set",
        description="pin an engine flag: --set batch-size=512; search it among these values: --set "
        "batch-size=512,1024; add one: --set batch-size+=4096; of one of several engines: --set "
        "vllm:block-size=32 (may be repeated)",
    )
    fix: Pins = Field(
        default_factory=dict,
        description="pin an engine flag to just this value, commas and all: --fix "
        "tensor-split=3,1 (may be repeated)",
    )
    space: CliSuppress[Tables] = Field(
        default_factory=dict,
        description="parameters added to the search space, in a file: [space.parameters.NAME]",
    )
    incumbent: Path | None = Field(
        None,
        description="the config in use now, as exported with --format json: what is recommended "
        "must beat it as well",
    )
    usual_chart: bool = Field(
        True,
        description="do not run the usual benchmark (short prompt, tokens/s) on each config",
    )
    anchor_every: int = Field(
        5,
        ge=0,
        description="measure the default again every so many trials, to see the machine drift; at "
        "most a fifth of the search's time goes into it (0: never)",
    )
    seed: int = Field(0, ge=0, description="seed of everything random")


class StudiesSettings(Section):
    """Where studies are kept."""

    studies_dir: Path = Field(Path("studies"), description="directory that holds the studies")


class DisplaySettings(Section):
    """How progress is shown."""

    display: Display = Field(
        "auto", description="progress on stderr; auto is rich on a terminal, else plain"
    )


SECTIONS: tuple[type[Section], ...] = (
    EngineSettings,
    WorkloadSettings,
    SearchSettings,
    StudiesSettings,
    DisplaySettings,
)


class Settings(DisplaySettings, StudiesSettings, SearchSettings, WorkloadSettings, EngineSettings):
    """Every setting there is, in the order of `SECTIONS`."""
