from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.cli import doctor
from autotune.cli.main import main
from autotune.launchers.marks import TRIAL, TUNER_PID, TUNER_START

FAKE_NVML = Path(__file__).parent.parent / "hardware" / "fake_nvml.c"

Manifest = Callable[..., Path]
Answer = tuple[int, dict[str, Any]]


@pytest.fixture
def ask(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fake_engine_manifest: Manifest,
) -> Callable[..., Answer]:
    """``ask("--model", path) -> exit code, {check: [findings]}``: a quick doctor, as JSON."""
    monkeypatch.setattr(doctor, "LOAD_SAMPLE_S", 0.06)
    monkeypatch.setattr(doctor, "SYSTEM_CONFIG_FILES", (tmp_path / "etc" / "config.ini",))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in [n for n in os.environ if n.startswith("LLAMA_ARG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    engine = ["--engine", str(fake_engine_manifest())]

    def run(*words: str) -> Answer:
        given = [] if "--engine" in words else engine
        code = main(["doctor", "--gpu", "cpu", *given, *words, "--json"])
        document = json.loads(capsys.readouterr().out)
        assert document["schema_version"] == "doctor/1"
        assert document["fit"] == (code == 0)
        found: dict[str, list[Any]] = {}
        for check in document["checks"]:
            found.setdefault(check["name"], []).append(check)
        return code, found

    return run


def test_a_fit_machine(ask: Callable[..., Answer], fake_model: Path) -> None:
    code, found = ask("--model", str(fake_model))
    assert code == 0
    assert list(found) == [
        *["gpu", "processor", "other load", "clock", "disk", "other engines", "leftovers"],
        *["engine", "model", "hidden settings"],
    ]
    assert found["engine"][0]["status"] == "ok"
    assert found["model"][0]["status"] == "ok"
    assert all(c["fix"] for checks in found.values() for c in checks if c["status"] != "ok")


def test_an_unreadable_model_fails(ask: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "zip.gguf").write_bytes(b"PK\x03\x04" + b"\0" * 50)
    code, found = ask("--model", "zip.gguf")
    assert code == 3
    assert found["model"][0]["status"] == "fail"
    assert "not a GGUF file" in found["model"][0]["message"]
    assert found["model"][0]["fix"]


def test_a_missing_engine_fails(ask: Callable[..., Answer]) -> None:
    code, found = ask("--engine", "llama-server", "--engine-path", "/nowhere/llama-server")
    assert code == 3
    assert found["engine"][0]["status"] == "fail"
    assert found["engine"][0]["fix"]
    assert "model" not in found  # none was named


def test_hidden_config_files_and_variables(
    ask: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_ARG_CTX_SIZE", "512")
    user_file = tmp_path / "config" / "llama.cpp" / "config.ini"
    user_file.parent.mkdir(parents=True)
    user_file.touch()
    code, found = ask()
    assert code == 0
    assert [c["status"] for c in found["hidden settings"]] == ["warn", "warn"]
    assert str(user_file) in found["hidden settings"][0]["message"]
    assert "LLAMA_ARG_CTX_SIZE" in found["hidden settings"][1]["message"]
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "config.ini").touch()
    assert ask()[0] == 3


def marked(tuner_pid: str, tuner_start: str) -> subprocess.Popen[bytes]:
    """A process that carries a trial's marks, running its own program already."""
    marks = {TRIAL: "trial-0001", TUNER_PID: tuner_pid, TUNER_START: tuner_start}
    child = subprocess.Popen(
        [sys.executable, "-c", "print(1, flush=True); input()"],
        env={**os.environ, **marks},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    return child


def test_leftovers_of_a_tuner_that_is_gone(ask: Callable[..., Answer]) -> None:
    from autotune.launchers.marks import start_mark

    mine = start_mark(os.getpid())
    # Another run on this machine, a test's beside this one too, may sweep it before it is seen.
    for _ in range(5):
        with (
            marked(str(os.getpid()), "not my start") as gone,
            marked(str(os.getpid()), mine or "") as at,
        ):
            found = ask()[1]
            was_swept = gone.poll() is not None
            for child in (gone, at):
                child.communicate(None if child.poll() is not None else b"\n")
        if not was_swept:
            break
    (check,) = found["leftovers"]
    assert check["status"] == "warn"
    words = check["fix"].split()
    assert str(gone.pid) in words
    assert str(at.pid) not in words


def test_a_card_that_is_not_here_fails(ask: Callable[..., Answer]) -> None:
    code, found = ask("--gpu", "GPU-none-of-yours")
    assert code == 3
    assert "no GPU matches 'GPU-none-of-yours'" in found["gpu"][0]["message"]
    assert "--gpu cpu" in found["gpu"][0]["fix"]


def test_an_empty_gpu_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--gpu", ""]) == 2
    assert "error: --gpu is empty" in capsys.readouterr().err


def test_lines_for_a_person(
    ask: Callable[..., Answer], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "config.ini").touch()
    assert main(["doctor", "--gpu", "cpu", "--engine", "llama-server"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[ok]   gpu: none used: measures on the processor"
    assert any(line.startswith("[fail] hidden settings: ") for line in lines)
    assert any(line.startswith("       fix: move it away") for line in lines)
    assert all(line.startswith(("[ok]   ", "[warn] ", "[fail] ", "       fix: ")) for line in lines)


@pytest.fixture(scope="module")
def nvml_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C compiler, on Linux")
    folder = tmp_path_factory.mktemp("nvml")
    target = str(folder / "libnvidia-ml.so.1")
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", target, str(FAKE_NVML)], check=True)
    return folder


def doctor_with_cards(folder: Path, gpu: str, mode: str, cwd: Path) -> dict[str, Any]:
    """The checks of a doctor whose NVML is the compiled one."""
    env = {**os.environ, "LD_LIBRARY_PATH": str(folder), "FAKE_NVML": mode}
    code = "import sys; from autotune.cli import doctor, main; doctor.LOAD_SAMPLE_S = 0.06; "
    code += f"sys.exit(main.main(['doctor', '--gpu', {gpu!r}, '--json']))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


def test_3090_is_the_3090(nvml_folder: Path, tmp_path: Path) -> None:
    found = doctor_with_cards(nvml_folder, "3090", "cards", tmp_path)
    assert found["gpu"]["status"] == "ok"
    assert found["gpu"]["message"] == (
        "0: NVIDIA GeForce RTX 3090, 24.0 GiB (GPU-11111111-aaaa-bbbb-cccc-000000000001),"
        " driver 580.95.05"
    )
    assert found["gpu memory"]["status"] == "warn"  # 20 of 24 GiB free
    assert "pid 1 3.0 GiB" in found["gpu memory"]["message"]
    assert found["gpu clocks"]["status"] == "warn"
    assert "software thermal slowdown" in found["gpu clocks"]["message"]
    assert "power limit 280 W (default 350 W" in found["gpu clocks"]["message"]


def test_3080_is_not_here(nvml_folder: Path, tmp_path: Path) -> None:
    found = doctor_with_cards(nvml_folder, "3080", "cards", tmp_path)
    assert found["gpu"]["status"] == "fail"
    assert "RTX 3090 Ti" in found["gpu"]["message"]
    assert "gpu memory" not in found


def test_gb10_shares_its_memory(nvml_folder: Path, tmp_path: Path) -> None:
    found = doctor_with_cards(nvml_folder, "spark", "gb10", tmp_path)
    assert found["gpu"]["status"] == found["gpu memory"]["status"] == "ok"
    assert "memory shared with the processor" in found["gpu memory"]["message"]
