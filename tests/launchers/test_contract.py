"""Every deliberately broken engine is found out by the right check, in words that say why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate
from autotune.launchers.bench import Broken, Doubtful, every_time, prompt_number
from autotune.launchers.contract import CHECKS, Bench, Outcome, Verdict, name_of, run_checks
from autotune.launchers.protocol import Launcher

MakeLauncher = Callable[..., Launcher]
Found = dict[str, tuple[Verdict, str]]


def checked(
    launcher: Launcher, model: Path, folder: Path, names: tuple[str, ...] = (), **settings: Any
) -> list[Outcome]:
    """The outcomes of the checks named, or of all that do not go by the clock."""
    candidate = Candidate({"ubatch-size": 256, **settings})
    bench = Bench(launcher, model, folder / "bench", candidate, start_timeout_s=60.0)
    checks = tuple(c for c in CHECKS if name_of(c) in (names or UNTIMED))
    return list(run_checks(bench, checks))


def findings(outcomes: list[Outcome]) -> Found:
    return {o.name: (o.verdict, o.problem) for o in outcomes if o.problem is not None}


def skipped(outcomes: list[Outcome]) -> set[str]:
    return {o.name for o in outcomes if o.verdict is Verdict.SKIP}


UNTIMED = tuple(name_of(check) for check in CHECKS if name_of(check) != "honours-disconnect")
"""The fake engine generates too fast for that one, unless it is told not to or the machine is busy:
it has tests of its own below, on a fake slow enough."""


def test_a_sound_engine_has_nothing_to_be_said_against(
    fake_launcher: MakeLauncher, fake_model: Path, tmp_path: Path
) -> None:
    outcomes = checked(fake_launcher(), fake_model, tmp_path)
    assert findings(outcomes) == {}
    assert skipped(outcomes) == set()
    assert tuple(o.name for o in outcomes) == UNTIMED


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_every_check_says_what_it_asks_and_why(check: Callable[..., Any]) -> None:
    about, _, matters = (check.__doc__ or "").partition("\n\n")
    assert about.strip().endswith(".")
    assert "\n" not in about.strip()
    assert len(matters.split()) >= 8


@pytest.mark.parametrize(
    ("faults", "name", "verdict", "words", "also_skipped"),
    [
        (
            ("no-usage",),
            "reports-usage",
            "fail",
            "the stream does not report usage.prompt_tokens and usage.completion_tokens",
            {
                "counts-prompts",
                "reports-cached-tokens",
                "pins-length",
                "cached-within-prompt",
                "reuses-prefix",
                "cold-is-cold",
            },
        ),
        (
            ("no-cached-field",),
            "reports-cached-tokens",
            "warn",
            "the stream does not report cached tokens, so the cached share stays empty",
            {"cached-within-prompt", "reuses-prefix", "cold-is-cold"},
        ),
        (
            ("never-cached",),
            "reuses-prefix",
            "fail",
            "the second identical prompt reports 0 cached tokens: the prefix cache is off",
            set(),
        ),
        (
            ("cached-in-cold",),
            "cold-is-cold",
            "fail",
            "the cache is off and 1 cached tokens are reported",
            set(),
        ),
        (
            ("wrong-length",),
            "pins-length",
            "fail",
            "asked for 7 tokens, got 6",
            set(),
        ),
        (
            ("random-reply",),
            "answers-alike",
            "fail",
            "the same prompt is answered with",
            set(),
        ),
        (
            ("split-count",),
            "counts-prompts",
            "fail",
            "count_tokens() says 19, the request reports 21",
            set(),
        ),
        (("no-finish",), "answers-chat", "fail", "the stream has no finish_reason", set()),
        (("no-done",), "answers-chat", "fail", "the stream does not end with [DONE]", set()),
        (
            ("wrong-settings",),
            "starts-as-asked",
            "fail",
            "settings-differ: ubatch-size: asked 256, runs with 128",
            set(),
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_a_broken_engine_is_found_out(
    fake_launcher: MakeLauncher,
    fake_model: Path,
    tmp_path: Path,
    faults: tuple[str, ...],
    name: str,
    verdict: str,
    words: str,
    also_skipped: set[str],
) -> None:
    """One fault, one finding: the other checks pass, or say that they cannot be made."""
    outcomes = checked(fake_launcher(*faults), fake_model, tmp_path)
    found = findings(outcomes)
    assert list(found) == [name]
    assert found[name][0] == verdict
    assert words in found[name][1]
    assert skipped(outcomes) == also_skipped
    (outcome,) = (o for o in outcomes if o.name == name)
    assert outcome.remedy or name == "starts-as-asked"
    assert outcome.matters


def test_more_cached_than_there_is(
    fake_launcher: MakeLauncher, fake_model: Path, tmp_path: Path
) -> None:
    """It is never cold either, which is said too."""
    found = findings(checked(fake_launcher("cached-beyond-prompt"), fake_model, tmp_path))
    assert set(found) == {"cached-within-prompt", "cold-is-cold"}
    assert found["cached-within-prompt"][1] == "178 cached tokens are reported for a prompt of 173"


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (("early-text",), "the first text is no token, and time to first token a lie"),
        (("early-text", "no-timings"), "the first text seems to be sent before the prompt is read"),
    ],
)
def test_a_filler_before_the_prompt_is_read(
    fake_launcher: MakeLauncher,
    fake_model: Path,
    tmp_path: Path,
    faults: tuple[str, ...],
    words: str,
) -> None:
    launcher = fake_launcher(*faults, prefill_us=300)
    found = findings(checked(launcher, fake_model, tmp_path, ("starts-with-a-token",)))
    assert found["starts-with-a-token"][0] is Verdict.FAIL
    assert words in found["starts-with-a-token"][1]


def test_an_empty_delta_before_the_prompt_is_read_misleads_others(
    fake_launcher: MakeLauncher, fake_model: Path, tmp_path: Path
) -> None:
    launcher = fake_launcher("early-delta", prefill_us=300)
    outcomes = checked(launcher, fake_model, tmp_path, ("starts-with-a-token",))
    assert outcomes[0].verdict is Verdict.WARN
    assert "an empty delta comes" in (outcomes[0].problem or "")
    assert "autotune does not count it" in (outcomes[0].problem or "")


def test_headers_before_the_prompt_is_read_are_a_remark(
    fake_launcher: MakeLauncher, fake_model: Path, tmp_path: Path
) -> None:
    launcher = fake_launcher(prefill_us=300)
    outcomes = checked(launcher, fake_model, tmp_path, ("starts-with-a-token",))
    assert outcomes[0].verdict is Verdict.OK
    assert outcomes[0].note.startswith("headers come 0.")


def test_a_reply_that_nobody_reads_goes_on(
    fake_launcher: MakeLauncher, fake_model: Path, tmp_path: Path
) -> None:
    names = ("honours-disconnect", "pins-length", "reuses-prefix")
    launcher = fake_launcher("ignore-disconnect", token_us=5000)
    found = findings(checked(launcher, fake_model, tmp_path, names))
    assert list(found) == ["honours-disconnect"]
    assert found["honours-disconnect"][0] is Verdict.FAIL
    assert "it waited for a reply that nobody reads" in found["honours-disconnect"][1]


def test_a_slot_that_goes_on_is_seen_where_slots_are_shown(
    fake_launcher: MakeLauncher, fake_model: Path, tmp_path: Path
) -> None:
    launcher = fake_launcher("busy-slots", token_us=5000)
    found = findings(checked(launcher, fake_model, tmp_path, ("honours-disconnect",)))
    words = "a slot goes on generating for a client that hung up"
    assert found == {"honours-disconnect": (Verdict.FAIL, words)}


def test_a_reply_that_is_given_up(
    fake_launcher: MakeLauncher, fake_model: Path, tmp_path: Path
) -> None:
    outcomes = checked(fake_launcher(token_us=5000), fake_model, tmp_path, ("honours-disconnect",))
    assert [o.verdict for o in outcomes] == [Verdict.OK]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("ignore-sigterm", "it runs on 0.5 s after SIGTERM and has to be killed"),
        ("leave-child", "it ends and leaves sleep (process "),
    ],
)
def test_an_engine_that_does_not_stop(
    fake_launcher: MakeLauncher, fake_model: Path, tmp_path: Path, fault: str, words: str
) -> None:
    """It is killed all the same, children too: only the asking is not heard."""
    launcher = fake_launcher(fault, stop={"timeout_s": 0.5})
    names = ("stops-when-asked", "stops-for-good", "starts-as-asked")
    found = findings(checked(launcher, fake_model, tmp_path, names))
    assert list(found) == ["stops-when-asked"]
    assert found["stops-when-asked"][1].startswith(words)


@pytest.mark.parametrize(
    ("faults", "tables", "name", "words"),
    [
        (
            ("swallow-flags",),
            {"command": {"help": []}},
            "refuses-bad-flag",
            "it starts with --autotune-no-such-flag, which it cannot have",
        ),
        (
            (),
            {"command": {"help": []}, "failure": []},
            "refuses-bad-flag",
            "a bad flag is classified as crash: error: invalid argument: --autotune-no-such-flag",
        ),
        ((), {"failure": []}, "misses-model", "a missing model is classified as crash: E srv: "),
        ((), {"effective": []}, "reads-settings-back", "no setting can be read back"),
        (
            (),
            {"effective": [{"path": "/props", "json_path": "total_slots", "setting": "parallel"}]},
            "reads-settings-back",
            "none of the settings asked can be read back: ubatch-size",
        ),
        (
            (),
            {"request": {"always": {"temperature": 0}}},
            "reports-usage",
            "the stream does not report usage.prompt_tokens",
        ),
        ((), {"request": {"pinned": {}}}, "pins-length", "asked for 7 tokens, got 3"),
        (
            (),
            {"tokens": {"cached": "usage.no_such_field"}},
            "reports-cached-tokens",
            "the stream does not report cached tokens",
        ),
    ],
)
def test_a_manifest_that_leaves_something_out(
    fake_launcher: MakeLauncher,
    fake_model: Path,
    tmp_path: Path,
    faults: tuple[str, ...],
    tables: dict[str, Any],
    name: str,
    words: str,
) -> None:
    names = (name, "answers-chat", "stops-for-good")
    found = findings(checked(fake_launcher(*faults, **tables), fake_model, tmp_path, names))
    assert [n for n in found if n != "refuses-bad-flag" or name == n] == [name]
    assert words in found[name][1]


def test_a_fixed_port_is_one_servers(
    fake_launcher: MakeLauncher, fake_model: Path, tmp_path: Path
) -> None:
    from autotune.launchers.process import free_port

    launcher = fake_launcher(address={"log": None, "port": free_port("127.0.0.1")})
    found = findings(checked(launcher, fake_model, tmp_path, ("two-at-once", "answers-chat")))
    assert list(found) == ["two-at-once"]
    assert found["two-at-once"][1].startswith("a second server does not start beside the first")


def test_no_room_for_two_is_nobodys_fault(
    fake_launcher: MakeLauncher, fake_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autotune.launchers import bench as module
    from autotune.launchers.failure import Failure, FailureKind, TrialError

    launch, launches = module.launch, iter(range(10))

    def second_does_not_fit(*args: Any, **options: Any) -> Any:
        if next(launches) == 1:
            raise TrialError(Failure(FailureKind.OUT_OF_MEMORY, "no room"))
        return launch(*args, **options)

    monkeypatch.setattr(module, "launch", second_does_not_fit)
    outcomes = checked(fake_launcher(), fake_model, tmp_path, ("two-at-once",))
    assert (outcomes[0].verdict, outcomes[0].note) == (Verdict.SKIP, "no room for two: no room")


def test_prompts_differ_from_the_first_word() -> None:
    firsts = {str(prompt_number(n)[0]["content"]).split()[0] for n in range(1, 200)}
    assert len(firsts) == 199
    assert prompt_number(3) == prompt_number(3)


def test_what_goes_by_the_clock_must_be_found_every_time() -> None:
    found = iter([Broken("late"), Doubtful("early")])

    def look() -> str:
        if (finding := next(found, None)) is not None:
            raise finding
        return "well"

    assert every_time(look) == "well"
    found = iter([Broken("late")] * 3)
    with pytest.raises(Broken, match="late"):
        every_time(look)
