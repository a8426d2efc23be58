"""What is said of a cluster that workers are placed on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from autotune.cli.shared_flags import SharedFlags

RAY = "ray"


class RayFlags(SharedFlags):
    """Where workers run, what each of them takes there, and what they share."""

    executor: Literal["local", "ray"] = Field(
        "local",
        description="where workers run: here, or on the nodes of a Ray cluster, which needs "
        "--storage and --study",
    )
    address: str | None = Field(
        None,
        description="with --executor ray: where the cluster is (default: RAY_ADDRESS, else "
        "127.0.0.1:6379)",
        json_schema_extra={"metavar": "HOST:PORT"},
    )
    workers: int | None = Field(
        None,
        ge=1,
        description="with --executor ray: how many (default: as many as the nodes have room for)",
    )
    place: list[str] = Field(
        default_factory=list,
        description="with --executor ray: what a worker takes of a node: cpu=4, memory=8e9 or a "
        "resource of the cluster's own (may be repeated)",
        json_schema_extra={"metavar": "NAME=AMOUNT"},
    )
