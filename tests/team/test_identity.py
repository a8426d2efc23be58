"""One study, one engine build, one model: what differs is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from autotune.errors import UserError
from autotune.study.provenance import Provenance
from autotune.team.identity import IDENTITY, join, shared_sample
from autotune.team.rounds import Rounds

if TYPE_CHECKING:
    from optuna import Study

HERE = Provenance(
    engine="llama-server",
    engine_path="/usr/bin/llama-server",
    engine_version="b1000",
    engine_sha256="sha256:aa",
    model_path="/m.gguf",
    model_sha256="sha256:bb",
    gpu="GPU-1",
    gpu_name="RTX 3090",
    driver="570.1",
    workload="/data",
    workload_digest="sha256:cc",
    plan_digest="sha256:dd",
    space_digest="sha256:ee",
    objective="turn",
    depth="0-10k",
    history="closed-loop",
    seed=0,
    autotune_version="1",
    host_cpu="a processor",
    created_at="2026-01-01T00:00:00+00:00",
    versions={},
)
SAMPLE = {"asked": {"sample": "auto", "max_sessions": None}, "sessions": ["a", "b"]}


@pytest.fixture
def pair(opened: Callable[[str], Study]) -> tuple[Rounds, Rounds]:
    return Rounds.of(opened("w1"), "w1"), Rounds.of(opened("w2"), "w2")


def test_another_gpu_of_the_kind_and_other_paths_may_join(pair: tuple[Rounds, Rounds]) -> None:
    join(pair[0], "s", HERE, SAMPLE)
    there = replace(HERE, gpu="GPU-2", engine_path="/opt/x", model_path="/n", host_cpu="another")
    join(pair[1], "s", there, SAMPLE)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"engine_version": "b1001"}, r"engine build \(there b1000, here b1001\)"),
        ({"engine_sha256": "sha256:ff"}, r"engine binary \(there aa, here ff\)"),
        ({"model_sha256": "sha256:ff"}, r"model \(there bb, here ff\)"),
        ({"driver": "580.2"}, r"driver \(there 570.1, here 580.2\)"),
        ({"driver": None}, r"driver \(there 570.1, here unknown\)"),
        ({"gpu_name": "RTX 4090"}, r"GPU \(there RTX 3090, here RTX 4090\)"),
        ({"plan_digest": "sha256:ff", "seed": 3}, r"seed .*; replay plan "),
    ],
)
def test_what_differs_is_named_and_refused(
    pair: tuple[Rounds, Rounds], changed: dict[str, object], words: str
) -> None:
    join(pair[0], "s", HERE, SAMPLE)
    with pytest.raises(UserError, match=words) as caught:
        join(pair[1], "s", replace(HERE, **changed), SAMPLE)
    assert "--study" in caught.value.hint
    noted = pair[1].noted(IDENTITY)
    assert noted is not None
    assert noted["provenance"]["engine_version"] == "b1000"


def test_the_first_worker_s_sample_is_everyone_s(pair: tuple[Rounds, Rounds]) -> None:
    assert shared_sample(pair[1], SAMPLE["asked"]) is None
    join(pair[0], "s", HERE, SAMPLE)
    assert shared_sample(pair[1], SAMPLE["asked"]) == SAMPLE
    assert shared_sample(pair[1], {"sample": "all", "max_sessions": None}) is None
