from __future__ import annotations

import re

import pytest

from autotune.workload.redaction.rules import Rule
from autotune.workload.redaction.words import (
    any_of,
    is_strong,
    is_telling,
    name_rules,
    secret_rules,
    word_rules,
)


def matches(rules: list[Rule], text: str) -> list[str]:
    return [text[hit.start : hit.end] for rule in rules for hit in rule.find(text)]


def test_words_are_found_in_any_case_and_spelling() -> None:
    rules = list(word_rules(["Acme", "Blau Grün", "a/b"]))
    assert matches(rules, "acmecorp ACME") == ["acmecorp", "ACME"]
    assert matches(rules, "preAcmeacme_x \\nacme") == ["preAcmeacme", "acme"]
    assert matches(rules, "blau gr\\u00fcn, Blau%20Grün") == ["blau gr\\u00fcn", "Blau%20Grün"]
    assert matches(rules, "a\\/b a/b") == ["a\\/b", "a/b"]
    assert list(word_rules([])) == []


def test_names_are_whole_words() -> None:
    rules = list(name_rules(["ada", "eve.smith"]))
    assert matches(rules, "ada Ada adaptive x_ada") == ["ada", "Ada", "ada"]
    assert matches(rules, "-home-eve-smith-x eve.smith") == ["eve-smith", "eve.smith"]
    assert matches(rules, "\\nada") == ["ada"]


def test_secrets_are_found_as_they_are() -> None:
    rules = list(secret_rules(["abc", "abcd", "x.y"]))
    assert matches(rules, "abcd abce x.y xzy ABC") == ["abcd", "abc", "x.y"]


@pytest.mark.parametrize("values", [["a"], ["ab", "abc", "b"], ["a.b", "a|b", "a\\b"], ["", "q"]])
def test_a_tree_matches_its_values_and_no_others(values: list[str]) -> None:
    pattern = re.compile(any_of(values))
    for value in filter(None, values):
        assert pattern.fullmatch(value)
    assert not pattern.fullmatch("zzz")


def test_a_long_value_needs_no_deep_pattern() -> None:
    value = "ab1" * 3000
    assert re.compile(any_of([value, value[:-1] + "x"])).fullmatch(value)


def test_what_is_looked_for_on_its_own() -> None:
    assert is_strong("hunter2hunter2")
    assert not is_strong("hunter2")
    assert not is_strong("password-field")
    assert is_telling("ada")
    assert not is_telling("a1")
    assert not is_telling("1234")
