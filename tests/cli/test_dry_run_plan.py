"""The plan for a GPU, as a person reads it."""

from __future__ import annotations

from autotune.cli.dry_run_plan import plan_lines
from autotune.hardware.profile_file import shipped_files
from autotune.search.describe import DryRun, SpaceRow
from autotune.search.exclusions import Excluded
from autotune.search.feasibility import Limits
from autotune.search.fitting import Fit

GIB = 2**30


def dry(**fields: object) -> DryRun:
    base: dict[str, object] = {
        "config": {}, "parameters": 1, "space_size": 2, "argv": (), "env": {}, "estimate_s": None,
        "notes": (),
    }  # fmt: skip
    return DryRun(**{**base, **fields})  # type: ignore[arg-type]


def fit(name: str, device: float | None, *, why: str | None = None) -> Fit:
    n_bytes = None if device is None else int(device * GIB)
    return Fit(
        name=name, changes={}, device_bytes=n_bytes, host_bytes=None, fits=why is None, why=why
    )


def test_nothing_known_is_nothing_said() -> None:
    assert list(plan_lines(dry())) == []


def test_the_card_and_what_it_is_taken_as() -> None:
    facts = shipped_files()["rtx-3090"].facts
    assert facts is not None
    gpu = {
        "name": "NVIDIA GeForce RTX 3090", "profile": "rtx-3090", "inherits": ["gpu-24g", "gpu"],
        "facts": facts.model_dump(),
    }  # fmt: skip
    assert list(plan_lines(dry(gpu=gpu)))[1:] == [
        "NVIDIA GeForce RTX 3090: 24 GiB, 936 GB/s, 71 TFLOPS FP16, compute capability 8.6, "
        "350 W, no FP8",
        "Taken as rtx-3090, which is gpu-24g.",
    ]
    cpu = {"name": None, "profile": "cpu", "inherits": [], "facts": None}
    assert list(plan_lines(dry(gpu=cpu)))[1:] == ["Taken as cpu."]


def test_the_space_with_its_defaults_in_brackets() -> None:
    space = (SpaceRow("flash-attn", ("auto", "on"), "auto"), SpaceRow("mlock", (False, True), True))
    assert list(plan_lines(dry(space=space)))[1:] == [
        "  flash-attn  [auto], on",
        "  mlock       false, [true]",
    ]


def test_what_fits_and_what_lacks() -> None:
    text = "needs 31.0 GiB of GPU memory, 24.0 are there"
    found = plan_lines(
        dry(
            fits=(fit("baseline", 3.125), fit("ctx-size=65536", 31, why=text), fit("odd", None)),
            memory=Limits(device_bytes=24 * GIB, host_bytes=None),
            largest_context=49152,
        )
    )
    assert list(found)[1:] == [
        "  baseline        3.1 of 24.0 GiB of GPU memory",
        f"  ctx-size=65536  no: {text}",
        "  odd             not known before it is tried",
        "One session alone can have 49,152 tokens of context at most.",
    ]


def test_what_is_left_out_and_why() -> None:
    excluded = (
        Excluded(name="repack", why="it is on the GPU"),
        Excluded(name="swa-full", why="not this model", held=False),
        Excluded(name="ubatch-size", why="too small", values=(64, 32)),
        Excluded(name="a=1 with b=2", why="refused", values=()),
    )
    assert list(plan_lines(dry(excluded=excluded)))[1:] == [
        "  repack               it is on the GPU",
        "  swa-full=false       not this model",
        "  ubatch-size: 64, 32  too small",
        "  a=1 with b=2         refused",
    ]
