"""A real Ray cluster of several nodes on this machine, each with resources of its own.

A node is what ``ray start`` makes, in a session of its own; in a network namespace where one is
named. Everything of a node carries its name in its environment, so that a node can be removed as
a whole, and so that nothing is left when the test ends.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MARK = "AUTOTUNE_TEST_NODE"
STARTED = "Ray runtime started"
WAIT_S = 180.0

_LOOPBACK = "127.0.0.1"
_STORE_BYTES = 80_000_000
_SOON = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_worker_niceness": "0",
}
"""A node that is lost is noticed within seconds and not within half a minute; and workers get their
turn on a machine that does other things too."""


def until(condition: Callable[[], bool], what: str, wait_s: float = WAIT_S) -> None:
    """Poll until `condition` holds; the test fails when it does not in time."""
    deadline = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server((_LOOPBACK, 0)) as server:
        port: int = server.getsockname()[1]
    return port


@dataclass
class RayNode:
    """One node. `mark` is what its processes are known by."""

    mark: str
    popen: subprocess.Popen[bytes]
    log: Path

    def processes(self) -> list[psutil.Process]:
        """Everything that runs on it, engines included: they carry marks of their own."""
        own = [process for process in psutil.process_iter() if _env(process, MARK) == self.mark]
        ids = {str(process.pid) for process in own}
        engines = [p for p in psutil.process_iter() if _env(p, "AUTOTUNE_TUNER_PID") in ids]
        return [*own, *engines]

    def workers(self) -> list[psutil.Process]:
        """Processes of autotune's workers on it."""
        return [p for p in self.processes() if "autotune.cli.ray_process" in _line(p)]

    def lose_ray(self) -> None:
        """Kill Ray's own daemon there: what it had started is left to itself."""
        for process in self.processes():
            with suppress(psutil.Error):
                if Path(process.exe()).name == "raylet":
                    process.kill()

    def cut_power(self) -> None:
        """Kill everything there at the same moment, with no chance to say a word."""
        for process in self.processes():
            with suppress(psutil.Error):
                process.suspend()
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()


def _env(process: psutil.Process, name: str) -> str | None:
    with suppress(psutil.Error, OSError):
        return process.environ().get(name)
    return None


def _line(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


@dataclass
class RayNodes:
    """A cluster; `address` is its head's. `within` gives the words before a node's command."""

    folder: Path
    env: Mapping[str, str]
    nodes: list[RayNode] = field(default_factory=list)
    address: str = ""

    def start(
        self,
        name: str,
        *,
        cpus: int,
        resources: Mapping[str, float] | None = None,
        ip: str = _LOOPBACK,
        within: tuple[str, ...] = (),
    ) -> RayNode:
        """Start a node, the first one as the head, and wait until the cluster has it."""
        if self.address:
            role = ["--address", self.address]
        else:
            port = free_port()
            self.address = f"{ip}:{port}"
            role = ["--head", f"--port={port}", "--include-dashboard=false"]
            role += [f"--temp-dir={self.folder}", "--disable-usage-stats"]
        mark = f"{self.folder.name}-{name}"
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(
                [
                    *within,
                    str(Path(sys.executable).with_name("ray")),
                    "start",
                    *role,
                    "--block",
                    f"--node-ip-address={ip}",
                    f"--num-cpus={cpus}",
                    "--num-gpus=0",
                    f"--resources={json.dumps(dict(resources or {}))}",
                    f"--object-store-memory={_STORE_BYTES}",
                    "--include-log-monitor=false",
                ],
                env={**self.env, **_SOON, MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        node = RayNode(mark, popen, log)
        self.nodes.append(node)
        until(lambda: self._is_up(node), f"node {name} is up: {log}")
        return node

    def _is_up(self, node: RayNode) -> bool:
        text = node.log.read_text(errors="replace")
        assert node.popen.poll() is None or STARTED in text, text
        return STARTED in text

    def stop(self) -> None:
        """End every process of every node, the head's last."""
        for node in reversed(self.nodes):
            node.cut_power()
            with suppress(subprocess.TimeoutExpired):
                node.popen.wait(10)


@contextmanager
def ray_nodes(env: Mapping[str, str]) -> Iterator[RayNodes]:
    """A cluster without nodes yet; all of it is gone afterwards."""
    # Sockets lie in it: the path must be short.
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    cluster = RayNodes(folder, env)
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


NET = "10.213.77"


@dataclass
class Hosts:
    """Network namespaces on one bridge: hosts as far as the network goes."""

    names: list[str]

    def within(self, number: int) -> tuple[str, ...]:
        """The words before a command that runs on host `number`."""
        return ("ip", "netns", "exec", self.names[number])

    def ip(self, number: int) -> str:
        """Its address."""
        return f"{NET}.{number + 11}"

    def unplug(self, number: int) -> None:
        """Take its network away."""
        _ip("netns", "exec", self.names[number], "ip", "link", "set", "eth0", "down")


@contextmanager
def hosts(count: int) -> Iterator[Hosts]:
    """So many hosts, and this one at ``.1``. Raises ``OSError`` where that is not permitted."""
    stem = f"at{os.getpid() % 100000}"
    made = Hosts([f"{stem}n{n}" for n in range(count)])
    try:
        _ip("link", "add", f"{stem}br", "type", "bridge")
        _ip("addr", "add", f"{NET}.1/24", "dev", f"{stem}br")
        _ip("link", "set", f"{stem}br", "up")
        for number, name in enumerate(made.names):
            _add_host(stem, number, name, made.ip(number))
        yield made
    finally:
        for number, name in enumerate(made.names):
            with suppress(OSError):
                _ip("link", "del", f"{stem}v{number}")
            with suppress(OSError):
                _ip("netns", "del", name)
        with suppress(OSError):
            _ip("link", "del", f"{stem}br")


def _add_host(stem: str, number: int, name: str, ip: str) -> None:
    veth = f"{stem}v{number}"
    _ip("netns", "add", name)
    _ip("link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("link", "set", veth, "master", f"{stem}br")
    _ip("link", "set", veth, "up")
    inside = ("netns", "exec", name, "ip")
    _ip(*inside, "addr", "add", f"{ip}/24", "dev", "eth0")
    _ip(*inside, "link", "set", "eth0", "up")
    _ip(*inside, "link", "set", "lo", "up")
    _ip(*inside, "route", "add", "default", "via", f"{NET}.1")


def _ip(*words: str) -> None:
    try:
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=30)
    except subprocess.CalledProcessError as error:
        raise OSError(f"ip {' '.join(words)}: {error.stderr.strip()}") from error


def interrupt(process: subprocess.Popen[str]) -> None:
    """What Ctrl-C sends."""
    process.send_signal(signal.SIGINT)
