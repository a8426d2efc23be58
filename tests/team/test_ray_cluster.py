"""The driver of a cluster run: what it tells, and that it ends with no worker left behind."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_ray
import pytest
from fake_ray import ActorDiedError, ActorUnavailableError, FakeRay, news

from autotune.errors import MachineError, UserError
from autotune.search.events import TrialStarted
from autotune.search.request import RunRequest
from autotune.team import ray_cluster
from autotune.team.event_wire import to_wire
from autotune.team.placing import Node, Placement
from autotune.team.ray_cluster import connected, run_workers
from autotune.team.ray_progress import Away, Ended, Joined, Placed, Progress, Told, WorkerEnd
from autotune.team.worker_settings import WorkerSettings

NODES = [Node("1", "a", {"CPU": 2.0}), Node("2", "b", {"CPU": 2.0})]
PLACEMENT = Placement({"CPU": 2.0, "disk": 1.0})
SETTINGS = WorkerSettings(
    request=RunRequest(workload=Path("/w")), storage="postgresql://u@h/d", study="s"
)
DONE = {"ended": {"exit_code": 0, "summary": {"study": "s"}}}
ON_A, ON_B = {"host": "a"}, {"host": "b"}
LOST = {"ended": {"lost": True}}


def started(number: int) -> dict[str, Any]:
    row = to_wire(TrialStarted(number, {}))
    assert row is not None
    return row


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """Ray whose times are short: nothing here waits for a real cluster."""
    for name in ("POLL_S", "AGAIN_S"):
        monkeypatch.setattr(ray_cluster, name, 0.0)
    return fake_ray.install(monkeypatch)


def run(
    ray: FakeRay, workers: int = 1, stop: threading.Event | None = None
) -> tuple[list[WorkerEnd], list[Progress]]:
    told: list[Progress] = []
    ends = run_workers(SETTINGS, PLACEMENT, NODES, workers, told.append, stop or threading.Event())
    return ends, told


def test_a_worker_is_placed_heard_and_its_resources_given_back(ray: FakeRay) -> None:
    ray.scripts[1] = [news("x", ON_A, started(0)), news("x", DONE, ended=True)]
    ends, told = run(ray)
    assert [end.exit_code for end in ends] == [0]
    assert told == [
        Joined(2, "CPU=2, disk=1", 1, 0),
        Placed(1, "a", again=False),
        Told(1, "a", TrialStarted(0, {})),
        Ended(1, "a", ends[0]),
    ]
    actor = ray.actors[1]
    assert actor.kills == [True]
    assert actor.asked == [("", 0), ("x", 2)]
    assert actor.options["resources"] == {"disk": 1.0}
    assert actor.options["max_restarts"] == -1
    assert actor.settings["request"]["workload"] == "/w"


def test_every_worker_gets_its_own_slot(ray: FakeRay) -> None:
    for slot in (1, 2, 3):
        ray.scripts[slot] = [news("x", ON_A, DONE, ended=True)]
    ends, _ = run(ray, workers=3)
    assert len(ends) == 3
    assert [ray.actors[slot].settings["slot"] for slot in (1, 2, 3)] == [1, 2, 3]


def test_a_worker_whose_node_is_removed_is_placed_anew_and_told_of(ray: FakeRay) -> None:
    ray.scripts[1] = [
        news("x", ON_A, started(0)),
        ActorUnavailableError(),
        ActorDiedError(),
        ActorUnavailableError(),
        news("y", ON_B, started(1)),
        news("y", DONE, ended=True),
    ]
    _, told = run(ray)
    assert [p for p in told if isinstance(p, (Placed, Away))] == [
        Placed(1, "a", again=False),
        Away(1, "a", "its node is gone"),
        Placed(1, "b", again=True),
    ]
    assert [p.event for p in told if isinstance(p, Told)] == [
        TrialStarted(0, {}),
        TrialStarted(1, {}),
    ]


def test_an_actor_that_ray_gives_up_ends_its_worker(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "DEAD_S", -1.0)
    ray.scripts[1] = [news("x", ON_A), ActorDiedError(), ActorDiedError()]
    (end,), _ = run(ray)
    assert end.failed
    assert "gave it up" in end.error


def test_a_process_that_crashes_is_placed_anew_but_not_for_ever(ray: FakeRay) -> None:
    lives = [news(life, ON_A, LOST, ended=True) for life in "abcd"]
    ray.scripts[1] = [*lives]
    (end,), told = run(ray)
    assert "crashed (4 times)" in end.error
    assert ray.actors[1].kills == [False, False, False, True]
    assert sum(isinstance(p, Away) for p in told) == 3


def test_an_actor_that_cannot_be_made_says_why(ray: FakeRay) -> None:
    text = "The actor died\n\nModuleNotFoundError: No module named 'autotune'\n"
    ray.scripts[1] = [ActorDiedError(text, actor_init_failed=True)]
    (end,), _ = run(ray)
    assert "No module named 'autotune'" in end.error
    assert "every node" in end.hint


def test_an_error_of_the_worker_is_its_end(ray: FakeRay) -> None:
    failed = {"exit_code": 2, "error": "another engine build", "hint": "install the same"}
    ray.scripts[1] = [news("x", ON_A, {"ended": failed}, ended=True)]
    (end,), _ = run(ray)
    assert (end.exit_code, end.error, end.hint) == (2, "another engine build", "install the same")


def test_a_polite_stop_is_told_once_to_each_life(ray: FakeRay) -> None:
    stop = threading.Event()
    stopped = {"ended": {"exit_code": 75, "summary": {"study": "s"}}}
    ray.scripts[1] = [news("x", ON_A), news("x"), news("x")]
    ray.on_stop[1] = [news("x", stopped, ended=True)]
    ray.on_wait = lambda: stop.set() if not ray.actors[1].script[1:] else None
    (end,), _ = run(ray, stop=stop)
    assert ray.actors[1].stops == [False]
    assert end.exit_code == 75


def test_a_worker_that_has_not_begun_is_not_begun_for_a_stop(ray: FakeRay) -> None:
    stop = threading.Event()
    stop.set()
    (end,), _ = run(ray, stop=stop)
    assert (end.exit_code, end.failed) == (75, False)
    assert ray.actors[1].kills == [True]


def test_a_second_ctrl_c_stops_every_engine_before_it_is_raised(ray: FakeRay) -> None:
    for slot in (1, 2):
        ray.scripts[slot] = [news("x", ON_A)]
        ray.on_stop[slot] = [news("x", {"ended": {"exit_code": 130}}, ended=True)]
    calls = iter(range(100))

    def interrupt() -> None:
        if next(calls) == 2:
            raise KeyboardInterrupt

    ray.on_wait = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(ray, workers=2)
    for slot in (1, 2):
        assert ray.actors[slot].stops == [True]
        assert ray.actors[slot].kills == [True]


def test_a_worker_that_does_not_stop_is_killed_in_the_end(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "LAST_S", 0.05)
    ray.scripts[1] = [news("x", ON_A)]
    calls = iter(range(10**9))

    def interrupt() -> None:
        if next(calls) == 1:
            raise KeyboardInterrupt

    ray.on_wait = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(ray)
    assert ray.actors[1].stops == [True]
    assert ray.actors[1].kills == [True]


def test_a_worker_of_another_version_ends_the_run_and_leaves_none(ray: FakeRay) -> None:
    ray.scripts[1] = [news("x", ON_A, {"event": "Odd", "fields": {}})]
    ray.on_stop[1] = [news("x", {"ended": {"exit_code": 130}}, ended=True)]
    with pytest.raises(MachineError, match="not understood"):
        run(ray)
    assert ray.actors[1].kills == [True]


@pytest.fixture
def listening() -> Iterator[str]:
    """An address at which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_the_nodes_that_are_alive_are_given_and_stdout_stays_data(
    ray: FakeRay, listening: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"NodeID": "1", "NodeManagerHostname": "a", "Resources": {"CPU": 2.0}, "Alive": True}
    ray.rows = [row, {**row, "NodeID": "2", "Alive": False}]
    with connected(listening) as nodes:
        assert nodes == [Node("1", "a", {"CPU": 2.0})]
        assert ray.shutdowns == 0
        print("what Ray prints of a node that is lost")
    assert ray.shutdowns == 1
    assert ray.inits[0]["address"] == listening
    assert "runtime_env" not in ray.inits[0]
    assert capsys.readouterr().out == ""


def test_without_a_cluster_the_way_to_start_one_is_told(ray: FakeRay, listening: str) -> None:
    port = int(listening.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
    assert free != port
    with pytest.raises(MachineError, match="no Ray cluster answers") as caught:
        connected(f"127.0.0.1:{free}").__enter__()
    assert "ray start" in caught.value.hint
    assert ray.inits == []


def unauthenticated() -> ConnectionError:
    """What Ray raises for a token that is wrong: the reason is behind it only."""
    error = ConnectionError("Failed to connect to Ray cluster")
    error.__cause__ = RuntimeError("a trace\nUnauthenticated: RPC error: InvalidAuthToken")
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (fake_ray.AuthenticationError("token hushhush"), UserError, "does not take the token"),
        (unauthenticated(), UserError, "does not take the token"),
        (ConnectionError("cannot\nand more"), MachineError, "cannot be joined: cannot"),
        (RuntimeError("Version mismatch: 2.60 and 2.61"), MachineError, "Version mismatch"),
    ],
)
def test_a_cluster_that_cannot_be_joined_says_why(
    error: Exception, kind: type[Exception], words: str, ray: FakeRay, listening: str
) -> None:
    ray.init_error = error
    with pytest.raises(kind, match=words) as caught:
        connected(listening).__enter__()
    assert "hushhush" not in str(caught.value)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="Ray, which is not installed") as caught:
        connected("127.0.0.1:1").__enter__()
    assert "autotune-serving[ray]" in caught.value.hint
