"""A space cut to what a build has; an older llama-server is tuned with the names it knows."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.launchers.llama_forms import FORMS
from autotune.launchers.program import flags_in, usages_in
from autotune.launchers.protocol import EngineBuild
from autotune.launchers.spelling import Spelling, spell
from autotune.search.build_fit import fit_to_build
from autotune.search.events import Event, Prepared
from autotune.search.request import RunRequest
from autotune.search.session import run_study
from autotune.search.space import Parameter, Space, Start
from autotune.search.space_file import shipped_space
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

OLD_SERVER = Path(__file__).parents[1] / "fakes" / "old_llama_server.py"


def speller(help_text: str) -> Callable[[str, Setting], Spelling]:
    build = EngineBuild("x", "/x", "1", "0" * 64, flags_in(help_text), usages_in(help_text))
    return lambda name, value: spell(name, build, FORMS)


def parameter(name: str, *choices: object, **fields: object) -> Parameter:
    return Parameter(name, choices, fields.pop("default", choices[0]), "x", **fields)  # type: ignore[arg-type]


SPACE = Space(
    engine="x",
    parameters=(
        parameter("batch-size", 256, 512),
        parameter("flash-attn", "auto", "on", "off"),
        parameter("ctx-checkpoints", 8, 32),
        parameter("cache-ram", 0, 8192),
        parameter("cache-idle-slots", True, False, requires={"cache-ram": (8192,)}),
        parameter("spec-type", "none", "ngram-simple", "ngram-mod"),
        parameter("spec-ngram-mod-n-match", 8, 24, requires={"spec-type": ("ngram-mod",)}),
    ),
    starts=(
        Start("fused", "", {"flash-attn": "on"}),
        Start("drafts", "", {"spec-type": "ngram-mod"}),
        Start("no cache", "", {"cache-ram": 0}),
    ),
    fixed={"cache-reuse": 0, "poll": 50},
)

HELP = """\
--batch-size N                          logical batch
-fa,   --flash-attn                     enable Flash Attention (default: disabled)
--swa-checkpoints N                     checkpoints
--clear-idle, --no-clear-idle           save idle slots
--spec-type none,ngram-simple           what drafts
--spec-ngram-size-n N                   lookup length
--poll N                                polling
"""


def test_what_a_build_has_not_is_left_out_and_said() -> None:
    fitted = fit_to_build(SPACE, speller(HELP), pins={})
    found = {p.name: (p.choices, p.default) for p in fitted.space.parameters}
    assert found == {
        "batch-size": ((256, 512), 256),
        "flash-attn": (("on", "off"), "off"),
        "ctx-checkpoints": ((8, 32), 8),
        "spec-type": (("none", "ngram-simple"), "none"),
    }
    assert dict(fitted.space.fixed) == {"poll": 50}
    assert [start.name for start in fitted.space.starts] == ["fused"]
    assert fitted.notes == (
        "this build has no --cache-ram, --cache-reuse: not tuned",
        "also left out, as nothing sets them off: --cache-idle-slots, --spec-ngram-mod-n-match",
        "values that this build has not are left out: flash-attn auto; spec-type ngram-mod",
        "spelt as this build knows them: ctx-checkpoints as --swa-checkpoints",
    )


def test_a_build_that_has_everything_keeps_everything() -> None:
    listed = "".join(f"--{n} N   or auto\n" for n in (*SPACE.names, *SPACE.fixed))
    space = Space("x", SPACE.parameters[:1], starts=(), fixed={"poll": 50})
    assert fit_to_build(space, speller(listed), pins={}).space == space
    assert fit_to_build(SPACE, speller(listed), pins={}).notes == ()


def test_an_engine_that_lists_nothing_is_left_alone() -> None:
    fitted = fit_to_build(SPACE, speller(""), pins={})
    assert (fitted.space, fitted.notes) == (SPACE, ())


def test_one_value_left_is_fixed() -> None:
    space = Space("x", (parameter("spec-type", "none", "ngram-mod"),))
    fitted = fit_to_build(space, speller(HELP), pins={})
    assert (fitted.space.parameters, dict(fitted.space.fixed)) == ((), {"spec-type": "none"})


def test_a_pin_that_the_build_has_not_is_refused_with_what_to_use() -> None:
    with pytest.raises(UserError, match="no flag --draft-max") as caught:
        fit_to_build(SPACE, speller("--spec-draft-n-max N   x\n"), pins={"draft-max": 4})
    assert caught.value.hint == "use --set spec-draft-n-max"
    with pytest.raises(UserError, match="no flag --frobnicate") as caught:
        fit_to_build(SPACE, speller(HELP), pins={"frobnicate": 4})
    assert "autotune engine flags" in caught.value.hint


@pytest.fixture
def old_server(tmp_path: Path) -> Path:
    """A program that starts the fake of an old llama-server."""
    path = tmp_path / "llama-server"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{OLD_SERVER}" "$@"\n')
    path.chmod(0o755)
    return path


def old_run(old_server: Path, fake_model: Path, tmp_path: Path, **fields: object) -> RunRequest:
    workload = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=2, turns=2, start_depth=800, depth=900, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    return RunRequest(
        workload=workload,
        engine="llama-server",
        engine_path=old_server,
        model=fake_model,
        gpu="cpu",
        trials=2,
        confirm_blocks=1,
        max_output_tokens=3,
        study="old",
        studies_dir=tmp_path / "studies",
        **fields,  # type: ignore[arg-type]
    )


def test_an_older_llama_server_is_tuned_with_the_names_it_knows(
    old_server: Path, fake_model: Path, tmp_path: Path
) -> None:
    """A real study on a real process that refuses every newer name."""
    request = old_run(
        old_server, fake_model, tmp_path, pins={"load-mode": "mlock", "ctx-checkpoints": 8}
    )
    events: list[Event] = []
    run_study(request, events.append)
    notes = "\n".join(next(e for e in events if isinstance(e, Prepared)).notes)
    assert "this build has no --cache-ram, --spec-type" in notes
    assert "ctx-checkpoints as --swa-checkpoints" in notes
    folder = StudyFolder(request.studies_dir / "old")
    records = list(folder.read_turns())
    assert records
    assert [r.failure for r in records if r.failure is not None] == []
    argv = re.findall(
        r"^argv: (.*)$", (folder.logs / "trial-0000-b0.log").read_text(), re.MULTILINE
    )[0]
    assert "--swa-checkpoints 8" in argv
    assert "--no-mmap --mlock" in argv
    assert "--flash-attn" not in argv
    assert "--load-mode" not in argv
    assert "--cache-ram" not in argv


def test_the_shipped_space_is_cut_to_the_old_build(old_server: Path) -> None:
    """What is left of it by hand: the parameters that August 2025 had under some name."""
    from autotune.launchers.llama_server import LlamaServerLauncher

    launcher = LlamaServerLauncher(old_server)
    launcher.detect()
    names = shipped_space("llama-server").parameters
    assert {name for name in names if launcher.spelling(name).known} == {
        *("batch-size", "ubatch-size", "ctx-size", "parallel", "kv-unified", "ctx-checkpoints"),
        *("cache-reuse", "swa-full", "cache-type-k", "cache-type-v", "flash-attn", "threads"),
        *("threads-batch", "poll", "n-gpu-layers", "op-offload", "kv-offload", "repack"),
        # One that was always there, and those that have other names, or were switches.
        *("slot-prompt-similarity", "load-mode", "spec-draft-n-max", "spec-draft-n-min"),
        *("spec-ngram-mod-n-max", "spec-ngram-mod-n-min"),
    }
