from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import UserError
from autotune.workload.load import load_workload
from autotune.workload.model import PromptFidelity, Recorded, Session, Turn
from autotune.workload.redaction.options import RULE_NAMES, RedactionOptions, TextMode, salt_of
from autotune.workload.redaction.pseudonyms import UnprocessableError
from autotune.workload.redaction.report import RedactionReport, RuleCount
from autotune.workload.redaction.run import check_captures, redact_captures
from autotune.workload.redaction.verify import LeakingError

Options = Callable[..., RedactionOptions]
Capture = Callable[..., Path]


def session(messages: list[dict[str, Any]], session_id: str = "s1", **turn: Any) -> Session:
    turns = (
        Turn(session_id, n, tuple(messages[: n + 1]), keep=n, **turn) for n in range(len(messages))
    )
    return Session(session_id, tuple(turns))


def said(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": text}


def contents(path: Path) -> list[str]:
    (last,) = (s.turns[-1] for s in load_workload(path).sessions)
    return [message["content"] for message in last.messages]


def counts(report: RedactionReport) -> dict[str, tuple[int, int, int]]:
    return {rule.rule: (rule.values, rule.places, rule.sessions) for rule in report.rules}


def test_every_secret_goes_and_everything_else_stays(
    secrets: dict[str, str], make_capture: Capture, options: Options, tmp_path: Path
) -> None:
    messages = [said(f"before {secret} after", "user") for secret in secrets.values()]
    source, out = make_capture(session(messages)), tmp_path / "out.jsonl"
    report = redact_captures([source], out, options())
    assert counts(report) == dict.fromkeys(secrets, (1, 1, 1))
    assert list(counts(report)) == [name for name in RULE_NAMES if name in secrets]
    written = out.read_text()
    for old, new in zip(messages, contents(out), strict=True):
        assert new.startswith("before ")
        assert new.endswith(" after")
        assert len(new) == len(old["content"])
        assert old["content"][7:-6] not in written
    assert report.verified_lines == len(messages)
    assert check_captures([out], options()).found == 0


def test_one_secret_has_one_pseudonym_in_every_place_and_session(
    secrets: dict[str, str], make_capture: Capture, options: Options, tmp_path: Path
) -> None:
    key = secrets["anthropic-key"]
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "bash", "arguments": json.dumps({"command": f"export K={key}\nls"})},
    }
    first = session(
        [
            {"role": "system", "content": [{"type": "text", "text": f"key {key}"}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        ],
        tools=({"type": "function", "function": {"name": "bash", "description": key}},),
        response=said(key, "assistant"),
        params={"metadata": {"note": key}},
        origin={"format": "x", "note": key},
        extra={"more": [key]},
    )
    second = session([said(f"{key}")], "s2")
    out = tmp_path / "out.jsonl"
    redact_captures([make_capture(first, second)], out, options())
    one, two = load_workload(out).sessions
    pseudonym = two.turns[0].messages[0]["content"]
    turn = one.turns[1]
    (redacted,) = turn.messages[1]["tool_calls"]
    assert json.loads(redacted["function"]["arguments"]) == {"command": f"export K={pseudonym}\nls"}
    assert turn.messages[0]["content"][0]["text"] == f"key {pseudonym}"
    assert turn.tools[0]["function"]["description"] == pseudonym
    assert turn.response == said(pseudonym, "assistant")
    assert turn.params == {"metadata": {"note": pseudonym}}
    assert turn.origin["note"] == pseudonym
    assert turn.extra == {"more": [pseudonym]}
    assert key not in out.read_text()


def test_a_name_in_a_home_path_goes_everywhere(
    make_capture: Capture, options: Options, tmp_path: Path
) -> None:
    source = make_capture(
        session([said("drwx Ada ada 12 x"), said("cd /home/ada/x; ls ~ada; adamant")])
    )
    out = tmp_path / "out.jsonl"
    report = redact_captures([source], out, options())
    assert counts(report) == {"home-path": (1, 1, 1), "user-name": (2, 3, 1)}
    first, second = contents(out)
    new = second.split("/")[2]
    assert first == f"drwx {new.capitalize()} {new} 12 x"
    assert second == f"cd /home/{new}/x; ls ~{new}; adamant"


def test_a_secret_told_by_its_place_goes_everywhere(
    make_capture: Capture, options: Options, tmp_path: Path
) -> None:
    source = make_capture(session([said("use hunter2hunter2"), said("PASSWORD=hunter2hunter2")]))
    out = tmp_path / "out.jsonl"
    report = redact_captures([source], out, options())
    assert counts(report) == {"known-secret": (1, 2, 1)}
    first, second = contents(out)
    assert first.removeprefix("use ") == second.removeprefix("PASSWORD=")


def test_what_is_recorded_and_the_shape_of_a_session_stay(
    make_capture: Capture, options: Options, tmp_path: Path
) -> None:
    recorded = Recorded(prompt_tokens=900, cached_tokens=100, model="qwen")
    source = make_capture(
        session([said("/home/ada/1"), said("b")], recorded=recorded, timestamp_ms=5.0)
    )
    out = tmp_path / "out.jsonl"
    redact_captures([source], out, options())
    (old,), (new,) = load_workload(source).sessions, load_workload(out).sessions
    for before, after in zip(old.turns, new.turns, strict=True):
        assert (before.recorded, before.timestamp_ms, before.keep, before.fidelity) == (
            *(after.recorded, after.timestamp_ms, after.keep, after.fidelity),
        )
    assert new.turns[0].origin["redaction"]["schema"] == "redaction/1"
    assert len(new.turns[0].origin["redaction"]["pseudonyms"]) == 1
    assert "pseudonyms" not in new.turns[1].origin["redaction"]
    assert new.turns[0].messages[0] is new.turns[1].messages[0]


def test_the_salt_decides(make_capture: Capture, options: Options, tmp_path: Path) -> None:
    source = make_capture(session([said("/home/ada/x")]))
    written = []
    for number, salt in enumerate(("a", "a", "b")):
        out = tmp_path / f"out{number}.jsonl"
        redact_captures([source], out, options(salt=salt_of(salt)))
        written.append(out.read_bytes())
    assert written[0] == written[1] != written[2]


def test_a_second_redaction_changes_nothing(
    make_capture: Capture, options: Options, tmp_path: Path
) -> None:
    source = make_capture(session([said("/home/ada/x eve@corp.io ada")]))
    once, twice = tmp_path / "once.jsonl", tmp_path / "twice.jsonl"
    redact_captures([source], once, options())
    report = redact_captures([once], twice, options(salt=b"other"))
    assert report.found == 0
    assert contents(once) == contents(twice)
    redact_captures([once], twice, options(words=(contents(once)[0].split("/")[2],)), force=True)
    assert contents(once) != contents(twice)


def test_words_allow_and_rules(make_capture: Capture, options: Options, tmp_path: Path) -> None:
    source = make_capture(session([said("Acme /home/ada/acme-x bob@corp.io")]))
    out = tmp_path / "out.jsonl"
    given = options(words=("acme",), allow=frozenset({"ada"}), without=frozenset({"email"}))
    report = redact_captures([source], out, given)
    assert counts(report) == {"word": (2, 2, 1)}
    (text,) = contents(out)
    assert text.endswith("-x bob@corp.io")
    assert "/home/ada/" in text
    assert "acme" not in text.lower()


def test_session_ids(make_capture: Capture, options: Options, tmp_path: Path) -> None:
    parent = session([said("a")], "run-2024-ab12cd34")
    child = Session("kid-1", session([said("b")], "kid-1").turns, "run-2024-ab12cd34")
    talk = session([said("see run-2024-ab12cd34.log")], "other-77")
    out = tmp_path / "out.jsonl"
    redact_captures([make_capture(parent, child, talk)], out, options(session_ids=True))
    by_words = {s.turns[0].messages[0]["content"][:3]: s for s in load_workload(out).sessions}
    new = by_words["a"].session_id
    assert by_words["b"].parent == new
    assert by_words["see"].turns[0].messages[0]["content"] == f"see {new}.log"
    assert "ab12cd34" not in out.read_text()


def test_a_folder_goes_to_a_folder(make_capture: Capture, options: Options, tmp_path: Path) -> None:
    source = make_capture(session([said("/home/ada/x")]), session([said("/home/ada/y")], "s2"))
    out = tmp_path / "out"
    redact_captures([source], out, options())
    assert len(load_workload(out).sessions) == 2
    assert sorted(path.suffix for path in out.iterdir()) == [".json", ".zst", ".zst"]
    (out / "notes.txt").write_text("mine")
    one = make_capture(session([said("/home/ada/x")]))
    with pytest.raises(UserError, match="already there"):
        redact_captures([one], out, options())
    redact_captures([one], out, options(), force=True)
    assert len(load_workload(out).sessions) == 1
    assert (out / "notes.txt").read_text() == "mine"
    assert not [path for path in tmp_path.iterdir() if "redacting" in path.name]


def test_a_leak_leaves_no_output(
    make_capture: Capture,
    options: Options,
    tmp_path: Path,
    secrets: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = make_capture(session([said(f"a {secrets['github-token']}")]))
    out = tmp_path / "out.jsonl"
    out.write_text("old")
    monkeypatch.setattr("autotune.workload.redaction.apply.Redactor.text", lambda s, t, **k: t)
    with pytest.raises(LeakingError, match=r"line 1 .* rule github-token") as raised:
        redact_captures([source], out, options(), force=True)
    assert secrets["github-token"] not in raised.value.message
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in0.jsonl", "out.jsonl"]


def test_a_leak_in_a_place_that_nobody_walks_is_seen_by_the_second_look(
    make_capture: Capture,
    options: Options,
    tmp_path: Path,
    secrets: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = secrets["github-token"]
    source = make_capture(session([{"role": "user", "content": "a", "kind": key}]))
    monkeypatch.setattr("autotune.workload.redaction.walk.Walker._value", lambda s, k, v, ids: v)
    with pytest.raises(LeakingError, match="rule github-token"):
        redact_captures([source], tmp_path / "out.jsonl", options())
    assert not (tmp_path / "out.jsonl").exists()


def test_arguments_that_would_not_be_json_stop_everything(
    make_capture: Capture, options: Options, tmp_path: Path
) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":true}'}}
    source = make_capture(session([{"role": "assistant", "tool_calls": [call]}]))
    with pytest.raises(UnprocessableError, match="would not be JSON"):
        redact_captures([source], tmp_path / "out.jsonl", options(words=("true",)))
    assert not (tmp_path / "out.jsonl").exists()


def test_pseudonyms_that_give_something_away_are_drawn_again(
    make_capture: Capture, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first draw makes a token of GitHub's out of what is none."""
    drawn = ["ghp", "aab"]
    monkeypatch.setattr(
        "autotune.workload.redaction.pseudonyms.candidates", lambda *a, **k: iter(drawn)
    )
    rest = "_aB3dE6gH1jK4mN7pQ0sT2vW5"
    source = make_capture(session([said(f"at ada{rest} now")]))
    out = tmp_path / "out.jsonl"
    redact_captures([source], out, options(words=("ada",)))
    assert contents(out) == [f"at aab{rest} now"]


@pytest.mark.parametrize(
    ("given", "what"),
    [({"words": ("a",)}, "too short"), ({"without": frozenset({"nope"})}, "no rule 'nope'")],
)
def test_options_that_make_no_sense(
    given: dict[str, Any], what: str, make_capture: Capture, options: Options, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=what):
        redact_captures(
            [make_capture(session([said("x")]))], tmp_path / "o.jsonl", options(**given)
        )
    with pytest.raises(UserError, match=what):
        check_captures([make_capture(session([said("x")]))], options(**given))


def test_images_are_counted_and_stay(
    make_capture: Capture, options: Options, tmp_path: Path
) -> None:
    url = "data:image/png;base64,aGVsbG8="
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    out = tmp_path / "out.jsonl"
    assert redact_captures([make_capture(session([image]))], out, options()).images == 1
    assert url in out.read_text()


def test_counts_are_kept_with_a_tokenizer(
    make_capture: Capture, options: Options, tmp_path: Path, word_pieces: Any
) -> None:
    texts = [
        "/home/alice/x",
        "by alice: ls",
        "alice",
        '"alice"',
        "x_alice@corp.io",
        "-home-alice-x",
    ]
    source = make_capture(session([said(text) for text in texts]))
    out = tmp_path / "out.jsonl"
    report = redact_captures([source], out, options(), tokenizer=word_pieces)
    assert report.tokens.exact
    assert report.tokens.before == report.tokens.after
    assert report.tokens.inexact_texts == 0
    for old, new in zip(texts, contents(out), strict=True):
        assert "alice" not in new
        assert len(word_pieces.tokens(old)) == len(word_pieces.tokens(new))


def test_a_report_counts_and_holds_no_text(make_capture: Capture, options: Options) -> None:
    source = make_capture(session([said("/home/ada/x /home/eve/y"), said("/home/ada")]))
    report = check_captures([source], options())
    assert report.rules == (RuleCount("home-path", values=2, places=3, sessions=1),)
    assert "ada" not in repr(report)


def test_without_text(make_capture: Capture, options: Options, tmp_path: Path) -> None:
    source = make_capture(session([said("/home/ada/x is a place"), said("b")]))
    out = tmp_path / "out.jsonl"
    report = redact_captures([source], out, options(text=TextMode.NONE))
    (new,) = load_workload(out).sessions
    assert new.turns[0].fidelity.prompt is PromptFidelity.SYNTHETIC
    assert new.turns[0].fidelity.missing == ("text",)
    assert report.text == "none"
    assert "ada" not in out.read_text()
