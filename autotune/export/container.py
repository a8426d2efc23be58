"""The exported command inside a container: its image, what is mounted, what it listens on.

Paths of this machine become paths below ``/models``; the engine listens on every address of the
container, and who reaches it is decided outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from autotune.errors import UserError
from autotune.export.command import HOST, PORT, Command, Flag, command_of
from autotune.export.gpu_kind import PINS, GpuKind, gpu_kind, gpu_uuid
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions
from autotune.launchers.protocol import EXPORT_PORT

ENTRYPOINTS: Mapping[str, tuple[str, ...]] = {
    "llama-server": ("/app/llama-server",),
    "reference": ("python3", "-m", "autotune.launchers.reference_engine"),
    "vllm": ("vllm", "serve"),
    "sglang": ("python3", "-m", "sglang.launch_server"),
}
"""What starts the engine in its own project's image; an engine not named here is started there by
the path that it has on this machine."""

_IMAGES = {"vllm": "vllm/vllm-openai", "sglang": "lmsysorg/sglang"}
"""Images for NVIDIA that their projects publish of each release, where ``docker pull`` finds them
by name alone. llama.cpp's are kept elsewhere: they are named by whoever wants them."""

_LLAMA_TAGS = {
    GpuKind.NVIDIA: "server-cuda",
    GpuKind.AMD: "server-rocm",
    GpuKind.NONE: "server",
}
"""How llama.cpp's project tags its images of the server, by what they run on."""

_FILE_ENGINES = ("llama-server", "reference")
"""Their model is a file, or the first of several beside it."""

FILE_FLAGS = frozenset(
    {
        "--chat-template",
        "--chat-template-file",
        "--lora",
        "--mmproj",
        "--model-draft",
        "--spec-draft-model",
        "--speculative-draft-model-path",
        "--tokenizer",
        "--tokenizer-path",
    }
)
"""Flags besides the model's that name a file, which is then mounted too."""

_SNAPSHOT = re.compile(r"(.*/models--[^/]+)/snapshots/[^/]+/?")
"""A model of Hugging Face's cache: its files are links to ``blobs`` beside ``snapshots``."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the host and where the container sees it, read only."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Container:
    """Everything that the container formats write, in their own words."""

    image: str
    entrypoint: tuple[str, ...]
    args: tuple[str, ...]
    env: Mapping[str, str]
    mounts: tuple[Mount, ...]
    kind: GpuKind
    port: int
    command: Command


def container_of(config: ExportConfig, options: ExportOptions) -> Container:
    """`config` in a container. Raises `UserError` where no image is known and none was given."""
    command = command_of(config, options.full)
    engine, kind = config.provenance.engine or "", gpu_kind(config)
    image = options.image or known_image(config, kind)
    port = int(command.value(PORT) or EXPORT_PORT)
    inside, mounts = _mounted(_listening(command), engine)
    entrypoint = ENTRYPOINTS.get(engine, inside.program)
    args = (*_positional(inside, engine), *(w for f in inside.flags for w in f.words))
    card = gpu_uuid(config)
    env = {n: v for n, v in inside.env.items() if n not in PINS and (card is None or v != card)}
    return Container(image, entrypoint, args, env, mounts, kind, port, inside)


def _listening(command: Command) -> Command:
    """SGLang's own ``serve`` takes a flag that the module does not."""
    return command.without("--model-type").with_value(HOST, "0.0.0.0")  # noqa: S104  # in a container


def _positional(command: Command, engine: str) -> tuple[str, ...]:
    """The model, where it stands without a flag in front of it."""
    if engine == "vllm" and command.program[-2:-1] == ("serve",):
        return command.program[-1:]
    return ()


def known_image(config: ExportConfig, kind: GpuKind) -> str:
    """The image that the engine's project publishes of the measured release.

    Raises `UserError` where none is known, and for llama-server, with an example in the hint.
    """
    engine, version = config.provenance.engine or "", config.provenance.engine_version or ""
    if engine == "llama-server":
        raise _llama_image_wanted(version, kind)
    release = re.match(r"v?(\d+\.\d+\.\d+(?:\.post\d+)?)", version)
    if engine not in _IMAGES or release is None or kind is not GpuKind.NVIDIA:
        where = " on this kind of processor" if engine in _IMAGES and release is not None else ""
        raise UserError(
            f"no container image is known for {engine} {version}".rstrip() + where,
            "name one that has it: --image NAME:TAG",
        )
    return f"{_IMAGES[engine]}:v{release[1]}"


def _llama_image_wanted(version: str, kind: GpuKind) -> UserError:
    """The example's tag is that of llama.cpp's project for the measured build and `kind`."""
    found = re.search(r"build (\d+)|^(\d{4,}) \(", version)
    number = (found[1] or found[2]) if found else "0"
    build = f"-b{number}" if number != "0" else ""
    (program,) = ENTRYPOINTS["llama-server"]
    return UserError(
        "this format runs llama-server in a container, and needs the image's name",
        f"build or pull one that has it at {program}: --image llama.cpp:{_LLAMA_TAGS[kind]}{build}",
    )


def _mounted(command: Command, engine: str) -> tuple[Command, tuple[Mount, ...]]:
    """`command` with the container's paths, and the folders that it needs."""
    mounts: dict[str, Mount] = {}

    def inside(path: str, folder: bool) -> str:
        source, rest = _split(path, folder=folder)
        number = len(mounts) + 1
        target = "/models" if number == 1 else f"/models-{number}"
        mount = mounts.setdefault(source, Mount(source, target))
        return str(PurePosixPath(mount.target, rest))

    model = command.model
    moved = {} if model is None else {model: inside(model, not _in_a_file(model, engine))}

    def placed(flag: Flag) -> Flag:
        values = tuple(
            moved.get(value) or (inside(value, False) if _is_file(flag, value) else value)
            for value in flag.values
        )
        return replace(flag, values=values)

    flags = tuple(placed(flag) for flag in command.flags)
    program = tuple(moved.get(word, word) for word in command.program)
    env = {name: moved.get(value, value) for name, value in command.env.items()}
    return replace(command, env=env, program=program, flags=flags), tuple(mounts.values())


def _in_a_file(model: str, engine: str) -> bool:
    return engine in _FILE_ENGINES or model.endswith(".gguf")


def _is_file(flag: Flag, value: str) -> bool:
    return flag.name in FILE_FLAGS and value.startswith("/")


def _split(path: str, *, folder: bool) -> tuple[str, str]:
    """What is mounted for `path`, and where it is below that.

    Raises `UserError` for a model that is not named by its whole path.
    """
    if not path.startswith("/"):
        raise UserError(
            f"{path} is not a whole path, so it cannot be mounted",
            "start the study with the model's whole path",
        )
    if (cached := _SNAPSHOT.fullmatch(path)) is not None:
        return cached[1], str(PurePosixPath(path).relative_to(cached[1]))
    place = PurePosixPath(path)
    return (str(place), ".") if folder else (str(place.parent), place.name)
