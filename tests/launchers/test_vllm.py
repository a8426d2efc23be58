"""What the vLLM launcher answers without a vLLM."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.protocol import CacheArm, EngineBuild, LaunchContext, Server
from autotune.launchers.vllm import GIB, VllmLauncher

MakeContext = Callable[..., LaunchContext]
MODEL = Path("/models/m")
PYTHON = Path("/venv/bin/python")
CARD: dict[str, Setting] = {"gpu-memory-utilization": 0.92, "max-num-seqs": 8}


def launcher(host_gib: int = 24) -> VllmLauncher:
    return VllmLauncher(PYTHON, host_bytes=host_gib * GIB)


def test_the_command_of_a_card(launch_context: MakeContext) -> None:
    context = launch_context(MODEL, gpu_uuid="GPU-1", port=4321)
    spec = launcher().command(Candidate(CARD), context)
    assert spec.argv == (
        *("/venv/bin/python", "-m", "vllm.entrypoints.openai.api_server", "--model", "/models/m"),
        *("--served-model-name", "local", "--host", "127.0.0.1", "--port", "4321"),
        *("--enable-prompt-tokens-details", "--generation-config", "vllm"),
        *("--no-enable-log-requests", "--disable-uvicorn-access-log", "--enable-prefix-caching"),
        *("--gpu-memory-utilization", "0.92", "--max-num-seqs", "8"),
    )
    assert spec.base_url == "http://127.0.0.1:4321"
    assert spec.env["CUDA_VISIBLE_DEVICES"] == "GPU-1"
    assert spec.env["VLLM_NO_USAGE_STATS"] == spec.env["HF_HUB_OFFLINE"] == "1"
    assert "VLLM_CPU_OMP_THREADS_BIND" not in spec.env
    assert spec.asked == CARD


def test_a_processor_has_a_cache_of_its_own_size_and_sees_no_card(
    launch_context: MakeContext,
) -> None:
    candidate = Candidate({"max-num-seqs": 8, "VLLM_CPU_NUM_OF_RESERVED_CPU": 0})
    spec = launcher().command(candidate, launch_context(MODEL))
    assert spec.argv[-2:] == ("--kv-cache-memory-bytes", str(6 * GIB))
    assert spec.asked["kv-cache-memory-bytes"] == 6 * GIB
    assert spec.env["CUDA_VISIBLE_DEVICES"] == ""
    assert spec.env["VLLM_CPU_OMP_THREADS_BIND"] == "auto"
    assert spec.env["VLLM_CPU_NUM_OF_RESERVED_CPU"] == "0"
    tiny = launcher(host_gib=2).command(candidate, launch_context(MODEL))
    assert tiny.asked["kv-cache-memory-bytes"] == GIB


def test_sockets_have_short_paths(launch_context: MakeContext) -> None:
    short = launch_context(MODEL, work_dir=Path("/tmp/autotune-abc/trial-0001-b0"))
    assert "VLLM_RPC_BASE_PATH" not in launcher().command(Candidate(), short).env
    deep = launch_context(MODEL, work_dir=Path("/home/somebody") / ("x" * 60))
    assert launcher().command(Candidate(), deep).env["VLLM_RPC_BASE_PATH"] == "/tmp"


def test_a_size_that_the_candidate_names_stands(launch_context: MakeContext) -> None:
    named = Candidate({"kv-cache-memory-bytes": 5})
    spec = launcher().command(named, launch_context(MODEL))
    assert spec.argv.count("--kv-cache-memory-bytes") == 1
    assert spec.asked == {"kv-cache-memory-bytes": 5}


def test_an_older_build_is_told_the_size_by_its_variable(launch_context: MakeContext) -> None:
    older = launcher()
    older._build = EngineBuild("vllm", str(PYTHON), "0.10", "0" * 64, frozenset({"max-num-seqs"}))
    spec = older.command(Candidate(), launch_context(MODEL))
    assert spec.env["VLLM_CPU_KVCACHE_SPACE"] == "6"
    assert "--kv-cache-memory-bytes" not in spec.argv


def test_requests_are_greedy_and_pinned_and_the_cold_arm_has_fresh_salt() -> None:
    warm = launcher().request_fields(CacheArm.ON, 9)
    assert warm == {
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "seed": 1,
        "max_tokens": 9,
        "min_tokens": 9,
        "ignore_eos": True,
    }
    salts = {launcher().request_fields(CacheArm.OFF, 9)["cache_salt"] for _ in range(3)}
    assert len(salts) == 3
    assert "max_tokens" not in launcher().request_fields(CacheArm.ON, None)


def test_an_export_is_without_our_name_and_reporting(launch_context: MakeContext) -> None:
    context = launch_context(MODEL, port=8080)
    exported = launcher().export_argv(Candidate(CARD), context)
    assert exported == (
        *("/venv/bin/python", "-m", "vllm.entrypoints.openai.api_server", "--model", "/models/m"),
        *("--host", "127.0.0.1", "--port", "8080"),
        *("--generation-config", "vllm", "--enable-prefix-caching"),
        *("--gpu-memory-utilization", "0.92", "--max-num-seqs", "8"),
    )
    reserved = launcher().export_argv(Candidate({"VLLM_CPU_NUM_OF_RESERVED_CPU": 2}), context)
    assert reserved[:3] == ("env", "VLLM_CPU_NUM_OF_RESERVED_CPU=2", "/venv/bin/python")
    assert reserved[-2] == "--kv-cache-memory-bytes"


class _Answers(http.server.BaseHTTPRequestHandler):
    """What a vLLM answers, as far as the launcher asks."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        cast("_Engine", self.server).asked.append(json.loads(self.rfile.read(length)))
        self._answer()

    def _answer(self) -> None:
        status, body = cast("_Engine", self.server).answers.get(self.path, (404, ""))
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Engine(http.server.HTTPServer):
    answers: dict[str, tuple[int, str]]
    asked: list[Any]


MODELS = json.dumps({"data": [{"id": "local", "root": "/models/m", "max_model_len": 4096}]})
METRICS = 'vllm:cache_config_info{block_size="32",cache_dtype="auto"} 1.0\n'


@pytest.fixture
def engine() -> Iterator[_Engine]:
    server = _Engine(("127.0.0.1", 0), _Answers)
    server.answers = {"/health": (200, ""), "/v1/models": (200, MODELS), "/metrics": (200, METRICS)}
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def server(engine: _Engine, launch_context: MakeContext) -> Server:
    context = launch_context(MODEL, port=engine.server_port)
    context.log_path.parent.mkdir(parents=True)
    context.log_path.write_text("INFO non-default args: {'max_num_seqs': 8}\n")
    spec = launcher().command(Candidate(), context)
    return Server(cast("Any", None), spec.base_url or "", spec, context)


def test_ready_when_it_is_healthy_and_serves_our_model(engine: _Engine, server: Server) -> None:
    assert launcher().ready(server)
    engine.answers["/health"] = (503, "")
    assert not launcher().ready(server)
    engine.answers |= {"/health": (200, ""), "/v1/models": (503, "")}
    assert not launcher().ready(server)


def test_another_model_on_the_port_is_another_server(engine: _Engine, server: Server) -> None:
    other = replace(server.context, model=Path("/models/other"))
    with pytest.raises(TrialError, match=r"serves /models/m, not /models/other") as caught:
        launcher().ready(Server(server.process, server.base_url, server.spec, other))
    assert caught.value.failure.kind is FailureKind.WRONG_SERVER


def test_what_it_runs_with_is_read_from_three_places(engine: _Engine, server: Server) -> None:
    assert launcher().effective(server) == {
        "max-num-seqs": 8,
        "block-size": 32,
        "kv-cache-dtype": "auto",
        "max-model-len": 4096,
    }


def test_prompts_are_counted_with_their_tools(engine: _Engine, server: Server) -> None:
    engine.answers["/tokenize"] = (200, json.dumps({"count": 41, "tokens": [1, 2]}))
    messages = ({"role": "user", "content": "hi"},)
    assert launcher().count_tokens(server, messages, ({"type": "function"},)) == 41
    assert launcher().count_tokens(server, messages, ()) == 41
    assert engine.asked == [
        {"model": "local", "messages": [*messages], "tools": [{"type": "function"}]},
        {"model": "local", "messages": [*messages]},
    ]
    engine.answers["/tokenize"] = (400, json.dumps({"error": {"message": "no user message"}}))
    with pytest.raises(TrialError, match="no user message"):
        launcher().count_tokens(server, messages, ())
