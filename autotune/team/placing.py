"""Which resources of a Ray cluster a worker takes, and how many workers there is room for.

Pure: a cluster is given as rows of its nodes' resources. One worker has one GPU, or, on the
processor, as many cores as the smallest node has, so that no two share what is measured.
Resources: https://docs.ray.io/en/latest/ray-core/scheduling/resources.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotune.errors import MachineError, UserError
from autotune.hardware.names import matches

CPU, GPU, MEMORY = "CPU", "GPU", "memory"
"""Resources as Ray calls them."""

KIND = "accelerator_type:"
"""What precedes a GPU's name in the resource that Ray gives a node that has it."""

_A_TRACE = 0.001
"""Of a node's kind of GPU: enough to be sent there, and leaves the rest to others."""

_WORDS = {"cpu": CPU, "gpu": GPU, "memory": MEMORY}
_BY_RAY = ("node:", "object_store_memory", "bundle_group")


@dataclass(frozen=True, slots=True)
class Node:
    """A host of the cluster that is alive: its id, its name and what it has in all."""

    id: str
    host: str
    resources: Mapping[str, float]

    @property
    def kinds(self) -> list[str]:
        """The kinds of GPU it has, as Ray names them: ``GeForce-RTX-3090``."""
        return [name.removeprefix(KIND) for name in self.resources if name.startswith(KIND)]


@dataclass(frozen=True, slots=True)
class Placement:
    """What one worker takes: amounts by resource, under Ray's names."""

    amounts: Mapping[str, float] = field(default_factory=dict)

    @property
    def on_gpu(self) -> bool:
        """Whether the worker has a GPU of its own."""
        return self.amounts.get(GPU, 0) > 0

    def options(self) -> dict[str, Any]:
        """The options of a Ray actor."""
        named = {k: v for k, v in self.amounts.items() if k not in (CPU, GPU, MEMORY)}
        return {
            "num_cpus": self.amounts.get(CPU, 0),
            "num_gpus": self.amounts.get(GPU, 0),
            "memory": self.amounts.get(MEMORY) or None,
            "resources": named,
        }

    def on(self, node: Node) -> int:
        """How many workers fit on `node` when nothing else does."""
        fits = (node.resources.get(name, 0) / need for name, need in self.amounts.items() if need)
        # A sum of thousandths may fall short of a whole by the last bit.
        return math.floor(min(fits, default=0) + 1e-6)

    def __str__(self) -> str:
        return ", ".join(f"{name}={amount:g}" for name, amount in self.amounts.items() if amount)


def room(placement: Placement, nodes: Sequence[Node]) -> int:
    """How many workers fit on all of `nodes` when nothing else does."""
    return sum(placement.on(node) for node in nodes)


def place(gpu: str, asked: Mapping[str, float], nodes: Sequence[Node]) -> Placement:
    """What a worker on `gpu` takes: ``auto``, ``cpu`` or the name of a kind of GPU.

    `asked` are amounts that were named, which are added or stand instead. Raises `UserError` when
    the cluster has several kinds and none is named, or when `gpu` is not a kind of GPU at all, and
    `MachineError` when no node has that.
    """
    amounts = _amounts(gpu.strip().lower(), nodes)
    placement = Placement({**amounts, **asked})
    if placement.amounts.get(GPU, 0) not in (0, 1):
        raise UserError(
            "a worker has one GPU, or none", "leave gpu=... out of --place; see --gpu and --workers"
        )
    if not room(placement, nodes):
        raise MachineError(
            f"no node of the cluster has {placement}",
            f"the nodes have: {told(nodes)}; start one that has it, or ask for less with --place",
        )
    return placement


def _amounts(gpu: str, nodes: Sequence[Node]) -> dict[str, float]:
    with_gpu = [node for node in nodes if node.resources.get(GPU, 0) >= 1]
    if gpu == "cpu" or (gpu == "auto" and not with_gpu):
        cores = [node.resources[CPU] for node in nodes if node.resources.get(CPU, 0) >= 1]
        return {CPU: min(cores, default=1)}
    kinds = sorted({kind for node in with_gpu for kind in node.kinds})
    if gpu != "auto":
        kinds = _called(gpu, kinds)
    if len(kinds) > 1:
        raise UserError(
            f"the cluster has GPUs of several kinds: {', '.join(kinds)}",
            f"a study is of one kind; name it, for example --gpu {kinds[0].lower()}",
        )
    return {GPU: 1, CPU: 1, **{f"{KIND}{kind}": _A_TRACE for kind in kinds}}


def _called(gpu: str, kinds: Sequence[str]) -> list[str]:
    """Which of `kinds` a person means by `gpu`."""
    is_index = gpu.isdigit() and len(gpu) <= 2
    if is_index or gpu.startswith(("gpu-", "mig-")) or gpu == "all":
        raise UserError(
            f"--gpu {gpu} is of one host, and Ray places workers on many",
            "name a kind of GPU (--gpu 3090), or auto or cpu",
        )
    found = [kind for kind in kinds if matches(gpu, kind.replace("-", " "))]
    if not found:
        here = ", ".join(kinds) or "none that Ray knows"
        raise MachineError(
            f"no node of the cluster has a GPU called {gpu}",
            f"kinds that are there: {here}; a node may be marked by hand: ray start "
            f"--resources '{{\"{KIND}{gpu}\": 1}}'",
        )
    return found


def parse_amounts(words: Sequence[str]) -> dict[str, float]:
    """``cpu=4``, ``memory=8e9`` or ``disk=1`` as amounts by Ray's names.

    Raises `UserError` for what is not NAME=AMOUNT with an amount that Ray can give.
    """
    amounts: dict[str, float] = {}
    for word in words:
        name, equals, text = (part.strip() for part in word.rpartition("="))
        amount = _amount(text)
        if not equals or not name or amount is None or name.startswith(_BY_RAY):
            raise UserError(
                f"{word!r} is no resource", "write it like --place cpu=4 or --place disk=1"
            )
        amounts[_WORDS.get(name.lower(), name)] = amount
    return amounts


def _amount(text: str) -> float | None:
    """A finite amount, not below zero; above one it is whole, as Ray wants it."""
    try:
        amount = float(text)
    except ValueError:
        return None
    if not math.isfinite(amount) or amount < 0 or (amount > 1 and not amount.is_integer()):
        return None
    return amount


def told(nodes: Sequence[Node]) -> str:
    """What each node has that a worker can ask for, in a line."""
    return "; ".join(f"{node.host}: {_listing(node)}" for node in nodes) or "no node is alive"


def _listing(node: Node) -> str:
    shown = {k: v for k, v in node.resources.items() if not k.startswith((*_BY_RAY, MEMORY))}
    return ", ".join(f"{name}={amount:g}" for name, amount in sorted(shown.items()))
