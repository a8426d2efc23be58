"""Conversations out of requests that nobody named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.model import Boundary, Recorded, Session
from autotune.workload.readers.logged import Conversation, LoggedRequest
from autotune.workload.readers.threads import RequestLog

SYSTEM = "s:You are an agent. " + "Rules. " * 40
ROLES = {"s": "system", "u": "user", "a": "assistant", "t": "tool", "d": "developer"}
TOOLS = ({"type": "function", "function": {"name": "run"}},)


def said(*texts: str) -> list[dict[str, Any]]:
    """``"u:hello"`` is a user message."""
    return [{"role": ROLES[text[0]], "content": text[2:]} for text in texts]


def request(*texts: str, **rest: Any) -> LoggedRequest:
    reply = rest.pop("reply", None)
    response = {"role": "assistant", "content": reply} if reply else None
    return LoggedRequest(said(*texts), line=1, response=response, **rest)


def threaded(*requests: LoggedRequest) -> list[Session]:
    log = RequestLog("test", "sha256:0")
    for one in requests:
        log.add(one)
    return list(log.sessions())


def lengths(sessions: list[Session]) -> list[list[int]]:
    return [[len(turn.messages) for turn in session.turns] for session in sessions]


def boundaries(session: Session) -> list[Boundary | None]:
    return [turn.boundary for turn in session.turns]


def test_a_growing_prompt_is_one_session_and_its_text_is_held_once() -> None:
    first, second = ("u:task",), ("u:task", "a:call", "t:result")
    (session,) = threaded(request(*first), request(*second), request(*second, "a:more", "t:last"))
    assert lengths([session]) == [[1, 3, 5]]
    assert [turn.keep for turn in session.turns] == [0, 1, 3]
    assert session.turns[2].messages[1] is session.turns[1].messages[1]
    assert boundaries(session) == [None, None, None]
    assert [turn.index for turn in session.turns] == [0, 1, 2]
    assert session.session_id.startswith("test-")
    assert session.turns[0].origin == {"format": "test", "file": "sha256:0", "line": 1}


def test_two_agents_at_once_with_one_system_prompt() -> None:
    one = [request(SYSTEM, "u:A"), request(SYSTEM, "u:A", "a:1", "t:2")]
    other = [request(SYSTEM, "u:B"), request(SYSTEM, "u:B", "a:1", "t:2")]
    sessions = threaded(one[0], other[0], one[1], other[1])
    assert lengths(sessions) == [[2, 4], [2, 4]]
    assert [s.turns[0].messages[1]["content"] for s in sessions] == ["A", "B"]


def test_the_order_is_that_of_time_not_of_the_log() -> None:
    requests = [
        request("u:q", "a:r", "u:s", timestamp_ms=2000.0, recorded=Recorded(latency_ms=100.0)),
        request("u:q", timestamp_ms=1000.0, recorded=Recorded(latency_ms=600.0)),
    ]
    (session,) = threaded(*requests)
    assert lengths([session]) == [[1, 3]]
    assert [turn.delay_ms for turn in session.turns] == [None, 400.0]


def test_side_calls_are_sessions_of_their_own() -> None:
    base = (SYSTEM, "u:task", "a:reading", "t:text " * 30)
    sessions = threaded(
        request(SYSTEM, "u:task"),
        request("s:Make a title.", "u:task"),
        request(*base),
        request(*base, "u:Summarize this conversation."),
        request(*base, "a:patching", "t:done"),
        request(*base, "a:patching", "t:done", "a:testing", "t:passed"),
    )
    assert lengths(sessions) == [[2, 4, 6, 8], [2], [5]]
    main, title, summary = sessions
    assert boundaries(main) == [None] * 4
    assert (title.parent, boundaries(title)) == (None, [None])
    assert (summary.parent, boundaries(summary)) == (main.session_id, [Boundary.FORK])


def test_a_reminder_that_moves_along_the_end_is_no_edit() -> None:
    (session,) = threaded(
        request(SYSTEM, "u:task", "u:turn 1 of 9"),
        request(SYSTEM, "u:task", "a:x", "t:y", "u:turn 2 of 9"),
        request(SYSTEM, "u:task", "a:x", "t:y", "a:z", "t:w", "u:turn 3 of 9"),
    )
    assert [turn.keep for turn in session.turns] == [0, 2, 4]
    assert boundaries(session) == [None, None, None]


def test_old_results_cleared_are_an_edit_and_a_prompt_cut_down_is_a_compaction() -> None:
    long = "t:" + "line " * 200
    steps = ("a:1", long, "a:2", long, "a:3", long)
    cleared = ("a:1", "t:[cleared]", "a:2", long, "a:3", long, "a:4", "t:more")
    cut = ("a:1", "t:[cleared]", "a:5", "t:rest")
    (session,) = threaded(
        request(SYSTEM, "u:task", *steps),
        request(SYSTEM, "u:task", *cleared),
        request(SYSTEM, "u:task", *cut),
    )
    assert boundaries(session) == [None, Boundary.EDIT, Boundary.COMPACTION]
    assert [turn.keep for turn in session.turns] == [0, 3, 4]


def test_a_branch_that_was_left_is_a_fork() -> None:
    base = (SYSTEM, "u:task", "a:one", "t:1")
    sessions = threaded(
        request(SYSTEM, "u:task"),
        request(*base),
        request(*base, "a:left", "u:no, otherwise"),
        request(*base, "a:other", "u:yes"),
        request(*base, "a:other", "u:yes", "a:done", "u:thanks"),
    )
    assert lengths(sessions) == [[2, 4, 6, 8], [6]]
    assert sessions[1].turns[0].boundary is Boundary.FORK
    assert sessions[1].parent == sessions[0].session_id


def test_runs_of_one_task_are_told_apart_by_their_replies() -> None:
    sessions = threaded(
        request("u:task", reply="first"),
        request("u:task", reply="second"),
        request("u:task", "a:second", "u:b"),
        request("u:task", "a:first", "u:a"),
    )
    ends = [[turn.messages[-1]["content"] for turn in s.turns] for s in sessions]
    assert ends == [["task", "a"], ["task", "b"]]
    assert len({s.session_id for s in sessions}) == 2


def test_runs_that_went_alike_stay_apart() -> None:
    run = [request("u:t"), request("u:t", "a:x", "u:y"), request("u:t", "a:x", "u:y", "a:z", "u:w")]
    assert lengths(threaded(*run, *run)) == [[1, 3, 5], [1, 3, 5]]


def test_a_failed_call_is_sent_again_in_the_same_session() -> None:
    sessions = threaded(
        request("u:t", failed=True),
        request("u:t"),
        request("u:t", "a:x", "u:y"),
        request("u:t", "a:x", "u:y"),
        request("u:t", "a:x", "u:y", "a:z", "u:w"),
    )
    assert lengths(sessions) == [[1, 1, 3, 3, 5]]


def test_prompts_that_share_examples_are_not_one_conversation() -> None:
    shots = (SYSTEM, "u:example", "a:answer", "u:example 2", "a:answer 2")
    assert lengths(threaded(*(request(*shots, f"u:{i}") for i in range(3)))) == [[6], [6], [6]]


def test_an_id_names_its_largest_thread_and_the_others_are_its_children() -> None:
    who = Conversation("abc", certain=True)
    sessions = threaded(
        request("s:Title.", "u:task", conversation=who),
        request(SYSTEM, "u:task", conversation=who),
        request(SYSTEM, "u:task", "a:x", "t:y", conversation=who),
    )
    assert [(s.session_id, s.parent) for s in sessions] == [("abc.2", "abc"), ("abc", None)]


def test_ids_keep_conversations_apart_that_look_alike() -> None:
    one, other = Conversation("1", certain=True), Conversation("2", certain=True)
    sessions = threaded(
        request("u:t", conversation=one),
        request("u:t", conversation=other),
        request("u:t", "a:x", "u:y", conversation=other),
        request("u:t", "a:x", "u:z", conversation=one),
    )
    assert [(s.session_id, len(s.turns)) for s in sessions] == [("1", 2), ("2", 2)]


def test_an_id_for_each_call_tells_nothing() -> None:
    texts = ("u:t",), ("u:t", "a:x", "u:y")
    (session,) = threaded(
        *(request(*t, conversation=Conversation(str(i), certain=True)) for i, t in enumerate(texts))
    )
    assert len(session.turns) == 2
    assert session.session_id.startswith("test-")


def test_a_new_start_in_a_named_conversation_is_a_compaction() -> None:
    who = Conversation("abc", certain=True)
    before, after = (SYSTEM, "u:task"), (SYSTEM, "u:Summary of all that was done.")
    (session,) = threaded(
        request(*before, conversation=who, tools=TOOLS),
        request(*before, "a:x", "t:y", conversation=who, tools=TOOLS),
        request(*after, conversation=who, tools=TOOLS),
        request(*after, "a:z", "t:w", conversation=who, tools=TOOLS),
    )
    assert boundaries(session) == [None, None, Boundary.COMPACTION, None]


def test_a_new_start_while_the_conversation_goes_on_is_a_sub_agent() -> None:
    who = Conversation("abc", certain=True)
    sessions = threaded(
        request(SYSTEM, "u:task", conversation=who),
        request(SYSTEM, "u:sub-task", conversation=who),
        request(SYSTEM, "u:task", "a:x", "t:y", conversation=who),
    )
    assert [(s.session_id, s.parent) for s in sessions] == [("abc", None), ("abc.2", "abc")]


def test_an_end_user_may_have_several_conversations() -> None:
    user = Conversation("alice")
    sessions = threaded(
        request(SYSTEM, "u:one", conversation=user), request(SYSTEM, "u:two", conversation=user)
    )
    assert [s.parent for s in sessions] == [None, None]
    assert all(s.session_id.startswith("test-") for s in sessions)


def test_a_whole_conversation_is_not_divided() -> None:
    who = Conversation("x", whole=True)
    (session,) = threaded(request("u:one", conversation=who), request("u:two", conversation=who))
    assert (session.session_id, len(session.turns)) == ("x", 2)
    assert boundaries(session) == [None, Boundary.EDIT]


def test_prompts_are_compared_as_they_render() -> None:
    marked = [{"type": "text", "text": "long task", "cache_control": {"type": "ephemeral"}}]
    log = RequestLog("test", "")
    log.add(LoggedRequest([{"role": "user", "content": marked}], line=1))
    plain = {"role": "user", "content": "long task"}
    log.add(LoggedRequest([plain, *said("a:x", "t:y")], line=2))
    (session,) = log.sessions()
    assert boundaries(session) == [None, None]
    assert session.turns[1].messages[0] == plain


def test_what_could_not_be_written_again_is_refused() -> None:
    log = RequestLog("test", "")
    with pytest.raises(ValueError, match="JSON"):
        log.add(LoggedRequest([{"role": "user", "content": "x", "weight": float("inf")}], line=1))
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        log.add(LoggedRequest([{"role": "user", "content": "x", "deep": deep}], line=1))
    with pytest.raises(ValueError, match="none"):
        log.add(LoggedRequest([], line=1))
    assert list(log.sessions()) == []


@given(st.lists(st.lists(st.sampled_from(["u:a", "u:b", "a:a", "t:a"]), min_size=1), max_size=12))
def test_every_request_is_in_one_session_with_its_own_prompt(prompts: list[list[str]]) -> None:
    sessions = threaded(*(request(*prompt) for prompt in prompts))
    found = [list(turn.messages) for session in sessions for turn in session.turns]
    key = repr
    assert sorted(found, key=key) == sorted((said(*prompt) for prompt in prompts), key=key)
    assert len({session.session_id for session in sessions}) == len(sessions)
    known = {session.session_id for session in sessions}
    assert all(s.parent is None or s.parent in known for s in sessions)
