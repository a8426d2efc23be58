"""Router mode: the child's own lines, and what is said when nothing loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autotune.export.verify.router import child_log, child_of
from autotune.launchers.failure import TrialError
from autotune.launchers.llama_log import settings_in_log
from autotune.launchers.protocol import LaunchContext, LaunchSpec, Server

LOG = """\
0.00.002 I cmn common_param: system_info: n_threads = 8 (n_threads_batch = 8) / 8
0.00.053 I srv load: spawning server instance with name=fast on port 39995
[39995] 0.00.003 I cmn common_param: system_info: n_threads = 2 (n_threads_batch = 3) / 8
[39995] 0.00.160 I llama_context: n_ctx                 = 2048
[  123] 0.00.160 I llama_context: n_ctx                 = 1
"""


def test_only_the_childs_lines_count() -> None:
    found = settings_in_log(child_log(LOG, "39995"))
    assert found == {"threads": 2, "threads-batch": 3, "ctx-size": 2048}


def test_a_child_is_a_server_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "router.log"
    log.write_text(LOG)
    context = LaunchContext(Path("/m"), tmp_path, log, "t")
    spec = LaunchSpec(("x",), {}, tmp_path)
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        server = Server(process, "http://127.0.0.1:4321", spec, context)
        child = child_of(server)
        assert child.base_url == "http://127.0.0.1:39995"
        assert "n_threads = 8" not in child.log_text()
        log.write_text("nothing\n")
        with pytest.raises(TrialError, match="did not say where"):
            child_of(server)
