"""``autotune run --executor ray``: what is sent, what is shown, and how it ends."""

from __future__ import annotations

import io
import json
import platform
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import fake_ray
import optuna
import pytest
from fake_ray import FakeRay, news

from autotune.cli import run_ray as run_ray_module
from autotune.cli.io import CommandIO
from autotune.cli.ray_flags import RayFlags
from autotune.cli.run import Run
from autotune.cli.run_ray import open_first, run_ray
from autotune.errors import ExitCode, MachineError, UserError
from autotune.search.events import Summary
from autotune.search.request import RunRequest
from autotune.team import ray_cluster
from autotune.team.worker_settings import WorkerSettings

STORAGE = "postgresql://me@db.example/lab"
REQUEST = RunRequest(workload=Path("/w"), gpu="cpu", study="team", budget_s=600.0)
ARGV = ("autotune", "run", "--executor", "ray")
SUMMARY = Summary("team", "/n/studies/team", 1, "nothing beats the default", None, None, None)

Cluster = Callable[..., RayFlags]


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    for name in ("POLL_S", "AGAIN_S"):
        monkeypatch.setattr(ray_cluster, name, 0.0)
    monkeypatch.setattr(run_ray_module, "open_first", lambda _: None)
    return fake_ray.install(monkeypatch)


@pytest.fixture
def cluster(ray: FakeRay) -> Iterator[Cluster]:
    """Options for a cluster of so many hosts with two cores each."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"

        def make(*hosts: str, **more: Any) -> RayFlags:
            ray.rows = [
                {
                    "NodeID": host,
                    "NodeManagerHostname": host,
                    "Resources": {"CPU": 2.0},
                    "Alive": True,
                }
                for host in hosts
            ]
            return RayFlags(**{"address": address, "storage": STORAGE, **more})

        yield make


def ended(**fields: Any) -> dict[str, Any]:
    return news("x", {"host": "a"}, {"ended": fields}, ended=True)


def done(summary: Summary = SUMMARY) -> dict[str, Any]:
    return ended(exit_code=summary.exit_code, summary=json.loads(json.dumps(asdict(summary))))


def test_a_worker_on_each_node_and_the_verdict_at_the_end(
    ray: FakeRay, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    for slot in (1, 2, 3):
        ray.scripts[slot] = [done()]
    assert run_ray(REQUEST, cluster("a", "b", "c"), CommandIO(argv=ARGV)) == ExitCode.NOTHING_BETTER
    said = capsys.readouterr()
    assert "nothing beats the default" in said.out
    assert "Ray: 3 nodes; 3 workers, each with CPU=2" in said.err
    assert "paths are of the host of worker 1" in said.out


def test_the_number_of_workers_can_be_said(ray: FakeRay, cluster: Cluster) -> None:
    ray.scripts[1] = [done()]
    run_ray(REQUEST, cluster("a", "b", workers=1, place=["cpu=1"]), CommandIO(argv=ARGV))
    assert list(ray.actors) == [1]
    assert ray.actors[1].options["num_cpus"] == 1.0


def test_a_password_is_neither_sent_nor_shown(
    ray: FakeRay,
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("AUTOTUNE_STORAGE_PASSWORD", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hushhush")
    ray.scripts[1] = [done()]
    run_ray(REQUEST, cluster("a", artifacts="s3://lab/a"), CommandIO(argv=ARGV))
    assert "hushhush" not in json.dumps(ray.actors[1].settings)
    assert "hushhush" not in str(ray.inits)
    said = capsys.readouterr()
    assert "hushhush" not in said.out + said.err


def test_workers_are_told_what_is_asked_and_until_when(ray: FakeRay, cluster: Cluster) -> None:
    ray.scripts[1] = [done()]
    run_ray(REQUEST, cluster("a", artifacts="/mnt/a"), CommandIO(argv=ARGV))
    settings = ray.actors[1].settings
    assert (settings["study"], settings["artifacts"]) == ("team", "/mnt/a")
    assert settings["request"]["workload"] == "/w"
    assert Path(settings["request"]["studies_dir"]).is_absolute()
    assert settings["until"] > 0


def test_the_best_end_speaks_for_the_study_and_failures_are_named(
    ray: FakeRay, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    ray.scripts[1] = [ended(exit_code=2, error="another engine build", hint="install the same")]
    ray.scripts[2] = [done()]
    ray.scripts[3] = [done(Summary("team", "/n", 0, "trial 3 is faster", 3, 1.2, (1.1, 1.3)))]
    assert run_ray(REQUEST, cluster("a", "b", "c"), CommandIO(argv=ARGV)) == ExitCode.DONE
    said = capsys.readouterr()
    assert "trial 3 is faster" in said.out
    assert "warning: worker 1 failed: another engine build" in said.err


@pytest.mark.parametrize(("code", "kind"), [(2, UserError), (3, MachineError)])
def test_where_every_worker_fails_so_does_the_run(
    code: int, kind: type[Exception], ray: FakeRay, cluster: Cluster
) -> None:
    for slot in (1, 2):
        ray.scripts[slot] = [ended(exit_code=code, error="no engine", hint="install one")]
    with pytest.raises(kind, match="every worker failed: no engine") as caught:
        run_ray(REQUEST, cluster("a", "b"), CommandIO(argv=ARGV))
    assert caught.value.hint == "install one"  # type: ignore[attr-defined]


def test_ctrl_c_twice_says_how_to_go_on(
    ray: FakeRay, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    ray.scripts[1] = [news("x", {"host": "a"})]
    ray.on_stop[1] = [ended(exit_code=130)]
    calls = iter(range(100))

    def interrupt() -> None:
        if next(calls) == 2:
            raise KeyboardInterrupt

    ray.on_wait = interrupt
    assert run_ray(REQUEST, cluster("a"), CommandIO(argv=ARGV)) == ExitCode.INTERRUPTED
    assert "to go on: autotune run --executor ray" in capsys.readouterr().err
    assert ray.actors[1].stops == [True]


def test_json_is_one_object_a_line(
    ray: FakeRay, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    ray.scripts[1] = [done()]
    run_ray(REQUEST, cluster("a"), CommandIO(json=True, argv=ARGV))
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [row["event"] for row in rows] == [
        "cluster_joined",
        "worker_placed",
        "worker_ended",
        "summary",
    ]


def test_a_file_of_this_host_is_no_storage_for_others(ray: FakeRay, cluster: Cluster) -> None:
    with pytest.raises(UserError, match="is a file of this host"):
        run_ray(
            REQUEST,
            cluster(platform.node(), "b", storage="sqlite:////tmp/a.db"),
            CommandIO(argv=ARGV),
        )
    ray.scripts[1] = [done()]
    run_ray(REQUEST, cluster(platform.node(), storage="sqlite:////tmp/a.db"), CommandIO(argv=ARGV))


@pytest.mark.parametrize(
    ("options", "request_", "words"),
    [
        (RayFlags(storage=None), REQUEST, "no storage"),
        (RayFlags(storage=STORAGE), RunRequest(workload=Path("/w")), "needs a name of its own"),
        (
            RayFlags(storage=STORAGE),
            RunRequest(workload=Path("/w"), study="s", new_study=True),
            "needs a name of its own",
        ),
        (RayFlags(storage=STORAGE, artifacts="gs://a"), REQUEST, "cannot be kept"),
        (RayFlags(storage=STORAGE, address="ray://a:1"), REQUEST, "HOST:PORT"),
    ],
)
def test_what_cannot_be_shared_is_refused_before_ray_is_asked(
    options: RayFlags, request_: RunRequest, words: str, ray: FakeRay
) -> None:
    with pytest.raises(UserError, match=words) as caught:
        run_ray(request_, options, CommandIO(argv=ARGV))
    assert caught.value.hint
    assert ray.inits == []


def test_several_engines_are_refused() -> None:
    asked = {"workload": "/w", "engine": "llama-server,vllm", "model": "m.gguf"}
    with pytest.raises(UserError, match="tune one engine"):
        run_ray(
            Run.model_validate(asked).request(), RayFlags(storage=STORAGE), CommandIO(argv=ARGV)
        )


def test_the_flags_lead_there(ray: FakeRay, cluster: Cluster) -> None:
    flags = cluster("a", executor="ray", workers=1, heartbeat=5.0)
    asked = {"workload": "/w", "model": "m.gguf", "gpu": "cpu", "study": "team"}
    ray.scripts[1] = [done()]
    said = Run.model_validate({**asked, **flags.model_dump(exclude_unset=True)})
    assert said.run(CommandIO(argv=ARGV)) == ExitCode.NOTHING_BETTER
    assert ray.actors[1].settings["heartbeat_s"] == 5
    assert ray.actors[1].settings["request"]["model"].endswith("/m.gguf")


def test_the_study_is_made_before_anybody_works_on_it(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    open_first(WorkerSettings(request=REQUEST, storage=storage, study="team"))
    assert optuna.get_all_study_names(storage) == ["team"]


def test_a_database_that_does_not_answer_is_told_before_anything_is_placed(tmp_path: Path) -> None:
    (tmp_path / "shared.db").write_text("no database at all, but long enough to be looked at" * 20)
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    with pytest.raises(MachineError, match="does not answer"):
        open_first(WorkerSettings(request=REQUEST, storage=storage, study="team"))
