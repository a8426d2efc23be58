from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from autotune.hardware import cpu
from autotune.hardware.cgroup import memory_left_bytes, quota_cores
from autotune.hardware.cpu import (
    core_groups,
    memory_available_bytes,
    physical_cores,
    read_cpu,
)


def tree(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def threads(pairs: Mapping[int, str]) -> dict[str, str]:
    return {
        f"sys/devices/system/cpu/cpu{n}/topology/core_cpus_list": f"{siblings}\n"
        for n, siblings in pairs.items()
    }


def test_threads_of_a_core_count_once(tmp_path: Path) -> None:
    tree(tmp_path, threads({0: "0,4", 1: "1,5", 2: "2,6", 3: "3,7", 4: "0,4", 5: "1,5"}))
    assert physical_cores(frozenset({0, 1, 2, 3, 4, 5}), tmp_path) == 4
    assert physical_cores(frozenset({0, 4}), tmp_path) == 1  # pinned to one core's two threads
    assert physical_cores(frozenset({1, 2}), tmp_path) == 2


def test_processors_by_core(tmp_path: Path) -> None:
    tree(tmp_path, threads({0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}))
    assert core_groups(frozenset({0, 1, 2, 3}), tmp_path) == ({0, 2}, {1, 3})
    assert core_groups(frozenset({2, 3}), tmp_path) == ({2}, {3})
    assert core_groups(frozenset({7, 9}), tmp_path) == ({7}, {9})  # nothing is told of them


def test_without_topology_psutil_says(tmp_path: Path) -> None:
    assert physical_cores(frozenset({0}), tmp_path) == 1


V2 = {"proc/self/cgroup": "0::/user/job\n"}
V1 = {"proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n"}


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, None),
        (V2, None),
        ({**V2, "sys/fs/cgroup/user/job/cpu.max": "max 100000\n"}, None),
        ({**V2, "sys/fs/cgroup/user/job/cpu.max": "150000 100000\n"}, 1.5),
        # the tightest of a group and those above it holds
        (
            {
                **V2,
                "sys/fs/cgroup/user/job/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/user/cpu.max": "200000 100000\n",
            },
            2.0,
        ),
        # a container sees its own group as the mount, and the host's path does not exist
        ({**V2, "sys/fs/cgroup/cpu.max": "300000 100000\n"}, 3.0),
        ({"proc/self/cgroup": "0::/../x\n", "sys/fs/cgroup/cpu.max": "300000 100000"}, 3.0),
        (
            {
                **V1,
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            2.5,
        ),
        (
            {
                **V1,
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
        ({**V2, "sys/fs/cgroup/user/job/cpu.max": "lots 0\n"}, None),
        ({**V2, "sys/fs/cgroup/user/job/cpu.max": "100 0\n"}, None),
    ],
)
def test_quota(tmp_path: Path, files: dict[str, str], cores: float | None) -> None:
    assert quota_cores(tree(tmp_path, files)) == cores


@pytest.mark.parametrize(
    ("files", "left"),
    [
        (V2, None),
        (
            {
                **V2,
                "sys/fs/cgroup/user/job/memory.max": "max\n",
                "sys/fs/cgroup/user/job/memory.current": "5000\n",
            },
            None,
        ),
        # of 9000 used, 3000 are file cache that can be dropped
        (
            {
                **V2,
                "sys/fs/cgroup/user/job/memory.max": "10000\n",
                "sys/fs/cgroup/user/job/memory.current": "9000\n",
                "sys/fs/cgroup/user/job/memory.stat": "anon 6000\ninactive_file 3000\n",
            },
            4000,
        ),
        (
            {
                **V1,
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "10000\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "12000\n",
            },
            0,
        ),
        (
            {
                **V1,
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "12000\n",
            },
            None,
        ),
    ],
)
def test_memory_limit(tmp_path: Path, files: dict[str, str], left: int | None) -> None:
    assert memory_left_bytes(tree(tmp_path, files)) == left


def test_a_container_s_limits_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        **V2,
        **threads({n: f"{n}" for n in range(8)}),
        "proc/cpuinfo": "processor : 0\nmodel name : Made Up 9000\n",
        "sys/fs/cgroup/user/job/cpu.max": "350000 100000\n",
        "sys/fs/cgroup/user/job/memory.max": "1000000\n",
        "sys/fs/cgroup/user/job/memory.current": "400000\n",
    }
    tree(tmp_path, files)
    monkeypatch.setattr(cpu, "allowed_processors", lambda: frozenset(range(8)))
    info = read_cpu(tmp_path)
    assert info.model == "Made Up 9000"
    assert (info.physical_cores, info.logical_cores, info.quota_cores) == (3, 3, 3.5)
    assert memory_available_bytes(tmp_path) == 600_000


def test_a_fraction_of_a_core_is_one_core(tmp_path: Path) -> None:
    tree(tmp_path, {**V2, "sys/fs/cgroup/cpu.max": "50000 100000\n"})
    assert read_cpu(tmp_path).physical_cores == 1


def test_this_machine() -> None:
    info = read_cpu()
    assert 1 <= info.physical_cores <= info.logical_cores <= info.machine_cores
    assert info.memory_bytes == psutil.virtual_memory().total
    assert 0 < memory_available_bytes() <= info.memory_bytes
    assert info.model


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs processor affinity")
def test_affinity_is_respected() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert read_cpu().physical_cores == read_cpu().logical_cores == 1
    finally:
        os.sched_setaffinity(0, before)
