"""What a build calls a setting, by what its help lists."""

from __future__ import annotations

import pytest

from autotune.launchers.llama_forms import FORMS
from autotune.launchers.program import FlagUsage, flags_in, usages_in
from autotune.launchers.protocol import EngineBuild
from autotune.launchers.spelling import Form, Standing, allowed_in, called_now, spell

HELP = """\
-b,    --batch-size N                   logical batch (default: 2048)
-fa,   --flash-attn                     enable Flash Attention (default: disabled)
--swa-checkpoints N                     checkpoints per slot
-ctk,  --cache-type-k TYPE              type of K
                                        allowed values: f32, f16, q8_0
                                        (default: f16)
--split {none,layer}                    how to split
--spec-type none,ngram-simple           what drafts
--no-repack                             disable repacking
--mlock                                 keep it in memory
--draft, --draft-max N                  the argument has been removed. use
                                        --spec-draft-n-max
"""


def build(text: str = HELP) -> EngineBuild:
    return EngineBuild("x", "/x", "1", "0" * 64, flags_in(text), usages_in(text))


@pytest.mark.parametrize(
    ("setting", "standing", "shown"),
    [
        ("batch-size", Standing.SAME, "--batch-size"),
        ("repack", Standing.SAME, "--repack"),
        ("ctx-checkpoints", Standing.RENAMED, "--swa-checkpoints"),
        ("load-mode", Standing.RENAMED, "--mlock"),
        ("flash-attn", Standing.SAME, "--flash-attn"),
        ("draft-max", Standing.REMOVED, ""),
        ("cache-ram", Standing.UNKNOWN, ""),
    ],
)
def test_how_a_build_stands_to_a_name(setting: str, standing: Standing, shown: str) -> None:
    told = spell(setting, build(), FORMS)
    assert (told.standing, told.shown) == (standing, shown)
    assert told.known is (standing in (Standing.SAME, Standing.RENAMED))


def test_a_build_that_lists_nothing_is_taken_at_its_word() -> None:
    told = spell("anything", EngineBuild("x", "/x", "1", "0" * 64), {})
    assert (told.standing, told.known, told.takes(7)) == (Standing.UNTOLD, True, True)


@pytest.mark.parametrize(
    ("setting", "taken", "refused"),
    [
        ("cache-type-k", ["f16", "q8_0"], ["bf16"]),
        ("spec-type", ["none", "ngram-simple", "none,ngram-simple"], ["ngram-mod"]),
        ("flash-attn", ["on", "off"], ["auto"]),
        ("load-mode", ["mmap", "mmap+mlock"], ["none", "mlock", "dio", "auto"]),
        ("batch-size", [64, "whatever"], []),
    ],
)
def test_which_values_a_build_has(
    setting: str, taken: list[str | int], refused: list[str | int]
) -> None:
    told = spell(setting, build(), FORMS)
    assert [v for v in [*taken, *refused] if told.takes(v)] == taken


def test_a_value_that_is_merely_not_listed_can_still_be_said() -> None:
    told = spell("cache-type-k", build(), FORMS)
    assert (told.can_say("bf16"), told.takes("bf16")) == (True, False)
    assert not spell("flash-attn", build(), FORMS).can_say("auto")


def test_what_an_older_build_does_by_itself() -> None:
    assert spell("flash-attn", build(), FORMS).default("auto") == "off"
    assert spell("batch-size", build(), FORMS).default(2048) == 2048


def test_the_newest_names_of_an_old_one() -> None:
    assert called_now("draft-max", FORMS) == ("spec-draft-n-max", "spec-ngram-mod-n-max")
    assert called_now("no-mmap", FORMS) == ("load-mode=none",)
    assert called_now("batch-size", FORMS) == ()


def test_names_are_tried_in_order() -> None:
    forms = {"n": (Form(name="newer"), Form(name="older"))}
    assert spell("n", build("--older N     x\n--newer N     x\n"), forms).flag == "newer"
    assert spell("n", build("--older N     x\n"), forms).flag == "older"


@pytest.mark.parametrize(
    ("hint", "values"),
    [
        ("[on|off|auto]", {"on", "off", "auto"}),
        ("{a,b-c}", {"a", "b-c"}),
        ("<0|1>", {"0", "1"}),
        ("a,b", {"a", "b"}),
        ("<dev1,dev2,..>", None),
        ("N0,N1,N2,...", None),
        ("<0...100>", None),
        ("N", None),
        ("", None),
    ],
)
def test_values_by_their_hint(hint: str, values: set[str] | None) -> None:
    assert allowed_in(FlagUsage(hint, "")) == values
