from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.hardware.engines import engine_name, running_engines
from autotune.hardware.processes import (
    TreeTimes,
    process_name,
    tree,
    tree_times,
    used_between,
    with_variable,
)

BURN = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass"


def test_a_tree_has_children_of_children() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        deadline = time.monotonic() + 20
        while len(tree([child.pid])) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        pids = {process.pid for process in tree([child.pid])}
        assert child.pid in pids
        assert len(pids) == 2
        assert pids <= tree_times([os.getpid()]).pids
        child.communicate(b"\n")
    assert tree([child.pid]) == []


def test_an_ended_child_s_time_is_not_lost_nor_counted_twice() -> None:
    at = time.time()
    before = tree_times([os.getpid()])
    subprocess.run([sys.executable, "-c", BURN], check=True)
    after = tree_times([os.getpid()])
    used = used_between(before, after, at)
    assert 0.19 <= used < 5.0
    assert used_between(after, tree_times([os.getpid()]), time.time()) < 0.19


@pytest.mark.parametrize(
    ("before", "after", "used"),
    [
        ({(1, 0.0): 5.0}, {(1, 0.0): 7.0}, 2.0),
        # a new child counts from its start (it began at 101, we looked at 100)
        ({(1, 0.0): 5.0}, {(1, 0.0): 5.0, (2, 101.0): 0.5}, 0.5),
        # an older process that only now belongs to us counts from now
        ({(1, 0.0): 5.0}, {(1, 0.0): 5.0, (2, 50.0): 90.0}, 0.0),
        # child 2 had used 3, used 1 more and was waited for: its 4 are in its parent's now
        ({(1, 0.0): 5.0, (2, 50.0): 3.0}, {(1, 0.0): 9.0}, 1.0),
        # a child that nobody waited for takes what it used with it
        ({(1, 0.0): 5.0, (2, 50.0): 3.0}, {(1, 0.0): 5.0}, 0.0),
        # the same number is another process
        ({(7, 10.0): 5.0}, {(7, 101.0): 0.25}, 0.0),
        ({}, {}, 0.0),
    ],
)
def test_used_between(
    before: dict[tuple[int, float], float], after: dict[tuple[int, float], float], used: float
) -> None:
    assert used_between(TreeTimes(before), TreeTimes(after), 100.0) == pytest.approx(used)


times = st.dictionaries(
    st.tuples(st.integers(1, 5), st.floats(0, 200)), st.floats(0, 1000), max_size=5
)


@given(times, times)
def test_never_negative(
    before: dict[tuple[int, float], float], after: dict[tuple[int, float], float]
) -> None:
    assert used_between(TreeTimes(before), TreeTimes(after), 100.0) >= 0.0


def test_processes_are_found_by_a_variable_in_their_environment() -> None:
    env = {**os.environ, "AUTOTUNE_TEST_MARK": "here"}
    argv = [sys.executable, "-c", "print(1, flush=True); input()"]
    with subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()  # it runs its own program by now
        found = dict(with_variable("AUTOTUNE_TEST_MARK"))
        assert found[child.pid]["AUTOTUNE_TEST_MARK"] == "here"
        assert os.getpid() not in found
        child.communicate(b"\n")


def test_process_names() -> None:
    assert "python" in process_name(os.getpid()).lower() or "pytest" in process_name(os.getpid())
    assert process_name(2**22 + 7) == "process"


@pytest.mark.parametrize(
    ("name", "cmdline", "engine"),
    [
        ("llama-server", ["/opt/llama/llama-server", "-m", "x.gguf"], "llama-server"),
        ("llama-server", [], "llama-server"),
        ("ollama", ["/usr/bin/ollama", "serve"], "ollama"),
        ("python3.12", ["/venv/bin/python3.12", "/venv/bin/vllm", "serve", "m"], "vllm"),
        ("vllm", ["/venv/bin/vllm", "serve"], "vllm"),
        ("python", ["python", "-m", "vllm.entrypoints.openai.api_server"], "vllm"),
        ("python", ["python3", "-m", "sglang.launch_server", "--port", "1"], "sglang"),
        ("python", ["python", "-m", "llama_cpp.server"], "llama_cpp.server"),
        ("VLLM::EngineCor", ["VLLM::EngineCore"], "vllm"),
        ("sglang::schedul", ["sglang::scheduler_TP0"], "sglang"),
        ("ollama.exe", ["C:/ollama.exe"], "ollama"),
        ("uv", ["uv", "run", "vllm", "serve"], None),
        ("bash", ["bash", "-c", "echo llama-server"], None),
        ("vim", ["vim", "vllm"], None),
        ("grep", ["grep", "llama-server"], None),
        ("python", ["python", "-m"], None),
        ("python", ["python", "script.py", "vllm"], None),
        ("llama-servers", [], None),
    ],
)
def test_engine_names(name: str, cmdline: list[str], engine: str | None) -> None:
    assert engine_name(name, cmdline) == engine


def test_running_engines_are_found_unless_ours() -> None:
    argv = ["llama-server", "-c", "print(1, flush=True); input()"]
    with subprocess.Popen(
        argv, executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = {engine.pid: engine for engine in running_engines()}
        assert found[child.pid].name == "llama-server"
        assert (found[child.pid].resident_bytes or 0) > 2**20
        assert child.pid not in {e.pid for e in running_engines(ours={child.pid})}
        child.communicate(b"\n")
