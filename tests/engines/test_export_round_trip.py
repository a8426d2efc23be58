"""Exported files started on the real engines: the settings read back are those that were tuned."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate, Setting
from autotune.export.formats import FORMATS, render
from autotune.export.from_study import non_default
from autotune.export.llama_variables import KNOWN, variable_of
from autotune.export.model import ExportConfig, ExportProvenance
from autotune.export.options import ExportOptions
from autotune.export.verify.known_turns import KnownTurns
from autotune.export.verify.live import Room, verify_live
from autotune.export.verify.outcome import Verification
from autotune.export.verify.starting import Artefact
from autotune.launchers.program import usages_in
from autotune.launchers.protocol import EXPORT_PORT, LaunchContext
from autotune.launchers.registry import make_launcher

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]

Verify = Callable[[ExportConfig, str], Verification]

SHARED: dict[str, Setting] = {
    "batch-size": 256,
    "ubatch-size": 128,
    "ctx-size": 4096,
    "parallel": 2,
    "kv-unified": True,
    "cache-ram": 128,
    "cache-type-k": "q8_0",
    "cache-type-v": "q8_0",
    "flash-attn": "on",
    "threads": 1,
    "threads-batch": 2,
    "cache-idle-slots": False,
    "poll": 7,
    "repack": False,
    "slot-prompt-similarity": 0.25,
    "spec-type": "ngram-simple",
    "spec-ngram-simple-size-n": 4,
}
ONE_EACH: dict[str, Setting] = {"ctx-size": 4096, "parallel": 4, "kv-unified": False}


def config_of(engine: str, path: Path, model: Path, settings: dict[str, Setting]) -> ExportConfig:
    """As a study would export it."""
    launcher = make_launcher(engine, engine_path=path)
    build = launcher.detect()
    context = LaunchContext(model, Path(), Path(), "export", port=EXPORT_PORT)
    facts = ExportProvenance(
        study="round-trip",
        engine=engine,
        engine_version=build.version,
        engine_sha256=build.binary_sha256,
        model=str(model),
        gpu_uuid="cpu",
    )
    argv = launcher.export_argv(Candidate(settings), context)
    return ExportConfig(non_default(engine, settings), settings, argv, {}, facts)


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    def run(config: ExportConfig, name: str) -> Verification:
        path = tmp_path / FORMATS[name].file_name
        path.write_text(render(config, name, ExportOptions()))
        room = Room(tmp_path / "logs", tmp_path / "work")
        artefact = Artefact(path, name, config)
        return verify_live(artefact, ExportOptions(), KnownTurns(None, {}), room, print)

    return run


@pytest.mark.parametrize("settings", [SHARED, ONE_EACH], ids=["shared", "one-each"])
@pytest.mark.parametrize("name", ["shell", "json", "env", "llama-preset"])
def test_llama_server_runs_as_tuned(
    name: str, settings: dict[str, Setting], llama_server: Path, smollm2: Path, verify: Verify
) -> None:
    found = verify(config_of("llama-server", llama_server, smollm2, settings), name)
    assert found.problems == ()
    assert found.as_tuned
    unsaid = {"poll", "repack", "slot-prompt-similarity"}
    assert set(found.unread) == unsaid & set(settings)
    assert found.read_back is not None
    assert {n: found.read_back[n] for n in found.read_back} == {
        n: v for n, v in settings.items() if n not in unsaid
    }


@pytest.mark.parametrize("name", ["shell", "vllm-yaml"])
def test_vllm_runs_as_tuned(name: str, vllm: Path, tiny_hf: Path, verify: Verify) -> None:
    settings: dict[str, Setting] = {
        "enable-prefix-caching": False,
        "enforce-eager": True,
        "max-model-len": 2048,
        "max-num-seqs": 4,
        "max-num-batched-tokens": 2048,
        "speculative-config.method": "ngram",
        "speculative-config.num_speculative_tokens": 3,
        "speculative-config.prompt_lookup_max": 4,
        "VLLM_CPU_NUM_OF_RESERVED_CPU": 1,
    }
    found = verify(config_of("vllm", vllm, tiny_hf, settings), name)
    assert found.problems == ()
    assert found.as_tuned
    assert found.read_back is not None
    assert found.read_back["max-num-seqs"] == 4
    assert found.read_back["speculative-config.method"] == "ngram"
    assert found.read_back["enable-prefix-caching"] is False


def test_the_variables_are_those_of_the_real_help(llama_server: Path) -> None:
    import subprocess

    told = subprocess.run([llama_server, "--help"], capture_output=True, text=True, check=True)
    usages: dict[str, Any] = usages_in(told.stdout)
    wrong = {}
    for name in KNOWN & usages.keys():
        found = re.search(r"\(env: (\w+)\)", usages[name].about)
        if (found[1] if found else None) != variable_of(name):
            wrong[name] = found and found[1]
    assert wrong == {}
    # Names of before, which this build has as aliases or not at all.
    assert KNOWN - usages.keys() <= {"swa-checkpoints"}
