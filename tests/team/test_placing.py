"""Which resources a worker takes: one GPU or a host's cores, of the kind that was asked for."""

from __future__ import annotations

import pytest

from autotune.errors import MachineError, UserError
from autotune.team.placing import Node, Placement, parse_amounts, place, room, told

A3090 = Node("1", "a", {"CPU": 16.0, "GPU": 2.0, "accelerator_type:GeForce-RTX-3090": 1.0})
B3090 = Node("2", "b", {"CPU": 8.0, "GPU": 1.0, "accelerator_type:GeForce-RTX-3090": 1.0})
H100 = Node("3", "c", {"CPU": 64.0, "GPU": 8.0, "accelerator_type:H100": 1.0})
PLAIN = Node("4", "d", {"CPU": 4.0, "memory": 8e9, "node:10.0.0.4": 1.0, "disk": 1.0})


def test_one_gpu_a_worker_where_all_are_alike() -> None:
    placement = place("auto", {}, [A3090, B3090, PLAIN])
    assert placement.amounts["GPU"] == 1
    assert placement.on_gpu
    assert room(placement, [A3090, B3090, PLAIN]) == 3


@pytest.mark.parametrize(("gpu", "workers"), [("3090", 3), ("rtx 3090", 3), ("h100", 8)])
def test_a_kind_is_found_by_what_a_person_calls_it(gpu: str, workers: int) -> None:
    nodes = [A3090, B3090, H100, PLAIN]
    assert room(place(gpu, {}, nodes), nodes) == workers


def test_several_kinds_are_not_mixed_in_one_study() -> None:
    with pytest.raises(UserError, match="several kinds: GeForce-RTX-3090, H100") as caught:
        place("auto", {}, [A3090, H100])
    assert "--gpu" in caught.value.hint


def test_a_kind_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(
        MachineError, match="no node of the cluster has a GPU called 5090"
    ) as caught:
        place("5090", {}, [A3090, H100])
    assert "H100" in caught.value.hint


@pytest.mark.parametrize("gpu", ["0", "GPU-1a2b", "all"])
def test_a_gpu_of_one_host_is_no_kind(gpu: str) -> None:
    with pytest.raises(UserError, match="of one host"):
        place(gpu, {}, [A3090])


@pytest.mark.parametrize("gpu", ["cpu", "auto"])
def test_on_processors_a_worker_takes_the_cores_of_the_smallest_node(gpu: str) -> None:
    nodes = [PLAIN, Node("5", "e", {"CPU": 6.0})]
    placement = place(gpu, {}, nodes)
    assert placement.amounts == {"CPU": 4.0}
    assert room(placement, nodes) == 2


def test_what_is_asked_for_is_added_or_stands_instead() -> None:
    placement = place("cpu", parse_amounts(["cpu=2", "disk=1"]), [PLAIN, A3090])
    assert placement.amounts == {"CPU": 2.0, "disk": 1.0}
    assert room(placement, [PLAIN, A3090]) == 1
    assert placement.options() == {
        "num_cpus": 2.0,
        "num_gpus": 0,
        "memory": None,
        "resources": {"disk": 1.0},
    }
    assert str(placement) == "CPU=2, disk=1"


def test_where_no_node_has_it_what_they_have_is_told() -> None:
    with pytest.raises(MachineError, match="no node of the cluster has CPU=9") as caught:
        place("cpu", {"CPU": 9.0}, [PLAIN])
    assert "d: CPU=4, disk=1" in caught.value.hint


def test_a_worker_has_one_gpu() -> None:
    with pytest.raises(UserError, match="one GPU"):
        place("3090", {"GPU": 2.0}, [A3090])


def test_a_share_of_a_node_is_not_lost_to_rounding() -> None:
    node = Node("1", "a", {"part": 0.3})
    assert Placement({"part": 0.1}).on(node) == 3


@pytest.mark.parametrize(
    ("word", "name", "amount"),
    [
        ("cpu=4", "CPU", 4.0),
        ("GPU=0", "GPU", 0.0),
        ("memory=8e9", "memory", 8e9),
        ("a:b=0.5", "a:b", 0.5),
    ],
)
def test_amounts_by_name(word: str, name: str, amount: float) -> None:
    assert parse_amounts([word]) == {name: amount}


@pytest.mark.parametrize(
    "word", ["cpu", "=1", "cpu=", "cpu=-1", "cpu=nan", "cpu=inf", "cpu=1.5", "node:10.0.0.1=1"]
)
def test_what_is_no_amount_is_refused(word: str) -> None:
    with pytest.raises(UserError, match="is no resource"):
        parse_amounts([word])


def test_a_cluster_without_nodes_says_so() -> None:
    assert told([]) == "no node is alive"
