"""ATIF: replies cut over steps, calls that were not the model's, sub-agents, runs in parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.load import load_workload
from autotune.workload.model import Boundary, Damage, PromptFidelity, Recorded, Session
from autotune.workload.readers.atif import AtifReader
from autotune.workload.readers.atif_rebuild import missing_of

FIXTURES = Path(__file__).parents[1] / "fixtures"


def read(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    ledger = DamageLedger()
    return list(AtifReader().read(CaptureFile(path, path.name), ledger)), ledger.entries()


def small() -> list[Session]:
    sessions, damage = read(FIXTURES / "atif-small.json")
    assert damage == ()
    return sessions


def written(folder: Path, steps: list[Any], name: str = "trajectory.json", **more: Any) -> Path:
    document = {"schema_version": "ATIF-v1.7", "session_id": "s", "agent": {}, "steps": steps}
    (folder / name).write_text(json.dumps({**document, **more}))
    return folder / name


def test_a_reply_cut_over_steps_is_one_request() -> None:
    first = small()[0].turns[0]
    assert [m["role"] for m in first.messages] == ["system", "user"]
    assert first.messages[1]["content"] == "Look at\na.py"
    assert first.response is not None
    assert first.response["content"] == "I look."
    assert first.response["reasoning_content"] == "Hm."
    assert [call["id"] for call in first.response["tool_calls"]] == ["c1", "c2"]
    counts = (first.recorded.prompt_tokens, first.recorded.cached_tokens, first.output_tokens)
    assert counts == (900, 0, 40)
    assert first.origin["step"] == 3
    assert first.origin["prompt_token_ids"] == 3


def test_arguments_stay_as_the_model_wrote_them_where_they_were_kept() -> None:
    response = small()[0].turns[0].response
    assert response is not None
    arguments = [call["function"]["arguments"] for call in response["tool_calls"]]
    assert arguments == ['{"path": "a.py", "end": 5}', '{"path":"b.py"}']


def test_a_step_without_the_model_is_said_and_not_asked() -> None:
    second = small()[0].turns[1]
    assert [m["role"] for m in second.messages[2:]] == [
        *("assistant", "tool", "tool"),
        *("assistant", "tool"),
    ]
    assert second.messages[6]["content"] == "found nothing"


def test_counts_that_sum_several_calls_say_nothing_of_depth() -> None:
    second = small()[0].turns[1]
    assert second.recorded == Recorded(model="m-1")
    assert second.output_tokens is None
    assert second.origin["llm_calls"] == 2


def test_a_request_began_when_the_step_before_it_ended() -> None:
    starts = [turn.timestamp_ms for turn in small()[0].turns]
    at = 1767323040000.0
    assert starts == [at + 1000, at + 7000, at + 20_000, at + 61_000]
    assert {turn.delay_ms for turn in small()[0].turns} == {None}


def test_a_compaction_leaves_the_system_prompt_and_what_follows() -> None:
    last = small()[0].turns[-1]
    assert last.boundary is Boundary.COMPACTION
    assert [m["content"] for m in last.messages] == ["You help.", "Summary."]
    assert last.keep == 1


def test_a_sub_agent_is_a_session_of_its_own() -> None:
    main, sub = small()
    assert (main.session_id, main.parent) == ("run-7", None)
    assert (sub.session_id, sub.parent) == ("sub-1", "run-7")
    assert sub.turns[0].boundary is Boundary.SUBAGENT
    assert sub.turns[0].recorded.prompt_tokens == 50


def test_what_is_missing_is_said() -> None:
    main, sub = small()
    assert main.turns[0].fidelity.missing == ("thinking",)
    assert sub.turns[0].fidelity.missing == ("system", "tools")
    assert {t.fidelity.prompt for s in (main, sub) for t in s.turns} == {PromptFidelity.REBUILT}
    assert len(main.turns[0].tools) == 1
    assert missing_of({"steps": 3}) == ("system", "tools")


def test_the_producer_that_misses_the_schema() -> None:
    (session,), damage = read(FIXTURES / "atif-bare-small.json")
    assert damage == ()
    first, second = session.turns
    assert first.response is not None
    commands = [call["function"]["arguments"] for call in first.response["tool_calls"]]
    assert commands == ['{"command":"ls"}', '{"command":"pwd"}']
    answers = {m["tool_call_id"]: m["content"] for m in second.messages if m["role"] == "tool"}
    assert answers == {"call_0": "a b", "call_1": "/home"}
    assert second.recorded == Recorded(prompt_tokens=700, completion_tokens=3, model="m-2")


@pytest.mark.parametrize(
    ("document", "claimed"),
    [
        ({"schema_version": "ATIF-v1.0", "steps": []}, True),
        ({"schema_version": "ATIF-v1.8", "steps": []}, True),
        ({"schema_version": "ATIF-v1.8"}, False),
        ({"schema_version": "1.4", "steps": []}, False),
        ({"schema_version": "1.4", "agent": {}, "steps": [{"source": "user"}]}, True),
        ({"schema_version": 1.4, "agent": {}, "steps": [{"source": "user"}]}, False),
        ([], False),
    ],
)
def test_claims(document: Any, claimed: bool) -> None:
    assert AtifReader().claims_document(document) is claimed


def user(text: str, **more: Any) -> dict[str, Any]:
    return {"source": "user", "message": text, **more}


def agent(text: str, prompt: int | None = None, **more: Any) -> dict[str, Any]:
    metrics = {} if prompt is None else {"metrics": {"prompt_tokens": prompt}}
    return {"source": "agent", "message": text, **metrics, **more}


def in_parts(folder: Path) -> Path:
    """A run that Harbor's Terminus split when it summarised."""
    reference = [{"trajectory_path": "trajectory.summarization-1-summary.json"}]
    result = {"content": "", "subagent_trajectory_ref": reference}
    written(
        folder,
        [
            user("Go."),
            agent("One.", 100, observation={"results": [{"content": "$"}]}),
            {"source": "system", "message": "", "observation": {"results": [result]}},
        ],
        continued_trajectory_ref="trajectory.cont-1.json",
    )
    copied = [user("Go.", is_copied_context=True), agent("Sum.", 60, is_copied_context=True)]
    later = [*copied, user("Go on."), agent("Two.", 70)]
    written(folder, later, "trajectory.cont-1.json", session_id="s-cont-1")
    side = [user("Summarise.", is_copied_context=True), agent("Sum.", 120)]
    written(folder, side, "trajectory.summarization-1-summary.json", session_id="s-sum")
    (folder / "notes.txt").write_text("hello")
    return folder


def test_a_run_in_parts_is_one_session(tmp_path: Path) -> None:
    names = [path.name for path in in_parts(tmp_path).iterdir()]
    assert AtifReader().claims_folder(tmp_path, names)
    assert not AtifReader().claims_folder(tmp_path, ["trajectory.json"])
    (run, side), damage = read(tmp_path)
    assert [(t.recorded.prompt_tokens, t.boundary) for t in run.turns] == [
        (100, None),
        (70, Boundary.COMPACTION),
    ]
    assert [m["content"] for m in run.turns[1].messages] == ["Go.", "Sum.", "Go on."]
    assert (side.session_id, side.parent) == ("s-sum", "s")
    assert side.turns[0].boundary is Boundary.SUBAGENT
    assert [(d.kind, d.detail) for d in damage] == [("skipped-file", "notes.txt")]


def test_a_part_that_is_not_there_is_damage(tmp_path: Path) -> None:
    in_parts(tmp_path)
    (tmp_path / "trajectory.cont-1.json").unlink()
    (run, _), damage = read(tmp_path)
    assert len(run.turns) == 1
    assert ("missing-file", "trajectory.cont-1.json") in [(d.kind, d.detail) for d in damage]


def test_a_part_alone_says_where_it_goes_on(tmp_path: Path) -> None:
    in_parts(tmp_path)
    (run,), damage = read(tmp_path / "trajectory.json")
    assert len(run.turns) == 1
    assert damage[0].detail == "goes on in trajectory.cont-1.json: give the folder"
    (later,), _ = read(tmp_path / "trajectory.cont-1.json")
    assert [t.boundary for t in later.turns] == [Boundary.COMPACTION]


def test_parts_that_name_each_other_in_a_circle_end(tmp_path: Path) -> None:
    steps = [user("Go."), agent("One.", 9)]
    written(tmp_path, steps, continued_trajectory_ref="trajectory.cont-1.json")
    written(tmp_path, steps, "trajectory.cont-1.json", continued_trajectory_ref="trajectory.json")
    (run,), _ = read(tmp_path)
    assert [t.recorded.prompt_tokens for t in run.turns] == [9, 9]


def test_sub_agents_however_deep_and_with_one_id(tmp_path: Path) -> None:
    inner: dict[str, Any] = {"steps": [user("x"), agent("y", 5)], "session_id": "s"}
    for _ in range(150):
        inner = {**inner, "subagent_trajectories": [inner]}
    path = written(tmp_path, inner["steps"], subagent_trajectories=[inner])
    sessions, _ = read(path)
    assert len(sessions) == 152
    assert len({session.session_id for session in sessions}) == 152


def test_steps_of_other_shapes_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, [user("Go."), 7, {"source": []}, {"source": "dog"}, agent("One.", 8)])
    (session,), damage = read(path)
    assert session.turns[0].recorded.prompt_tokens == 8
    assert [(d.kind, d.count, d.first_line) for d in damage] == [("wrong-schema", 3, 2)]


def test_media_are_named_parts(tmp_path: Path) -> None:
    image = {"type": "image", "source": {"media_type": "image/png", "path": "images/1.png"}}
    sound = {"type": "audio", "source": {"media_type": "audio/wav", "path": "a.wav"}}
    path = written(tmp_path, [user([{"type": "text", "text": "See"}, image, sound]), agent("x")])
    (session,), _ = read(path)
    content = session.turns[0].messages[0]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "file"]
    assert content[1]["image_url"] == {"url": "images/1.png"}


def test_the_format_is_found(tmp_path: Path) -> None:
    in_parts(tmp_path)
    assert load_workload(FIXTURES / "atif-small.json").formats == ("atif",)
    assert len(load_workload(tmp_path).sessions) == 2
