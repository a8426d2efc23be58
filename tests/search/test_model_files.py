"""Other quantizations of the same model as a dimension of the search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gguf_file import write_gguf

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.launchers.model_setting import MODEL
from autotune.models.metadata import read_model
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.model_files import files_of, least_quantized, other_models, with_models
from autotune.search.quality_store import quality_settings
from autotune.search.space import Space, to_settings


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    paths = (tmp_path / "a.gguf", tmp_path / "b.gguf")
    for path in paths:
        write_gguf(path)
    return paths


def test_each_other_file_is_taken_once_and_the_model_itself_is_none(
    files: tuple[Path, Path],
) -> None:
    main = read_model(files[0])
    (other,) = other_models([files[0], files[1], files[1]], main)
    assert other.path == files[1]
    assert set(files_of(main, (other,))) == {str(path) for path in files}


def test_what_is_no_quantization_of_it_is_refused(files: tuple[Path, Path]) -> None:
    main = read_model(files[0])
    with pytest.raises(UserError, match="there is no model"):
        other_models([files[0].with_name("gone.gguf")], main)
    with pytest.raises(UserError, match=r"another model than a\.gguf: layers 2, not 9"):
        other_models([files[1]], replace(main, n_layers=9))


def test_the_file_is_a_parameter_that_changes_words(files: tuple[Path, Path]) -> None:
    main, other = (read_model(path) for path in files)
    space = with_models(Space("llama-server", ()), main, (other,))
    assert space.defaults == {MODEL: str(files[0])}
    chosen = to_settings(space, {MODEL: str(files[1])})
    assert quality_settings(space, chosen) == {MODEL: str(files[1])}
    assert with_models(Space("llama-server", ()), main, ()).parameters == ()
    pinned = Space("llama-server", (), fixed={MODEL: "x"})
    assert with_models(pinned, main, (other,)) is pinned


def test_the_least_quantized_file_has_the_largest_weights(files: tuple[Path, Path]) -> None:
    main = replace(read_model(files[0]), weights_bytes=4)
    larger = replace(main, path=files[1], weights_bytes=8)
    assert least_quantized((main, larger)) is larger
    assert least_quantized((main, replace(larger, weights_bytes=4))) is main


def test_what_fits_is_worked_out_for_the_file_that_is_served(files: tuple[Path, Path]) -> None:
    main = read_model(files[0])
    huge = replace(main, path=files[1], file_bytes=2**50, weights_bytes=2**50,
                   layer_bytes=(2**50,), input_bytes=0)  # fmt: skip
    settings = {"ctx-size": 512, "parallel": 1, "n-gpu-layers": "all"}
    feasibility = Feasibility(
        Space("llama-server", ()), main, Limits(device_bytes=None, host_bytes=2**40), gpu=False,
        other_models={str(files[1]): huge},
    )  # fmt: skip
    assert feasibility.refusal(Candidate(settings)) is None
    refused = feasibility.refusal(Candidate({**settings, MODEL: str(files[1])}))
    assert refused is not None
    assert refused.kind == "out-of-memory"
