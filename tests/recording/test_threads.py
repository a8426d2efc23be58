"""Which session each of several requests joins; prompts are strings of messages."""

from __future__ import annotations

from itertools import count
from typing import Any

from autotune.recording.fingerprint import fingerprint
from autotune.recording.hints import NO_HINTS, Hints
from autotune.recording.prompt import Tools
from autotune.recording.threads import MAX_THREADS, Placement, Request, Threads
from autotune.workload.model import Boundary

TOOLS: Tools = ({"type": "function", "function": {"name": "read"}},)


def message(text: str) -> dict[str, Any]:
    """``s:`` system, ``u:`` user, ``a:`` assistant; ``c7`` a call and ``r7=text`` its result."""
    if text.startswith("c"):
        call = {"id": text, "type": "function", "function": {"name": "read", "arguments": "{}"}}
        return {"role": "assistant", "tool_calls": [call]}
    if text.startswith("r"):
        name, _, said = text.partition("=")
        return {"role": "tool", "tool_call_id": f"c{name[1:]}", "content": said}
    role, _, said = text.partition(":")
    return {"role": {"s": "system", "u": "user", "a": "assistant"}[role], "content": said}


class Clock:
    """Requests of a second each, one after another unless `at` says otherwise."""

    def __init__(self) -> None:
        self.threads = Threads("t", self.forgotten_now)
        self.forgotten: list[str] = []
        self._times = count(0, 10)

    def forgotten_now(self, name: str) -> None:
        self.forgotten.append(name)

    def ask(
        self,
        *texts: str,
        at: float | None = None,
        took: float = 1.0,
        tools: Tools = TOOLS,
        model: str = "m",
        hints: Hints = NO_HINTS,
        raw: str | None = None,
        reply: str | None = None,
    ) -> Placement:
        messages = [message(text) for text in texts] or [{"role": "user", "content": raw}]
        started = float(next(self._times)) if at is None else at
        print_ = fingerprint(messages, tools, lambda: None)
        said = None if reply is None else message(reply)
        ended = started + took
        return self.threads.place(Request(print_, model, hints, started, ended, said, raw))


def told(placed: Placement) -> tuple[str, int, str | None]:
    return placed.thread.session_id, placed.keep, placed.boundary


def test_a_conversation_is_one_session_and_keeps_its_prompt() -> None:
    clock = Clock()
    assert told(clock.ask("s:be", "u:fix")) == ("t-0001", 0, None)
    assert told(clock.ask("s:be", "u:fix", "c1", "r1=x")) == ("t-0001", 2, None)
    assert told(clock.ask("s:be", "u:fix", "c1", "r1=x", "a:done", "u:more")) == ("t-0001", 4, None)


def test_two_agents_that_take_turns_are_two_sessions() -> None:
    clock = Clock()
    first = [clock.ask("s:be", "u:one"), clock.ask("s:be", "u:two")]
    second = [clock.ask("s:be", "u:one", "c1", "r1=x"), clock.ask("s:be", "u:two", "c2", "r2=y")]
    assert [told(p)[0] for p in first] == ["t-0001", "t-0002"]
    assert [told(p) for p in second] == [("t-0001", 2, None), ("t-0002", 2, None)]


def test_the_longest_prompt_that_is_extended_decides() -> None:
    clock = Clock()
    clock.ask("s:be", "u:fix")
    clock.ask("s:be", "u:fix", "c1", "r1=x")
    again = clock.ask("s:be", "u:fix", tools=(), at=200)  # the same task in another run
    assert told(again) == ("t-0002", 0, None)
    assert told(clock.ask("s:be", "u:fix", "c9", "r9=x", at=300)) == ("t-0002", 2, None)
    assert told(clock.ask("s:be", "u:fix", "c1", "r1=x", "c2", "r2=", at=400))[:2] == ("t-0001", 4)


def test_the_same_prompt_again_is_a_retry_and_at_the_same_time_another_session() -> None:
    clock = Clock()
    assert told(clock.ask("u:fix", at=0)) == ("t-0001", 0, None)
    assert told(clock.ask("u:fix", at=5)) == ("t-0001", 1, None)
    assert told(clock.ask("u:fix", at=5.5, reply="a:so")) == ("t-0002", 0, None)
    assert told(clock.ask("u:fix", "a:so", "u:go", at=8)) == ("t-0002", 1, None)
    assert told(clock.ask("u:fix", "a:so", "u:go", at=10)) == ("t-0002", 3, None)


def test_a_first_prompt_again_that_was_answered_is_another_run() -> None:
    clock = Clock()
    assert told(clock.ask("u:fix", reply="a:so")) == ("t-0001", 0, None)
    assert told(clock.ask("u:fix", reply="a:or")) == ("t-0002", 0, None)
    assert told(clock.ask("u:fix", "a:so", "u:go")) == ("t-0001", 1, None)
    assert told(clock.ask("u:fix", "a:or", "u:go")) == ("t-0002", 1, None)


def test_a_moving_system_prompt_does_not_part_a_conversation() -> None:
    clock = Clock()
    clock.ask("s:it is 10:00", "u:fix", reply="c1")
    clock.ask("s:it is 10:00", "u:fix", reply="c2")  # another run, in the same minute
    moved = clock.ask("s:it is 10:01", "u:fix", "c1", "r1=x", reply="a:so")
    assert told(moved) == ("t-0001", 0, Boundary.EDIT)
    moved = clock.ask("s:it is 10:02", "u:fix", "c1", "r1=x", "a:so", "u:more")
    assert told(moved) == ("t-0001", 0, Boundary.EDIT)
    assert told(clock.ask("s:it is 10:03", "u:fix")) == ("t-0003", 0, None)


def test_replies_tell_apart_what_began_alike() -> None:
    clock = Clock()
    clock.ask("s:be", "u:fix", at=0, took=3, reply="c1")
    clock.ask("s:be", "u:fix", at=1, took=1, reply="c2")
    assert told(clock.ask("s:be", "u:fix", "c1", "r1=", at=5))[0] == "t-0001"
    assert told(clock.ask("s:be", "u:fix", "c2", "r2=", at=6))[0] == "t-0002"


def test_pruned_results_and_dropped_reasoning_are_an_edit_of_the_same_session() -> None:
    clock = Clock()
    clock.ask("s:be", "u:fix", "c1", "r1=long text", "c2", "r2=more")
    edited = clock.ask("s:be", "u:fix", "c1", "r1=cleared", "c2", "r2=more", "c3", "r3=x")
    assert told(edited) == ("t-0001", 3, Boundary.EDIT)


def test_a_rewind_is_an_edit_and_a_branch_beside_it_a_fork() -> None:
    clock = Clock()
    clock.ask("u:fix", "a:how?", "u:so", at=0)
    assert told(clock.ask("u:fix", "a:how?", "u:else", at=5)) == ("t-0001", 2, Boundary.EDIT)
    fork = clock.ask("u:fix", "a:how?", "u:third", at=5.5)
    assert told(fork) == ("t-0002", 0, Boundary.FORK)
    assert fork.thread.parent == "t-0001"


def test_another_run_of_the_same_task_is_another_session() -> None:
    clock = Clock()
    clock.ask("s:be", "u:fix")
    clock.ask("s:be", "u:fix", "c1", "r1=x")
    assert told(clock.ask("s:be", "u:fix"))[0] == "t-0002"


def test_names_of_the_client_are_kept_and_part_conversations() -> None:
    clock = Clock()
    assert told(clock.ask("s:be", "u:fix", hints=Hints("one")))[0] == "one"
    assert told(clock.ask("s:be", "u:fix", hints=Hints("two")))[0] == "two"
    assert told(clock.ask("s:be", "u:fix", "c1", "r1=", hints=Hints("one")))[0] == "one"
    assert told(clock.ask("s:be", "u:fix", "c1", "r1="))[0] == "t-0001"


def test_a_compaction_is_told_by_the_clients_name() -> None:
    clock = Clock()
    named = Hints("one")
    clock.ask("s:be", "u:fix", "c1", "r1=x", "c2", "r2=y", hints=named)
    compacted = clock.ask("s:be", "u:summary of it all", hints=named)
    assert told(compacted) == ("one", 1, Boundary.COMPACTION)
    clock.ask("s:be", "u:deep", "c1", "r1=x", "c2", "r2=y")
    assert told(clock.ask("s:be", "u:summary"))[0] == "t-0002"  # without a name it is not known


def test_side_calls_and_sub_agents_under_one_name() -> None:
    clock = Clock()
    named = Hints("one")
    clock.ask("s:be", "u:fix", hints=named)
    title = clock.ask("s:title", "u:fix", hints=named, tools=(), model="small")
    assert (told(title), title.thread.parent) == (("one~2", 0, None), None)
    helper = clock.ask("s:explore", "u:look", hints=named)
    assert (told(helper), helper.thread.parent) == (("one~3", 0, Boundary.SUBAGENT), "one")
    agent = clock.ask("s:explore", "u:see", hints=Hints("one", "a1"))
    assert (told(agent), agent.thread.parent) == (("one/a1", 0, Boundary.SUBAGENT), "one")
    child = clock.ask("s:be", "u:part", hints=Hints("two", None, "one"))
    assert (told(child), child.thread.parent) == (("two", 0, Boundary.SUBAGENT), "one")
    assert told(clock.ask("s:be", "u:fix", "c1", "r1=", hints=named)) == ("one", 2, None)


def test_a_conversation_under_a_new_name_was_resumed() -> None:
    clock = Clock()
    clock.ask("u:fix", "a:so", "u:go", hints=Hints("one"))
    resumed = clock.ask("u:fix", "a:so", "u:go", "a:on", "u:and", hints=Hints("two"))
    assert told(resumed) == ("two", 0, Boundary.RESUME)


def test_prompts_that_their_client_rendered_are_threaded_by_their_text() -> None:
    clock = Clock()
    assert told(clock.ask(raw="<user>fix")) == ("t-0001", 0, None)
    assert told(clock.ask(raw="<user>fix<assistant>so<user>go")) == ("t-0001", 0, None)
    assert told(clock.ask(raw="<user>other")) == ("t-0002", 0, None)
    assert told(clock.ask("u:<user>other"))[0] == "t-0003"  # not rendered


def test_the_idlest_conversation_is_forgotten() -> None:
    clock = Clock()
    for number in range(MAX_THREADS + 2):
        clock.ask(f"u:{number}")
    assert clock.forgotten == ["t-0001", "t-0002"]
    assert told(clock.ask("u:0", "c1", "r1="))[0] == f"t-{MAX_THREADS + 3:04d}"
