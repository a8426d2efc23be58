"""Names that every format takes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions, dns_name, service_name


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("/m/Qwen2.5 7B (Q4_K_M).gguf", "Qwen2.5-7B-Q4_K_M"),
        ("/m/Qwen2.5-7B/", "Qwen2.5-7B"),
        ("/m/☃.gguf", "model"),
    ],
)
def test_a_name_is_made_of_the_models_file(llama: ExportConfig, model: str, name: str) -> None:
    named = replace(llama, provenance=replace(llama.provenance, model=model))
    assert service_name(named, ExportOptions()) == name


def test_an_asked_name_is_taken_as_it_is(llama: ExportConfig) -> None:
    assert service_name(llama, ExportOptions(name="fast")) == "fast"
    with pytest.raises(UserError, match="cannot be a name in an export"):
        service_name(llama, ExportOptions(name="a]b"))


@given(st.text(max_size=90))
def test_a_dns_name_is_always_one(text: str) -> None:
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", dns_name(text))


def test_a_dns_name_begins_with_a_letter() -> None:
    assert (dns_name("7B_Model.Q4"), dns_name("Fast")) == ("model-7b-model-q4", "fast")
