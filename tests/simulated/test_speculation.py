"""Drafts: what a step gives."""

from __future__ import annotations

import pytest

from autotune.simulated.models import Acceptance
from autotune.simulated.speculation import Draft, copies_of, draft, heads, prompt_lookup

USUAL = Acceptance(head=0.8, found=0.5, copied=0.8)


def test_what_stands_of_a_draft_is_a_geometric_series() -> None:
    assert Draft(1.0, 2, 0.5).accepted == 0.75
    assert Draft(0.5, 2, 0.5).per_step == 1.375
    assert draft({}, USUAL, "a/0").per_step == 1.0


def test_a_longer_match_is_found_less_often_and_is_right_more_often() -> None:
    short = draft({"spec-type": "ngram-simple", "spec-ngram-simple-size-n": 3}, USUAL, "a/0")
    long = draft({"spec-type": "ngram-simple", "spec-ngram-simple-size-n": 12}, USUAL, "a/0")
    assert short.drafts > long.drafts
    assert short.stands < long.stands
    assert short.stands == pytest.approx(0.8)
    assert short.tokens == 48


def test_the_text_of_a_turn_is_the_same_for_every_candidate() -> None:
    assert copies_of("a/0") == copies_of("a/0")
    assert copies_of("a/0") != copies_of("a/1")
    assert 0.5 <= copies_of("a/0") < 1.5


def test_a_head_runs_once_for_each_token() -> None:
    found = heads(3, USUAL)
    assert (found.drafts, found.tokens, found.passes) == (1.0, 3, 3)
    assert found.stands == pytest.approx(0.8)
    assert draft({"spec-type": "draft-mtp", "spec-draft-n-max": 2}, USUAL, "a/0").tokens == 2


def test_of_several_kinds_the_one_that_gives_most_counts() -> None:
    both = draft({"spec-type": "none,draft-mtp"}, USUAL, "a/0")
    assert both.passes == 3


def test_vllm_drafts_from_the_shortest_match_it_is_given() -> None:
    assert prompt_lookup(5, 2, 4, USUAL, "a/0").drafts > prompt_lookup(5, 5, 4, USUAL, "a/0").drafts


def test_a_head_that_must_be_sure_drafts_less_and_errs_less() -> None:
    bold = draft({"spec-type": "draft-mtp", "spec-draft-n-max": 6}, USUAL, "a/0")
    shy = draft(
        {"spec-type": "draft-mtp", "spec-draft-n-max": 6, "spec-draft-p-min": 0.9}, USUAL, "a/0"
    )
    assert shy.tokens < bold.tokens
    assert shy.stands > bold.stands
