"""What came of verifying an export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from autotune.candidate import Setting
from autotune.errors import ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnPair:
    """One turn now, beside the median of the study's own measurements of it.

    Times in seconds; ``None`` where the study has none, or the turn failed with `failure`.
    """

    session_id: str
    turn: int
    depth_tokens: int | None = None
    cached_tokens: int | None = None
    ttft_s: float | None = None
    wall_s: float | None = None
    study_ttft_s: float | None = None
    study_wall_s: float | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How an export stood the proof.

    `problems` are why it would not run as tuned; `checked` and `unchecked` say what was looked at.
    `read_back` are the settings that the engine said, `unread` the names of those that it does not
    say, both empty for a format that is not started here. `notes` are no problems.
    """

    format: str
    started: bool
    problems: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    read_back: Mapping[str, Setting] | None = None
    unread: tuple[str, ...] = ()
    turns: tuple[TurnPair, ...] = ()
    load_s: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def as_tuned(self) -> bool:
        """Whether nothing was found against it."""
        return not self.problems and all(turn.failure is None for turn in self.turns)

    @property
    def exit_code(self) -> ExitCode:
        """0, or 1 where it does not run as tuned."""
        return ExitCode.DONE if self.as_tuned else ExitCode.NOTHING_BETTER

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        data = asdict(self)
        data["read_back"] = None if self.read_back is None else dict(self.read_back)
        return {**data, "as_tuned": self.as_tuned}
