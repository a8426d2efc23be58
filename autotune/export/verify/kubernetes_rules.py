"""A Kubernetes manifest by the shape of what we write; no cluster is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from autotune.export.container import container_of
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions
from autotune.export.verify.checked_yaml import VARIABLES, CamelPart, documents, faults, same_words
from autotune.export.verify.outcome import Verification

_Label = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]
_Labels = dict[str, _Label]
_Port = Annotated[int, Field(ge=1, le=65535)]


class _Meta(CamelPart):
    name: _Label
    labels: _Labels


class _ContainerPort(CamelPart):
    name: str
    container_port: _Port


class _Variable(CamelPart):
    name: Annotated[str, Field(pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")]
    value: str


class _MountPart(CamelPart):
    name: _Label
    mount_path: Annotated[str, Field(pattern=r"^/[^:]*$")]
    read_only: bool = False


class _Probe(CamelPart):
    period_seconds: int = Field(ge=1)
    failure_threshold: int = Field(default=3, ge=1)
    http_get: dict[str, str] | None = None
    tcp_socket: dict[str, str] | None = None


class _Limits(CamelPart):
    limits: dict[str, int]


class _ContainerPart(CamelPart):
    name: _Label
    image: str = Field(min_length=1)
    command: list[str] = Field(min_length=1)
    args: list[str]
    ports: list[_ContainerPort]
    env: list[_Variable] | None = None
    resources: _Limits | None = None
    startup_probe: _Probe
    readiness_probe: _Probe
    volume_mounts: list[_MountPart]


class _Volume(CamelPart):
    name: _Label
    host_path: dict[str, str] | None = None
    empty_dir: dict[str, str] | None = None


class _PodSpec(CamelPart):
    termination_grace_period_seconds: int
    containers: list[_ContainerPart] = Field(min_length=1, max_length=1)
    volumes: list[_Volume]


class _Labelled(CamelPart):
    labels: _Labels


class _Template(CamelPart):
    metadata: _Labelled
    spec: _PodSpec


class _Strategy(CamelPart):
    type: Literal["Recreate"]


class _Selector(CamelPart):
    match_labels: _Labels


class _DeploymentSpec(CamelPart):
    replicas: int
    strategy: _Strategy
    selector: _Selector
    template: _Template


class _Deployment(CamelPart):
    api_version: Literal["apps/v1"]
    kind: Literal["Deployment"]
    metadata: _Meta
    spec: _DeploymentSpec


class _ServicePort(CamelPart):
    name: str
    port: _Port
    target_port: str


class _ServiceSpec(CamelPart):
    selector: _Labels
    ports: list[_ServicePort]


class _Service(CamelPart):
    api_version: Literal["v1"]
    kind: Literal["Service"]
    metadata: _Meta
    spec: _ServiceSpec


def verify_kubernetes(path: Path, config: ExportConfig, options: ExportOptions) -> Verification:
    """The file at `path`: two documents of the right shape whose parts belong together."""
    return Verification(
        format="kubernetes",
        started=False,
        problems=_problems(path.read_text(encoding="utf-8"), config, options),
        checked=("YAML", "its structure", "names that must agree", "words and variables"),
        unchecked=("no cluster was asked, and nothing was started",),
    )


def _problems(text: str, config: ExportConfig, options: ExportOptions) -> tuple[str, ...]:
    read, problems = documents(text)
    if problems or len(read) != 2:
        return problems or (f"{len(read)} documents instead of two",)
    deployment, service = read
    if found := (*faults(_Deployment, deployment), *faults(_Service, service)):
        return found
    pod = deployment["spec"]["template"]
    (box,) = pod["spec"]["containers"]
    wanted = container_of(config, options)
    words = [str(word).replace("$$", "$") for word in [*box["command"], *box["args"]]]
    given = ((entry["name"], str(entry["value"])) for entry in box.get("env", ()))
    variables = [f"{name}={value.replace('$$', '$')}" for name, value in given]
    return (
        *_agreement(deployment, service),
        *same_words(words, [*wanted.entrypoint, *wanted.args]),
        *same_words(variables, [f"{n}={v}" for n, v in wanted.env.items()], VARIABLES),
    )


def _agreement(deployment: Any, service: Any) -> tuple[str, ...]:
    """Labels that select, and volumes that are mounted, must be there."""
    template = deployment["spec"]["template"]
    labels = template["metadata"]["labels"]
    found = []
    if deployment["spec"]["selector"]["matchLabels"] != labels:
        found.append("the deployment does not select its own pod")
    if service["spec"]["selector"] != labels:
        found.append("the service does not select the pod")
    volumes = {volume["name"] for volume in template["spec"]["volumes"]}
    mounted = {m["name"] for c in template["spec"]["containers"] for m in c["volumeMounts"]}
    if volumes != mounted:
        found.append(f"volumes {sorted(volumes)} are not those mounted, {sorted(mounted)}")
    return tuple(found)
