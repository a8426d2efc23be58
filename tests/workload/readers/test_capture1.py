from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Boundary, Damage, PromptFidelity, Session, Turn
from autotune.workload.readers.capture1 import Capture1Reader
from autotune.workload.writer import write_capture

SMALL = Path(__file__).parents[1] / "fixtures" / "capture-small.jsonl"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    found = list(Capture1Reader().read(CaptureFile(path, path.name), ledger))
    return found, ledger.entries()


def kinds(damage: tuple[Damage, ...]) -> list[tuple[str, int, int]]:
    return [(d.kind, d.first_line, d.count) for d in damage]


def test_the_hand_written_file() -> None:
    (beta, alpha), damage = read(SMALL)
    assert damage == ()
    assert (alpha.session_id, alpha.parent) == ("alpha", None)
    assert (beta.session_id, beta.parent) == ("beta", "alpha")
    first, second, third = alpha.turns
    assert [len(turn.messages) for turn in alpha.turns] == [2, 4, 2]
    assert [turn.keep for turn in alpha.turns] == [0, 2, 1]
    assert (first.timestamp_ms, second.delay_ms, first.output_tokens) == (1000.0, 500.0, 12)
    assert (first.recorded.prompt_tokens, first.recorded.cached_tokens) == (400, 0)
    assert first.recorded.ttft_ms == 200.0
    assert second.recorded.ttft_ms is None
    assert third.boundary is Boundary.COMPACTION
    assert first.extra == {"shiny": 1, "recorded": {"vendor": "x"}}
    assert first.fidelity.prompt is PromptFidelity.EXACT


def test_tools_and_params_hold_until_they_change() -> None:
    (beta, alpha), _ = read(SMALL)
    first, second, third = alpha.turns
    assert second.tools is first.tools
    assert beta.turns[0].tools is first.tools
    assert third.tools == ()
    assert [dict(turn.params) for turn in alpha.turns] == [
        {"temperature": 0.2},
        {"temperature": 0.2},
        {},
    ]


def test_messages_are_shared_and_arguments_stay_text() -> None:
    (_, alpha), _ = read(SMALL)
    first, second, _ = alpha.turns
    assert second.messages[0] is first.messages[0]
    (call,) = second.messages[2]["tool_calls"]
    assert call["function"]["arguments"] == '{"path": "adder.py"}'


def test_a_session_is_given_as_soon_as_it_ends() -> None:
    ledger = DamageLedger()
    reader = Capture1Reader().read(CaptureFile(SMALL, "f"), ledger)
    assert next(reader).session_id == "beta"
    reader.close()


def chat(*texts: str) -> tuple[dict[str, Any], ...]:
    return tuple({"role": "user", "content": text} for text in texts)


def four_turns(tools: tuple[dict[str, Any], ...] = ({"name": "read"},)) -> Session:
    words = ["a", "b", "c", "d", "e"]
    return Session(
        "s",
        tuple(
            Turn("s", i, chat(*words[: i + 1]), keep=i, tools=tools, params={"seed": 1})
            for i in range(4)
        ),
    )


def rewritten(folder: Path, change: Any) -> Path:
    """The file of `four_turns` after `change(lines)` has had its way with its lines."""
    path = folder / "s.jsonl"
    write_capture([four_turns()], path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_a_lost_line_takes_the_turns_that_build_on_it(tmp_path: Path) -> None:
    (session,), damage = read(rewritten(tmp_path, lambda lines: lines.pop(1)))
    assert [turn.index for turn in session.turns] == [0]
    assert kinds(damage) == [("missing-turn", 2, 1), ("orphan-delta", 2, 2)]


def test_a_session_goes_on_after_a_loss_where_the_hash_agrees(tmp_path: Path) -> None:
    def lose_one_and_repeat_the_whole_prompt(lines: list[dict[str, Any]]) -> None:
        lines[2] |= {"keep": 0, "append": list(chat("a", "b", "c"))}
        del lines[1]

    (session,), damage = read(rewritten(tmp_path, lose_one_and_repeat_the_whole_prompt))
    assert [turn.index for turn in session.turns] == [0, 2, 3]
    assert [turn.keep for turn in session.turns] == [0, 1, 3]
    assert session.turns[1].fidelity.missing == ("params",)
    assert kinds(damage) == [("missing-turn", 2, 1)]


def test_without_a_hash_only_a_whole_prompt_is_taken_after_a_loss(tmp_path: Path) -> None:
    def lose_one(lines: list[dict[str, Any]]) -> None:
        for line in lines:
            del line["prompt_sha256"]
        lines[3] |= {"keep": 0, "append": list(chat("x")), "tools": []}
        del lines[1]

    (session,), damage = read(rewritten(tmp_path, lose_one))
    assert [turn.index for turn in session.turns] == [0, 3]
    assert kinds(damage) == [("missing-turn", 2, 1), ("orphan-delta", 2, 1)]


def test_a_prompt_that_does_not_match_its_hash_is_left_out(tmp_path: Path) -> None:
    def tamper(lines: list[dict[str, Any]]) -> None:
        lines[1]["append"][0]["content"] = "other"

    (session,), damage = read(rewritten(tmp_path, tamper))
    assert [turn.index for turn in session.turns] == [0]
    assert kinds(damage) == [("prompt-mismatch", 2, 1), ("orphan-delta", 3, 2)]


def test_a_turn_written_twice_is_read_once(tmp_path: Path) -> None:
    (session,), damage = read(rewritten(tmp_path, lambda lines: lines.insert(2, lines[1])))
    assert [turn.index for turn in session.turns] == [0, 1, 2, 3]
    assert kinds(damage) == [("turn-out-of-order", 3, 1)]


def test_tools_that_nobody_wrote(tmp_path: Path) -> None:
    def lose_tools(lines: list[dict[str, Any]]) -> None:
        del lines[0]["tools"]

    found, damage = read(rewritten(tmp_path, lose_tools))
    assert found == []
    assert kinds(damage) == [("unknown-tools", 1, 1), ("orphan-delta", 2, 3)]


def test_tools_are_known_by_content_not_by_the_name_given(tmp_path: Path) -> None:
    def misname(lines: list[dict[str, Any]]) -> None:
        lines[1] |= {"tools_ref": "sha256:lie"}

    (session,), damage = read(rewritten(tmp_path, misname))
    assert len(session.turns) == 1
    assert kinds(damage)[0] == ("unknown-tools", 2, 1)


@pytest.mark.parametrize("where", [0, 2, 4])
def test_lines_of_another_shape_are_counted(tmp_path: Path, where: int) -> None:
    other = {"schema": "capture/9", "session_id": "s", "turn": 0}
    (session,), damage = read(rewritten(tmp_path, lambda lines: lines.insert(where, other)))
    assert len(session.turns) == 4
    assert kinds(damage) == [("wrong-schema", where + 1, 1)]
    assert damage[0].detail == "schema: Input should be 'capture/1'"


def test_a_torn_end_costs_the_last_turn(tmp_path: Path) -> None:
    path = rewritten(tmp_path, lambda lines: None)
    path.write_bytes(path.read_bytes()[:-30])
    (session,), damage = read(path)
    assert [turn.index for turn in session.turns] == [0, 1, 2]
    assert kinds(damage) == [("torn-line", 4, 1)]


def test_whole_prompts_in_every_line_share_their_messages(tmp_path: Path) -> None:
    def write_whole(lines: list[dict[str, Any]]) -> None:
        for index, line in enumerate(lines):
            line |= {"keep": 0, "append": list(chat("a", "b", "c", "d")[: index + 1])}

    (session,), damage = read(rewritten(tmp_path, write_whole))
    assert damage == ()
    assert [turn.keep for turn in session.turns] == [0, 1, 2, 3]
    assert session.turns[3].messages[0] is session.turns[0].messages[0]
