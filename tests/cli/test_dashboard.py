"""``autotune dashboard`` as a process: what it refuses, what it serves, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from dashboard_study import make_study

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """``studies`` with one study, ``tiny``, where the command line looks for them."""
    return make_study(tmp_path / "studies" / "tiny").path.parent


@pytest.fixture
def running(
    studies: Path, tmp_path: Path, cli_env: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """A dashboard of all studies, ready: the line that says so was read by nobody yet."""
    process = subprocess.Popen(
        [sys.executable, "-m", "autotune.cli.main", "dashboard", "--port", "0", "--json"],
        cwd=tmp_path, env=cli_env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        yield process
        if process.poll() is None:
            process.kill()


def digests(folder: Path) -> dict[str, str]:
    """What every file below `folder` holds."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end_and_changes_nothing(
    running: subprocess.Popen[str], studies: Path, number: int
) -> None:
    before = digests(studies)
    assert running.stdout is not None
    told = json.loads(running.stdout.readline())
    assert told["studies"] == ["tiny"]
    assert told["url"].startswith("http://127.0.0.1:")
    with httpx.Client(base_url=told["url"], timeout=60) as client:
        assert client.get("/api/studies/1").json()["trials"]
        assert client.put("/api/studies/1/note", json={"body": "mine"}).status_code >= 400
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 0
    assert "Ctrl-C ends it" in said
    assert "Traceback" not in said
    assert digests(studies) == before


def test_a_study_that_is_not_there_is_named(cli: Cli, studies: Path) -> None:
    done = cli("dashboard", "tinny")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "tinny" in done.stderr
    assert "hint: " in done.stderr


def test_a_directory_that_is_not_there_is_named(cli: Cli) -> None:
    done = cli("dashboard", "--studies-dir", "nowhere")
    assert done.returncode == 2
    assert "there is no directory nowhere" in done.stderr


def test_a_port_that_is_taken_is_named(cli: Cli, studies: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = cli("dashboard", "--port", port)
    assert done.returncode != 0
    assert done.stderr.startswith("error: ")
    assert port in done.stderr
    assert "hint: " in done.stderr


def test_other_machines_are_let_in_by_name_only(cli: Cli, studies: Path) -> None:
    done = cli("dashboard", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2
    assert "the dashboard asks nobody who they are" in done.stderr
    assert "--allow-remote" in done.stderr


def test_without_the_extra_it_says_what_to_install(cli: Cli, tmp_path: Path, studies: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    # A finder in front of all others that knows nothing of the extra.
    (hidden / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'optuna_dashboard' else found(name, *a)\n",
        encoding="utf-8",
    )
    done = cli("dashboard", PYTHONPATH=str(hidden))
    assert done.returncode != 0
    assert "optuna-dashboard, which is not installed" in done.stderr
    assert "pip install 'autotune-serving[dashboard]'" in done.stderr
