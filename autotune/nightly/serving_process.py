"""The process behind an endpoint of this machine: since when it runs, and with which words."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psutil

from autotune.export.argv import flag_groups
from autotune.export.command import Command, Flag, command_of
from autotune.export.model import ExportConfig
from autotune.hardware.engines import engine_name
from autotune.paths.address import parse_address


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingProcess:
    """`is_engine` is whether it is an inference engine by its name, not a proxy in front of one."""

    pid: int
    name: str
    words: tuple[str, ...]
    started_at: datetime
    is_engine: bool


def serving_process(base_url: str) -> ServingProcess | None:
    """Who listens there; ``None`` where that is another machine, or not ours to see."""
    if not parse_address(base_url).is_loopback:
        return None
    pid = _listener(urlsplit(base_url).port or 80)
    return None if pid is None else _described(pid)


def _listener(port: int) -> int | None:
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if _listens_on(connection) == port and connection.pid:
                return int(connection.pid)
    return None


def _listens_on(connection: Any) -> int | None:
    """psutil leaves the address empty where there is none."""
    if connection.status != psutil.CONN_LISTEN or not connection.laddr:
        return None
    return int(connection.laddr.port)


def _described(pid: int) -> ServingProcess | None:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        with process.oneshot():
            words = tuple(process.cmdline())
            name = engine_name(process.name(), words)
            return ServingProcess(
                pid=pid,
                name=name or process.name(),
                words=words,
                started_at=datetime.fromtimestamp(process.create_time(), UTC),
                is_engine=name is not None,
            )
    return None


def contradictions(
    config: ExportConfig, process: ServingProcess | None
) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    """The settings that the command line tells as exported, and those that it tells otherwise.

    The second are name and sentence. What is not on the command line may have come by a file or
    the environment, and says nothing.
    """
    if process is None:
        return frozenset(), ()
    given = {flag.bare: flag.values for flag in _flags(process.words)}
    wanted = [flag for flag in _exported(config) if flag.bare in given]
    same = [flag for flag in wanted if given[flag.bare] == flag.values]
    wrong = [flag for flag in wanted if given[flag.bare] != flag.values]
    found = tuple((flag.bare, _sentence(flag, given[flag.bare])) for flag in wrong)
    return frozenset(flag.bare for flag in same), found


def _exported(config: ExportConfig) -> list[Flag]:
    """The flags that are settings: neither the model's path nor where it listens."""
    command: Command = command_of(config, full=True)
    names = config.full_settings.keys() - {"model"}
    return [flag for flag in command.flags if flag.bare in names]


def _flags(words: Sequence[str]) -> list[Flag]:
    """The last of each flag, as engines take them."""
    groups = list(flag_groups(words))[1:]
    found = {}
    for group in groups:
        name, equals, value = group[0].partition("=")
        values = (value, *group[1:]) if equals and name.startswith("--") else group[1:]
        found[name] = Flag(name, tuple(values))
    return list(found.values())


def _sentence(flag: Flag, given: Sequence[str]) -> str:
    now, asked = " ".join(given) or "no value", " ".join(flag.values) or "no value"
    return f"{flag.bare}: its command line says {now}, exported was {asked}"
