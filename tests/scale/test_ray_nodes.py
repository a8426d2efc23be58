"""A study on a real Ray cluster of several nodes: nodes are lost, and no trial is.

Needs Ray, AUTOTUNE_TEST_RAY=1 and the reference model: ``make test-scale``. What the driver decides
is tested without Ray in ``tests/team/test_ray_cluster.py``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest
from ray_nodes import Hosts, RayNodes, hosts, interrupt, ray_nodes, until

from autotune.errors import ExitCode
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

pytestmark = [
    pytest.mark.scale,
    pytest.mark.skipif(
        os.environ.get("AUTOTUNE_TEST_RAY") != "1",
        reason="no Ray cluster asked for: make test-scale",
    ),
    pytest.mark.timeout(1500),
]

TRIALS = 4
SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
ENDED = (ExitCode.DONE, ExitCode.NOTHING_BETTER)


@dataclass
class Driver:
    """``autotune run --executor ray`` and what it says, event by event."""

    popen: subprocess.Popen[str]
    log: Path
    events: list[dict[str, Any]] = field(default_factory=list)

    def until(self, name: str, count: int = 1, **fields: object) -> dict[str, Any]:
        """The event that is the `count`-th of this name and these fields."""
        assert self.popen.stdout is not None
        while True:
            found = [e for e in self.events if e["event"] == name and fields.items() <= e.items()]
            if len(found) >= count:
                return found[count - 1]
            line = self.popen.stdout.readline()
            assert line, f"it ended before {name}: {self.errors()}"
            self.events.append(json.loads(line))

    def end(self) -> int:
        """Its exit code, once it has told everything."""
        assert self.popen.stdout is not None
        self.events += [json.loads(line) for line in self.popen.stdout]
        return self.popen.wait()

    def errors(self) -> str:
        """What it wrote to stderr."""
        return self.log.read_text(errors="replace")

    def close(self) -> None:
        """Nothing of it is left."""
        assert self.popen.stdout is not None
        self.popen.kill()
        self.popen.wait()
        self.popen.stdout.close()


@dataclass
class Site:
    """A workload, a model, a storage and a place for artefacts that every node sees."""

    folder: Path
    model: Path
    engine: str
    drivers: list[Driver] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "VIRTUAL_ENV")}
        return {**kept, "HOME": str(self.folder / "home"), "RAY_USAGE_STATS_ENABLED": "0"}

    @property
    def storage(self) -> str:
        return f"sqlite:///{self.folder / 'shared.db'}"

    def start(self, cluster: RayNodes, *more: str, within: tuple[str, ...] = ()) -> Driver:
        argv = ["run", "--executor", "ray", "--address", cluster.address, "--json"]
        argv += ["--storage", self.storage, "--study", "team", "--studies-dir", str(self.folder)]
        argv += ["--artifacts", str(self.folder / "artefacts"), "--engine", self.engine]
        argv += ["--model", str(self.model), "--workload", str(self.folder / "wl.jsonl")]
        argv += ["--gpu", "cpu", "--max-output-tokens", "4", "--confirm-blocks", "1"]
        argv += ["--heartbeat", "5s"]
        argv += ["--no-effects", "--no-hold", "--no-usual-chart", "--no-early-stop"]
        log = self.folder / f"driver{len(self.drivers)}.log"
        with log.open("wb") as err:
            popen = subprocess.Popen(
                [*within, sys.executable, "-m", "autotune.cli.main", *argv, *more],
                env=self.env,
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
            )
        self.drivers.append(Driver(popen, log))
        return self.drivers[-1]

    def study(self) -> optuna.Study:
        return optuna.load_study(study_name="team", storage=self.storage)

    def engines(self) -> list[int]:
        """Engines that serve this test's own copy of the model."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                line = " ".join(process.cmdline())
                if str(self.model) in line and "autotune.cli" not in line:
                    found.append(process.pid)
        return found


@pytest.fixture
def site(tmp_path: Path, fake_model: Path, fake_engine_manifest: Callable[..., Path]) -> Site:
    """Where faults are made the engine is the fake one: a turn takes a tenth of a second."""
    spec = SynthesisSpec(sessions=3, turns=3, start_depth=800, depth=1100, reply_tokens=16)
    write_capture(synthesize(spec), tmp_path / "wl.jsonl")
    manifest = fake_engine_manifest(token_us=20000.0, search_space=str(SPACE))
    return Site(tmp_path, fake_model, str(manifest))


@pytest.fixture
def real_site(site: Site, smollm2: Path) -> Site:
    """The same with the reference engine and a real model."""
    # A file of its own: its engines are told by it from others', and symbolic links are followed.
    site.model = site.folder / "real-model.gguf"
    shutil.copyfile(smollm2, site.model)
    site.engine = "reference"
    return site


@pytest.fixture
def cluster(site: Site) -> Iterator[RayNodes]:
    with ray_nodes(site.env) as made:
        yield made
    for driver in site.drivers:
        driver.close()


def check_nothing_lost_or_counted_twice(site: Site, least: int) -> None:
    """Every trial ended, as many as asked for have an outcome, what was cut short was run again
    once at most, and a finished folder has each turn of each whole trial once.

    A trial that was cut short is not run again where the others have measured enough by then.
    """
    study = site.study()
    trials = study.get_trials(deepcopy=False)
    state = optuna.trial.TrialState
    assert not [t.number for t in trials if t.state in (state.RUNNING, state.WAITING)]
    again = Counter(t.user_attrs["retry_of"] for t in trials if "retry_of" in t.user_attrs)
    failed = {t.number for t in trials if t.state == state.FAIL}
    assert set(again) <= failed
    assert set(again.values()) <= {1}
    whole = [t for t in trials if t.user_attrs.get("outcome") == "complete"]
    assert len([t for t in trials if "outcome" in t.user_attrs]) >= least
    numbers = {t.number for t in whole}
    ended = [StudyFolder(path.parent) for path in site.folder.glob("team*/result.json")]
    assert ended
    for folder in ended:
        records = list(folder.read_turns())
        assert set(Counter((r.arm, r.block, r.order) for r in records).values()) == {1}
        assert {n for n in numbers if f"trial-{n:04d}" in {r.arm for r in records}} == numbers
        assert {t["number"] for t in folder.read_trials() if t["state"] == "complete"} == numbers


def test_three_workers_on_three_nodes_finish_a_study(real_site: Site, cluster: RayNodes) -> None:
    site = real_site
    cluster.start("head", cpus=1)
    cluster.start("b", cpus=1, resources={"seat": 1})
    cluster.start("c", cpus=1)
    driver = site.start(cluster, "--trials", str(TRIALS), "--place", "cpu=1")
    joined = driver.until("cluster_joined")
    assert (joined["nodes"], joined["workers"], joined["room"]) == (3, 3, 3)
    assert driver.end() in ENDED, driver.errors()
    placed = {e["worker"] for e in driver.events if e["event"] == "worker_placed"}
    assert placed == {1, 2, 3}
    check_nothing_lost_or_counted_twice(site, TRIALS)
    until(lambda: site.engines() == [], "no engine is left")


def test_a_node_that_is_removed_has_its_worker_placed_anew(site: Site, cluster: RayNodes) -> None:
    cluster.start("head", cpus=2)
    lost = cluster.start("b", cpus=1, resources={"seat": 1})
    driver = site.start(cluster, "--trials", str(TRIALS), "--place", "cpu=1", "--workers", "2")
    for worker in (1, 2):
        driver.until("trial_started", worker=worker)
    assert lost.workers(), "Ray spread the workers over both nodes"
    lost.lose_ray()
    away = driver.until("worker_away")
    again = driver.until("worker_placed", again=True)
    assert again["worker"] == away["worker"]
    until(lambda: lost.workers() == [], "nothing is left on the node that was removed")
    assert driver.end() in ENDED, driver.errors()
    check_nothing_lost_or_counted_twice(site, TRIALS)
    until(lambda: site.engines() == [], "no engine is left")


def test_a_worker_that_is_killed_is_placed_anew(site: Site, cluster: RayNodes) -> None:
    head = cluster.start("head", cpus=1)
    driver = site.start(cluster, "--trials", str(TRIALS), "--place", "cpu=1")
    driver.until("trial_started", count=2)
    for process in head.workers():
        process.kill()
    assert driver.until("worker_away")["reason"] == "its process crashed"
    assert driver.end() in ENDED, driver.errors()
    check_nothing_lost_or_counted_twice(site, TRIALS)
    until(lambda: site.engines() == [], "no engine is left")


def test_ctrl_c_once_ends_after_the_trials_and_the_same_command_goes_on(
    site: Site, cluster: RayNodes
) -> None:
    cluster.start("head", cpus=2)
    words = ("--trials", str(TRIALS), "--place", "cpu=1", "--workers", "2")
    driver = site.start(cluster, *words)
    for worker in (1, 2):
        driver.until("trial_started", worker=worker)
    interrupt(driver.popen)
    assert driver.end() == ExitCode.STOPPED_EARLY, driver.errors()
    until(lambda: site.engines() == [], "no engine is left")
    again = site.start(cluster, *words)
    assert again.end() in ENDED, again.errors()
    check_nothing_lost_or_counted_twice(site, TRIALS)


def test_ctrl_c_twice_stops_every_engine_on_every_node(site: Site, cluster: RayNodes) -> None:
    cluster.start("head", cpus=1)
    cluster.start("b", cpus=1)
    driver = site.start(cluster, "--trials", "50", "--place", "cpu=1")
    for worker in (1, 2):
        driver.until("trial_started", worker=worker)
    until(lambda: len(site.engines()) >= 2, "an engine on both nodes")
    interrupt(driver.popen)
    driver.until("worker_placed", count=2)
    interrupt(driver.popen)
    assert driver.end() in (ExitCode.INTERRUPTED, ExitCode.STOPPED_EARLY), driver.errors()
    until(lambda: site.engines() == [], "no engine is left")


def test_a_driver_that_is_killed_leaves_no_engine(site: Site, cluster: RayNodes) -> None:
    head = cluster.start("head", cpus=1)
    driver = site.start(cluster, "--trials", "50", "--place", "cpu=1")
    driver.until("trial_started")
    until(lambda: site.engines() != [], "an engine runs")
    driver.popen.kill()
    driver.popen.wait()
    until(lambda: site.engines() == [] and head.workers() == [], "worker and engine are gone")


@pytest.fixture
def three_hosts() -> Iterator[Hosts]:
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("network namespaces need root and iproute2")
    try:
        with hosts(3) as made:
            yield made
    except OSError as error:
        pytest.skip(f"network namespaces are not permitted here: {error}")


def test_across_network_namespaces_a_host_that_loses_power_costs_one_trial(
    site: Site, cluster: RayNodes, three_hosts: Hosts
) -> None:
    nodes = [
        cluster.start(f"n{n}", cpus=2, ip=three_hosts.ip(n), within=three_hosts.within(n))
        for n in range(3)
    ]
    words = ("--trials", str(TRIALS), "--place", "cpu=2", "--workers", "2")
    driver = site.start(cluster, *words, within=three_hosts.within(0))
    assert driver.until("cluster_joined")["nodes"] == 3
    for worker in (1, 2):
        driver.until("trial_started", worker=worker)
    number = next(n for n in (1, 2) if nodes[n].workers())
    three_hosts.unplug(number)
    nodes[number].cut_power()
    driver.until("worker_away")
    driver.until("worker_placed", again=True)
    assert driver.end() in ENDED, driver.errors()
    check_nothing_lost_or_counted_twice(site, TRIALS)
    until(lambda: site.engines() == [], "no engine is left")
