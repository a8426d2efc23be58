"""A unit: its words undone as systemd undoes them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.export.model import ExportConfig, ExportProvenance
from autotune.export.options import ExportOptions
from autotune.export.systemd_unit import quoted, render_systemd_unit
from autotune.export.verify.unit_rules import environment, exec_words

NAMED = ExportOptions(name="fast")


def test_the_unit_starts_the_command_as_tuned(llama: ExportConfig) -> None:
    text = render_systemd_unit(llama, NAMED)
    assert exec_words(text) == list(llama.argv)
    assert environment(text) == [f"CUDA_VISIBLE_DEVICES={llama.env['CUDA_VISIBLE_DEVICES']}"]
    assert text.splitlines()[0] == "# Written by autotune 0.1.0."
    assert "systemctl --user enable --now fast" in text
    assert "LimitMEMLOCK" not in text


def test_locked_memory_is_allowed_where_it_is_asked(llama: ExportConfig) -> None:
    argv = (*llama.argv, "--load-mode", "mmap+mlock")
    assert "LimitMEMLOCK=infinity" in render_systemd_unit(replace(llama, argv=argv), NAMED)


def test_percent_dollar_quotes_and_lines_are_escaped() -> None:
    assert quoted('50% of "a"\\\n') == '"50%% of \\"a\\"\\\\\\n"'


@pytest.mark.parametrize("program", ["llama-server", "./llama-server"])
def test_a_program_that_systemd_would_not_find(llama: ExportConfig, program: str) -> None:
    with pytest.raises(UserError, match="wants a program's whole path"):
        render_systemd_unit(replace(llama, argv=(program, "--slots")), NAMED)


def test_a_control_character_is_refused(llama: ExportConfig) -> None:
    with pytest.raises(UserError, match="control characters"):
        render_systemd_unit(replace(llama, argv=("/x", "--alias", "a\x07")), NAMED)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)))
def test_any_words_are_read_back_or_refused(words: list[str]) -> None:
    argv = ("/opt/my $HOME 100%/x", "--alias", *words)
    env = {"A": " ".join(words)}
    config = ExportConfig({}, {}, argv, env, ExportProvenance("s\\"))
    try:
        text = render_systemd_unit(config, NAMED)
    except UserError:
        return
    assert exec_words(text) == list(argv)
    assert environment(text) == [f"A={' '.join(words)}"]


def test_what_is_the_readers_own_is_passed_on_by_name(llama: ExportConfig) -> None:
    facts = replace(llama.provenance, wanted_variables=("MINE_LICENSE", "MINE_KEY"))
    text = render_systemd_unit(replace(llama, provenance=facts), NAMED)
    assert "\nPassEnvironment=MINE_LICENSE MINE_KEY\n" in text
    assert "PassEnvironment" not in render_systemd_unit(llama, NAMED)
