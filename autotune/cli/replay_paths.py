"""From flags to serving paths: names, exported configs, keys from the environment, prices."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.candidate import Setting
from autotune.errors import UserError

if TYPE_CHECKING:
    from autotune.export.model import ExportConfig
    from autotune.paths.prices import Prices
    from autotune.paths.spec import AttachedPath, LaunchedPath, ServingPath
    from autotune.replay.dialect import Api
    from autotune.replay.endpoint import Rendering

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._ -]*)=(.+)", re.DOTALL)
_FROM_ENV = "env:"
_SECRET_HEADERS = frozenset(
    {"authorization", "x-api-key", "api-key", "cookie", "proxy-authorization"}
)
_SHORT = 8
"""A header value from the environment as short as this may be a word: it is not hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says of paths. `env` is the environment that keys come from."""

    endpoints: Sequence[str]
    configs: Sequence[str]
    studies: Sequence[str]
    engines: Sequence[str]
    env: Mapping[str, str]
    studies_dir: Path
    api: Api | None
    model: str | None
    engine_path: Path | None
    settings: Mapping[str, Setting]
    key_env: str | None
    headers: Sequence[str]
    provider: str | None
    prices: Prices | None
    max_cost_usd: float | None
    rendering: Rendering | None


def make_paths(asked: Asked) -> list[ServingPath]:
    """The paths that the command line names, in the order they are measured.

    Raises `UserError` for one that cannot be, and for two of one name.
    """
    _check_one_host(asked)
    paths: list[ServingPath] = [
        *(_attached(text, asked) for text in asked.endpoints),
        *(_from_config(text, asked) for text in asked.configs),
        *(_from_study(text, asked) for text in asked.studies),
        *(_engine(text, asked) for text in asked.engines),
    ]
    names = [path.name for path in paths]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"two paths are called {twice!r}", "give them names: NAME=VALUE")
    return paths


def _check_one_host(asked: Asked) -> None:
    """A key or header that is named goes to one host. Raises `UserError` for several."""
    from autotune.paths.address import parse_address

    hosts = {parse_address(split_name(text)[1]).host for text in asked.endpoints}
    if len(hosts) > 1 and (asked.key_env or asked.headers):
        raise UserError(
            f"--key-env and --header would go to {len(hosts)} hosts: {', '.join(sorted(hosts))}",
            "measure the endpoints one call after the other: they share the table",
        )


def split_name(text: str) -> tuple[str | None, str]:
    """``NAME=VALUE`` apart; a value that is a file as it stands has no name."""
    match = _NAMED.fullmatch(text)
    if match is None or Path(text).exists():
        return None, text
    return match[1], match[2]


def _attached(text: str, asked: Asked) -> AttachedPath:
    from autotune.paths.address import parse_address
    from autotune.paths.services import service_at
    from autotune.paths.spec import AttachedPath

    name, url = split_name(text)
    address = parse_address(url)
    service = service_at(address.host)
    key_name, key = _key(asked, service.key_env if service else None, address.label)
    headers, hidden = _headers(asked.headers, asked.env)
    model = _model_name(asked)
    shown = f"{service.name} {model}" if service and model else address.label
    return AttachedPath(
        name=name or shown,
        url=url,
        api=asked.api,
        model=model,
        key=key,
        key_name=key_name,
        headers=headers,
        secrets=tuple(filter(None, [key, *hidden])),
        provider=_provider(asked.provider, service.name if service else ""),
        prices=asked.prices,
        max_cost_usd=asked.max_cost_usd,
        rendering=asked.rendering,
    )


def _model_name(asked: Asked) -> str | None:
    """What to ask an endpoint for; a file that is meant for an engine is no name."""
    for_engines = asked.engines or asked.configs or asked.studies
    return None if for_engines and _model_file(asked) is not None else asked.model


def _model_file(asked: Asked) -> Path | None:
    """The model file that is named, if it is one."""
    path = Path(asked.model).expanduser() if asked.model else None
    return path if path is not None and path.exists() else None


def _provider(provider: str | None, service: str) -> str | None:
    if provider is not None and service != "openrouter":
        raise UserError(
            "--provider chooses among the providers of OpenRouter, and this endpoint is another",
            "leave it out, or give --endpoint https://openrouter.ai/api/v1",
        )
    return provider


def _key(asked: Asked, usual: str | None, where: str) -> tuple[str | None, str | None]:
    """The variable that holds the key and the key; a local server needs none."""
    name = asked.key_env or usual
    if name is None:
        return None, None
    key = asked.env.get(name, "").strip()
    if not key:
        raise UserError(
            f"{where} wants a key, and {name} is not set",
            f"export {name}=..., or name another variable with --key-env",
        )
    return name, key


def _headers(
    given: Sequence[str], env: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Extra headers, and those of their values that must not show."""
    headers: dict[str, str] = {}
    hidden = []
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UserError(f"{text.partition('=')[0]!r} is no header", "write it as --header k=v")
        if value.startswith(_FROM_ENV):
            value = _from_env(value.removeprefix(_FROM_ENV), name, env)
            hidden += [value] if len(value) > _SHORT else []
        elif name.strip().lower() in _SECRET_HEADERS:
            raise UserError(
                f"the header {name.strip()} holds a secret, and the command line is seen by others",
                f"put it into the environment: --header {name.strip()}=env:NAME",
            )
        headers[name.strip()] = value
    return headers, tuple(hidden)


def _from_env(variable: str, header: str, env: Mapping[str, str]) -> str:
    value = env.get(variable, "").strip()
    if not value:
        raise UserError(f"{variable}, for the header {header.strip()}, is not set", "export it")
    return value


def _from_config(text: str, asked: Asked) -> LaunchedPath:
    from autotune.export.json_config import read_config

    name, file = split_name(text)
    path = tuned(read_config(Path(file)), file, asked)
    return path if name is None else replace(path, name=name)


def _from_study(text: str, asked: Asked) -> LaunchedPath:
    from autotune.cli.find import find_study
    from autotune.export.from_study import recommended_config

    name, study = split_name(text)
    folder = find_study(asked.studies_dir, study)
    path = tuned(recommended_config(folder), f"study {folder.name}", asked)
    return path if name is None else replace(path, name=name)


def tuned(config: ExportConfig, source: str, asked: Asked) -> LaunchedPath:
    """The engine as it was tuned, by the program that was tuned where it is still there.

    Raises `UserError` for a config that does not say which engine and model it is for.
    """
    from autotune.paths.spec import LaunchedPath

    facts = config.provenance
    if facts.engine is None or facts.model is None:
        raise UserError(f"{source} does not say which engine and model it is for", _EXPORT_HINT)
    program = asked.engine_path or Path(config.argv[0])
    return LaunchedPath(
        name=f"{facts.study} {'tuned' if facts.trial is not None else 'default'}",
        engine=facts.engine,
        engine_path=program if program.is_absolute() and program.exists() else None,
        model=_model_file(asked) or Path(facts.model),
        settings=dict(config.full_settings),
        origin=source,
        tuned_sha256=facts.engine_sha256,
        rendering=asked.rendering,
    )


_EXPORT_HINT = "export it again: autotune export STUDY --format json --output FILE"


def _engine(text: str, asked: Asked) -> LaunchedPath:
    from autotune.paths.spec import LaunchedPath

    name, engine = split_name(text)
    if asked.model is None:
        raise UserError(f"no model is named for {engine}", "give the model file: --model PATH")
    settings = dict(asked.settings)
    pinned = " ".join(f"{flag}={value}" for flag, value in settings.items())
    shown = Path(engine).stem if engine.endswith(".toml") else engine
    return LaunchedPath(
        name=name or " ".join(filter(None, [shown, pinned])),
        engine=engine,
        engine_path=asked.engine_path,
        model=Path(asked.model),
        settings=settings,
        origin=f"--set {pinned}" if pinned else "the engine's defaults",
        rendering=asked.rendering,
    )
