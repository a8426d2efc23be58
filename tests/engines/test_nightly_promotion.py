"""Promotions on the real llama-server: hooks that stop and start it, and what it says of itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate, Setting
from autotune.export.from_study import non_default
from autotune.export.model import ExportConfig, ExportProvenance
from autotune.export.options import ExportOptions
from autotune.launchers.process import free_port
from autotune.launchers.protocol import EXPORT_PORT, LaunchContext
from autotune.launchers.registry import make_launcher
from autotune.nightly.generations import Draft, Generation, rendered
from autotune.nightly.health import Health, Patience, health_check
from autotune.nightly.hooks import Hook, Hooks
from autotune.nightly.pause import hook_runs
from autotune.nightly.places import Place
from autotune.nightly.promote import promote
from autotune.nightly.requests import requests_running
from autotune.nightly.rollback import rollback
from autotune.nightly.site import Site, boot_id
from autotune.nightly.swap import Promoted, RolledBack

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

Stage = Callable[..., Generation]

STOP = """
if [ -e {pid} ]; then kill "$(cat {pid})"; while kill -0 "$(cat {pid})" 2> /dev/null; do
sleep 0.05; done; rm {pid}; fi
"""
START = """
setsid nohup {script} --port {port} > {log} 2>&1 < /dev/null & echo $! > {pid}
"""
"""As a person does it who has no service manager."""


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Site]:
    """A target that serves by ``serve.sh``; what serves is ended with the test."""
    script, pid = tmp_path / "serve.sh", tmp_path / "pid"
    port = free_port("127.0.0.1")
    stop = STOP.format(pid=pid)
    start = START.format(script=script, port=port, log=tmp_path / "engine.log", pid=pid)
    patience = Patience(start_s=60.0, settle_s=1.0, poll_s=0.1)
    url = f"http://127.0.0.1:{port}"
    yield Site(
        target="coder",
        state=tmp_path / "state",
        boot=boot_id(),
        environ=dict(os.environ),
        hooks=Hooks(Hook(stop), Hook(start)),
        health=health_check(url, patience=patience),
        places=(Place(script, "serve.sh"),),
    )
    if pid.exists():
        number = int(pid.read_text(encoding="utf-8"))
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGTERM)
        while Path(f"/proc/{number}").exists():
            time.sleep(0.05)


def config_of(program: Path, model: Path, settings: dict[str, Setting]) -> ExportConfig:
    """As a study would export it."""
    launcher = make_launcher("llama-server", engine_path=program)
    context = LaunchContext(model, Path(), Path(), "export", port=EXPORT_PORT)
    facts = ExportProvenance(study="s", engine="llama-server", model=str(model), gpu_uuid="cpu")
    argv = launcher.export_argv(Candidate(settings), context)
    return ExportConfig(non_default("llama-server", settings), settings, argv, {}, facts)


@pytest.fixture
def stage(where: Site, llama_server: Path, smollm2: Path) -> Stage:
    """Stages a generation with such settings, and such further words on the command line."""

    def make(*words: str, **settings: Any) -> Generation:
        asked = {name.replace("_", "-"): value for name, value in settings.items()}
        config = config_of(llama_server, smollm2, {"parallel": 1, "threads": 1, **asked})
        config = replace(config, argv=(*config.argv, *words))
        script = rendered(config, "shell", ExportOptions(full=True))
        return where.generations.stage(
            Draft(config=config, exports={"serve.sh": script}, study="s", why="", fingerprint={})
        )

    return make


def test_what_serves_follows_what_is_live(where: Site, stage: Stage) -> None:
    first = promote(stage(ctx_size=4096, batch_size=256), where)
    assert isinstance(first, Promoted)
    assert first.health is not None
    assert first.health.healthy
    assert first.health.unread == ()

    second = promote(stage(ctx_size=2048, batch_size=512), where)
    assert isinstance(second, Promoted)
    back = rollback(where)
    assert (back.generation, back.was) == (1, 2)
    assert back.health is not None
    assert back.health.problems == ()
    assert [run.problem for run in hook_runs(where.journal)] == [None] * 6


def test_one_that_refuses_a_flag_is_taken_back(where: Site, stage: Stage) -> None:
    promote(stage(ctx_size=4096), where)
    quick = Patience(start_s=3.0, settle_s=1.0, poll_s=0.1)
    ask = where.health
    assert ask is not None

    def check(generation: Generation, since: Any) -> Health:
        if generation.number == 1:
            return ask(generation, since)
        return health_check(url_of(where), patience=quick)(generation, since)

    done = promote(stage("--no-such-flag", ctx_size=2048), replace(where, health=check))
    assert isinstance(done, RolledBack)
    assert "does not answer" in done.reason
    assert done.restored is not None
    assert done.restored.problems == ()
    assert done.live == 1


def test_one_that_nobody_started_is_taken_back(where: Site, stage: Stage) -> None:
    """The hooks do nothing, so the old one serves on."""
    promote(stage(ctx_size=4096, batch_size=256), where)
    still = replace(where, hooks=Hooks(Hook("true"), Hook("true")))
    done = promote(stage(ctx_size=2048, batch_size=512), still)
    assert isinstance(done, RolledBack)
    assert "ctx-size: asked 2048, runs with 4096" in done.reason
    assert "batch-size: its command line says 256, exported was 512" in done.reason


def test_an_engine_at_rest_says_so(where: Site, stage: Stage) -> None:
    promote(stage(ctx_size=4096), where)
    assert requests_running(url_of(where)) == 0


def url_of(where: Site) -> str:
    assert where.hooks.after is not None
    port = where.hooks.after.command.split("--port ")[1].split()[0]
    return f"http://127.0.0.1:{port}"
