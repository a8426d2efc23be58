"""``capture/1``: one line of the capture format, checked where it crosses the boundary.

A line is one request. Prompts are written as what changed: the first `keep` messages of the
session's previous turn, then `append`. `tools` and `params` are written when they changed;
`tools_ref` names tools that an earlier line of the file carried. Unknown keys are kept, here
and below `recorded` and `fidelity`, and written back. docs/captures.md is the reference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from autotune.workload.model import Boundary, Fidelity, PromptFidelity, Recorded
from autotune.workload.prefix import canonical

SCHEMA = "capture/1"
MANIFEST_SCHEMA = "capture-manifest/1"

Count = Annotated[int, Field(ge=0)]
Millis = Annotated[float, Field(allow_inf_nan=False)]
Span = Annotated[float, Field(ge=0, allow_inf_nan=False)]
JsonObject = dict[str, Any]


class _Strict(BaseModel):
    """No coercion: ``"12"`` is not a number. Keys of later versions are kept."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class RecordedPart(_Strict):
    """``recorded``: what the original server or client said. Durations in ms."""

    prompt_tokens: Count | None = None
    cached_tokens: Count | None = None
    completion_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    ttft_ms: Span | None = None
    latency_ms: Span | None = None
    model: str | None = None
    tokenizer: str | None = None

    def build(self) -> Recorded:
        """The dataclass used inside."""
        return Recorded(**{name: getattr(self, name) for name in RecordedPart.model_fields})


class FidelityPart(_Strict):
    """``fidelity``: how far the prompt is the one that was sent."""

    prompt: Literal["exact", "rebuilt", "padded", "synthetic"] = "exact"
    missing: list[str] = Field(default_factory=list)
    pad_tokens: Count = 0

    def build(self) -> Fidelity:
        """The dataclass used inside."""
        return Fidelity(PromptFidelity(self.prompt), tuple(self.missing), self.pad_tokens)


class CaptureLine(_Strict):
    """One line. `timestamp` and `delay` are ms, `output_length` tokens."""

    schema_name: Literal["capture/1"] = Field(alias="schema")
    session_id: Annotated[str, Field(min_length=1)]
    turn: Count
    parent: str | None = None
    keep: Count = 0
    append: list[JsonObject] = Field(default_factory=list)
    tools: list[JsonObject] | None = None
    tools_ref: str | None = None
    params: JsonObject | None = None
    timestamp: Millis | None = None
    delay: Span | None = None
    output_length: Count | None = None
    response: JsonObject | None = None
    recorded: RecordedPart = RecordedPart()
    boundary: Literal["compaction", "edit", "resume", "fork", "subagent"] | None = None
    fidelity: FidelityPart = FidelityPart()
    prompt_sha256: str | None = None
    origin: JsonObject = Field(default_factory=dict)

    @model_validator(mode="after")
    def _messages_have_roles(self) -> Self:
        for message in [*self.append, *([self.response] if self.response else [])]:
            if not isinstance(message.get("role"), str):
                raise ValueError("every message needs a role")
        return self

    @property
    def boundary_kind(self) -> Boundary | None:
        """The boundary as its enum."""
        return None if self.boundary is None else Boundary(self.boundary)

    @property
    def unknown(self) -> JsonObject:
        """Keys that this version does not know; nested ones under their parent's name."""
        extra = dict(self.model_extra or {})
        for name, part in (("recorded", self.recorded), ("fidelity", self.fidelity)):
            if part.model_extra:
                extra[name] = dict(part.model_extra)
        return extra


def tools_ref(tools: Sequence[Mapping[str, Any]]) -> str:
    """The name of a list of tools: SHA-256 of its compact JSON, key order kept."""
    return f"sha256:{hashlib.sha256(canonical(list(tools))).hexdigest()}"
