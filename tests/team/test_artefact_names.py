"""Names of artefacts: whatever they are, they stay in their folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.team.artefact_names import is_safe, safe_name, safe_part


@pytest.mark.parametrize("name", ["a", "turns/host-GPU-1a2b-77/trial-0007.jsonl.gz", "a=b+c_d.E"])
def test_plain_names_are_taken(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "a/.b",
        "a\\b",
        "a b",
        "a\nb",
        "é",
        "a" * 301,
    ],
)
def test_others_are_refused(name: str) -> None:
    assert not is_safe(name)
    with pytest.raises(UserError, match="cannot name an artefact"):
        safe_name(name)


@given(st.text())
def test_a_safe_name_never_leaves_its_folder(name: str) -> None:
    if is_safe(name):
        assert Path("/base", name).resolve().is_relative_to("/base")
        assert Path("/base", name).resolve() != Path("/base")


@given(st.text(max_size=80))
def test_any_text_becomes_a_part_of_a_name(text: str) -> None:
    part = safe_part(text)
    assert is_safe(part)
    assert "/" not in part
