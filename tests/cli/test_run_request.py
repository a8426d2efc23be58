"""From settings to the request that the search takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.cli.run import Run
from autotune.cli.run_request import request_of
from autotune.cli.worker import Worker
from autotune.errors import UserError
from autotune.search.request import RunRequest

SAID = {"workload": "wl.jsonl", "engine": "reference", "budget": "2h", "study": "s", "trials": 7}


@pytest.mark.parametrize("command", [Run, Worker])
def test_both_commands_ask_for_the_same(command: type[Run] | type[Worker]) -> None:
    request = request_of(command.model_validate(SAID))
    assert isinstance(request, RunRequest)
    assert request.workload == Path("wl.jsonl")
    assert (request.budget_s, request.trials, request.study) == (7200.0, 7, "s")
    assert request.engine == "reference"
    assert request.noise_cache is not None


def test_without_a_workload_there_is_nothing_to_replay() -> None:
    with pytest.raises(UserError, match="no workload"):
        request_of(Run.model_validate({"engine": "reference"}))
