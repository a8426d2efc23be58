"""What is said of a study that several workers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from autotune.config.values import Duration
from autotune.errors import UserError

if TYPE_CHECKING:
    from autotune.search.contest.request import ContestRequest
    from autotune.search.request import RunRequest
    from autotune.team.shared_study import SharedStudy


class SharedFlags(BaseModel):
    """The study's storage, and how its workers keep in touch."""

    storage: str | None = Field(
        None,
        description="search together with other workers in this database: "
        "postgresql://USER@HOST/DATABASE (its password is AUTOTUNE_STORAGE_PASSWORD in the "
        "environment), or sqlite:///PATH on one host",
        json_schema_extra={"metavar": "URL"},
    )
    artifacts: str | None = Field(
        None,
        description="with --storage: where workers leave records and logs for each other: a folder "
        "that every host sees, or s3://BUCKET/PREFIX",
        json_schema_extra={"metavar": "URL"},
    )
    heartbeat: Annotated[Duration, Field(ge=1, le=600)] = Field(
        30.0,
        description="with --storage: how often a worker says that it lives, the same for all; one "
        "that misses four is taken for lost",
        json_schema_extra={"metavar": "TIME"},
    )


def shared_study(
    flags: SharedFlags, request: RunRequest | ContestRequest
) -> tuple[RunRequest, SharedStudy]:
    """The request and the shared study that `flags` name.

    Raises `UserError` for what cannot be shared, and for an address with a password in it.
    """
    from autotune.search.contest.request import ContestRequest
    from autotune.team.artifacts_url import parse_artifacts
    from autotune.team.shared_study import SharedStudy
    from autotune.team.storage_url import parse_storage

    if flags.storage is None:
        raise UserError(
            "no storage: nothing says which study to work on",
            "give --storage postgresql://USER@HOST/DATABASE, and the study's name with --study",
        )
    if isinstance(request, ContestRequest):
        raise UserError(
            "workers of a shared study tune one engine", "name one with --engine; each has a study"
        )
    if request.study is None or request.new_study:
        raise UserError(
            "a shared study needs a name of its own", "name it with --study, a new one too"
        )
    return request, SharedStudy(
        url=parse_storage(flags.storage),
        name=request.study,
        artifacts=None if flags.artifacts is None else parse_artifacts(flags.artifacts),
        heartbeat_s=round(flags.heartbeat),
    )
