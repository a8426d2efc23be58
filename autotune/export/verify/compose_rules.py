"""A compose file by its own parser where it is installed, and by the rules of what we write."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from autotune.export.compose import environment_of
from autotune.export.container import container_of
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions
from autotune.export.verify.checked_yaml import VARIABLES, Part, documents, faults, same_words
from autotune.export.verify.outcome import Verification

_TIMEOUT_S = 60
_Text = Annotated[str, Field(pattern=r"^([^$]|\$\$)*$")]
"""A text without a variable in it: every dollar is doubled."""

_Absolute = Annotated[str, Field(pattern=r"^/")]


class _Volume(Part):
    type: Literal["bind"]
    source: Annotated[str, Field(pattern=r"^/([^$]|\$\$)*$")]
    target: _Absolute
    read_only: bool


class _Device(Part):
    driver: Literal["nvidia"]
    capabilities: list[str] = Field(min_length=1)
    device_ids: list[str] | None = None
    count: int | None = None


class _Reservations(Part):
    devices: list[_Device] = Field(min_length=1)


class _Resources(Part):
    reservations: _Reservations


class _Deploy(Part):
    resources: _Resources


class _Service(Part):
    image: _Text
    entrypoint: list[_Text] = Field(min_length=1)
    command: list[_Text] = Field(min_length=1)
    ports: list[Annotated[str, Field(pattern=r"^127\.0\.0\.1:\d+:\d+$")]]
    volumes: list[_Volume]
    restart: str
    stop_grace_period: Annotated[str, Field(pattern=r"^\d+s$")]
    environment: dict[str, _Text | None] | None = None
    ipc: str | None = None
    ulimits: dict[str, int] | None = None
    deploy: _Deploy | None = None
    devices: list[_Absolute] | None = None
    group_add: list[str] | None = None


class _File(Part):
    services: dict[Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]+$")], _Service] = Field(
        min_length=1, max_length=1
    )


def verify_compose(path: Path, config: ExportConfig, options: ExportOptions) -> Verification:
    """The file at `path` by ``docker compose config`` if that is here, and by our rules always."""
    problems = _structure(path.read_text(encoding="utf-8"), config, options)
    checked = ["YAML", "its structure", "the command's words and variables, one by one"]
    unchecked = ["no container was started"]
    said = parsed_by_docker(path)
    if said is None:
        unchecked.append("docker compose is not installed, so its own parser was not asked")
    else:
        checked.append("docker compose config")
        problems = (*problems, *said)
    return Verification(
        format="compose",
        started=False,
        problems=problems,
        checked=tuple(checked),
        unchecked=tuple(unchecked),
    )


def _structure(text: str, config: ExportConfig, options: ExportOptions) -> tuple[str, ...]:
    read, problems = documents(text)
    if problems or len(read) != 1:
        return problems or (f"{len(read)} documents instead of one",)
    if found := faults(_File, read[0]):
        return found
    (service,) = read[0]["services"].values()
    box = container_of(config, options)
    words = [_literal(word) for word in [*service["entrypoint"], *service["command"]]]
    return (
        *same_words(words, [*box.entrypoint, *box.args]),
        *same_words(
            _set(service.get("environment") or {}), _set(environment_of(config, box)), VARIABLES
        ),
    )


def _set(environment: Mapping[str, Any]) -> list[str]:
    return [f"{n}={_literal('' if v is None else v)}" for n, v in environment.items()]


def _literal(text: Any) -> str:
    return str(text).replace("$$", "$")


def parsed_by_docker(path: Path) -> tuple[str, ...] | None:
    """What ``docker compose`` has against a file; ``None`` where it is not installed."""
    docker = shutil.which("docker")
    if docker is None or _run([docker, "compose", "version"]).returncode != 0:
        return None
    done = _run([docker, "compose", "-f", str(path), "config", "--quiet"])
    if done.returncode == 0:
        return ()
    said = done.stderr.strip().splitlines()
    return (f"docker compose: {said[-1] if said else 'refuses it'}",)


def _run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """With the user's environment: docker's plugins are found by HOME."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(argv, 1, "", str(error))
