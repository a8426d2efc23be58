"""A small capture, a fake service, and paths measured into a table."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_service import FakeService, Turn

from autotune.paths import services
from autotune.paths.events import PathEvent
from autotune.paths.folder import PathsFolder
from autotune.paths.measure import PathsOutcome, PathsRequest, measure_paths
from autotune.paths.services import Service
from autotune.paths.spec import AttachedPath, ServingPath
from autotune.paths.turns import TurnsRequest, lay_out, load

KEY = "sk-test-0123456789abcdef"


def _messages(session: int, turn: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"role": "system", "content": f"You are agent {session}. " + "Be brief. " * 30},
        {"role": "user", "content": f"task {session}"},
    ]
    for at in range(turn):
        found += [
            {"role": "assistant", "content": f"step {at} done"},
            {"role": "user", "content": f"result {at} " + "of it " * 20},
        ]
    return found


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Two sessions of three turns each, as an OpenAI request log; replies of four tokens."""
    path = tmp_path / "captures.jsonl"
    lines = []
    for session in (1, 2):
        for turn in range(3):
            body = {"model": "m", "messages": _messages(session, turn)}
            usage = {"prompt_tokens": 100 + 30 * turn, "completion_tokens": 4}
            reply = {"role": "assistant", "content": f"step {turn} done"}
            answer = {"choices": [{"message": reply}], "usage": usage}
            lines.append(json.dumps({"request": body, "response": answer}))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FakeService]]:
    """``service(Turn(429), key=KEY)``: one that autotune takes for OpenRouter."""
    made: list[FakeService] = []

    def make(*turns: Turn, known: bool = True, **options: Any) -> FakeService:
        made.append(FakeService(*turns, **options))
        if known:
            one = Service("openrouter", "localhost", "OPENROUTER_API_KEY", lists_all=True)
            monkeypatch.setattr(services, "SERVICES", (one,))
        return made[-1]

    yield make
    for one in made:
        one.close()


class Measured:
    """Measures into one table; keeps what was told meanwhile."""

    def __init__(self, capture: Path, folder: Path) -> None:
        self.capture, self.folder = capture, PathsFolder(folder)
        self.events: list[PathEvent] = []
        self.stop = threading.Event()
        self.stop_after: int | None = None

    def __call__(self, *paths: ServingPath, again: bool = False, **limits: Any) -> PathsOutcome:
        turns = TurnsRequest(workload=self.capture, **limits)
        self.stop.clear()
        request = PathsRequest(
            paths=paths,
            turns=lay_out(turns, load(turns)),
            folder=self.folder,
            workload="captures.jsonl",
            redacted=False,
            work_dir=self.folder.path.parent / "work",
            again=again,
        )
        return measure_paths(request, self._told, self.stop)

    def _told(self, event: PathEvent) -> None:
        self.events.append(event)
        if self.stop_after is not None and type(event).__name__ == "PathTurn":
            self.stop_after -= 1
            if self.stop_after == 0:
                self.stop.set()


@pytest.fixture
def measured(capture: Path, tmp_path: Path) -> Measured:
    return Measured(capture, tmp_path / "table")


@pytest.fixture
def attached() -> Callable[..., AttachedPath]:
    """``attached(service.url, model=...)`` with a key, prices from the service and no limit."""

    def make(url: str, **fields: Any) -> AttachedPath:
        usual: dict[str, Any] = {"name": "p", "key": KEY, "key_name": "K", "secrets": (KEY,)}
        return AttachedPath(url=url, **{**usual, **fields})

    return make
