"""What a person asked of one engine or of several, sorted by engine."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.launchers.registry import known_engines, make_launcher
from autotune.search.incumbent import incumbent_engine
from autotune.search.request import RunRequest

EVERY_ENGINE = ""
"""The key of what is not said of one engine."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineWords:
    """What was said of engines, as it was said.

    `engines` are names or paths of manifests. `models` and `paths` are by engine, with
    `EVERY_ENGINE` for all of them; the keys of `pins`, of `fixes` and of `tables` are ``flag`` or
    ``engine:flag``.
    """

    engines: tuple[str, ...]
    models: Mapping[str, Path] = field(default_factory=dict)
    paths: Mapping[str, Path] = field(default_factory=dict)
    pins: Mapping[str, Setting] = field(default_factory=dict)
    fixes: Mapping[str, Setting] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def of_flags(self) -> tuple[tuple[str, str], ...]:
        """Where a flag is spoken of, and the engine before its name, `EVERY_ENGINE` without one."""
        said = (("--set", self.pins), ("--fix", self.fixes), ("[space.parameters]", self.tables))
        return tuple((where, key.rpartition(":")[0]) for where, table in said for key in table)


@dataclass(frozen=True, slots=True)
class Entrant:
    """One engine of a contest: what it is called, and what is asked of it alone.

    `label` also names its study in the contest's folder.
    """

    label: str
    request: RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestRequest:
    """One ``autotune run`` over several engines.

    `shared` is what they have in common: the workload, the budget, the name of the contest.
    `baseline` is the label of the engine that holds the config everything is compared with.
    """

    shared: RunRequest
    words: EngineWords
    entrants: tuple[Entrant, ...]
    baseline: str

    @property
    def labels(self) -> tuple[str, ...]:
        """Engines in the order in which they were named."""
        return tuple(entrant.label for entrant in self.entrants)


def make_request(base: RunRequest, words: EngineWords) -> RunRequest | ContestRequest:
    """A run of one engine, or a contest where `words` names several.

    Raises `UserError` for an engine that is named twice, and for words about engines that nobody
    knows. What is said of a known engine that does not take part says nothing here: a config file
    may hold the models of all of them.
    """
    names = {engine: _names(engine, words) for engine in words.engines}
    _check(words, {name for found in names.values() for name in found})
    if len(words.engines) == 1:
        engine = words.engines[0]
        return _single(base, engine, words, names[engine])
    return _contest(base, words, names)


def _contest(
    base: RunRequest, words: EngineWords, names: Mapping[str, tuple[str, ...]]
) -> ContestRequest:
    if EVERY_ENGINE in words.paths:
        raise UserError(
            f"--engine-path {words.paths[EVERY_ENGINE]} says not of which engine",
            f"write --engine-path {words.engines[0]}=PATH",
        )
    labels = _labels(words.engines)
    holder = _holder(base.incumbent, words.engines, labels)
    entrants = tuple(
        Entrant(label, _single(_without_incumbent(base, label == holder), engine, words, known))
        for label, (engine, known) in zip(labels, names.items(), strict=True)
    )
    shared = replace(base, engine=",".join(words.engines))
    return ContestRequest(
        shared=shared, words=words, entrants=entrants, baseline=holder or labels[0]
    )


def _without_incumbent(base: RunRequest, holds_it: bool) -> RunRequest:
    return base if holds_it else replace(base, incumbent=None)


def _single(base: RunRequest, engine: str, words: EngineWords, names: Iterable[str]) -> RunRequest:
    return replace(
        base,
        engine=engine,
        engine_path=_of(words.paths, names),
        model=_of(words.models, names),
        pins=_pins(words.pins, names),
        fixes=_pins(words.fixes, names),
        tables=_pins(words.tables, names),
    )


def _of(table: Mapping[str, T], names: Iterable[str]) -> T | None:
    """The value of an engine that goes by `names`, else the one for every engine."""
    return next((table[name] for name in names if name in table), table.get(EVERY_ENGINE))


def _pins(pins: Mapping[str, T], names: Iterable[str]) -> dict[str, T]:
    """What is said of every engine's flags, and over it what is said of this one's."""
    known, general, own = set(names), dict[str, T](), dict[str, T]()
    for key, value in pins.items():
        engine, _, flag = key.rpartition(":")
        if engine == EVERY_ENGINE:
            general[flag] = value
        elif engine in known:
            own[flag.lstrip("-")] = value
    return {**general, **own}


def _names(engine: str, words: EngineWords) -> tuple[str, ...]:
    """Everything that `engine` goes by: as typed, and a manifest by its file's and its own name.

    A manifest is only read where something may depend on it.
    """
    if not engine.endswith(".toml"):
        return (engine,)
    said = (*words.models, *words.paths, *(engine for _, engine in words.of_flags))
    if len(words.engines) == 1 and not any(said):
        return (engine,)
    return (engine, Path(engine).stem, make_launcher(engine).name)


def _check(words: EngineWords, here: set[str]) -> None:
    """Raises `UserError` for words about an engine that neither takes part nor is known."""
    said = [("--model", name) for name in words.models]
    said += [("--engine-path", name) for name in words.paths]
    said += words.of_flags
    known = {EVERY_ENGINE, *here, *known_engines()}
    for flag, name in said:
        if name in known or name.endswith(".toml"):
            continue
        close = difflib.get_close_matches(name, sorted(known - {EVERY_ENGINE}), n=1)
        raise UserError(
            f"{flag} names an engine that is not there: {name!r}",
            f"did you mean {close[0]}?" if close else f"this run has {', '.join(words.engines)}",
        )


def _labels(engines: tuple[str, ...]) -> list[str]:
    """What each engine is called, fit for a folder's name. Raises `UserError` for equal ones."""
    if "auto" in engines:
        raise UserError(
            "auto cannot stand beside other engines", "name each: --engine llama-server,vllm"
        )
    labels = [_label(engine) for engine in engines]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise UserError(
            f"two engines of {','.join(engines)} are called {twice!r}",
            "name each engine once; a manifest says its own name in its first lines",
        )
    return labels


def _label(engine: str) -> str:
    name = make_launcher(engine).name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "engine"


def _holder(incumbent: Path | None, engines: tuple[str, ...], labels: list[str]) -> str | None:
    """The label of the engine that the incumbent is a config of; ``None`` without one."""
    if incumbent is None:
        return None
    engine = incumbent_engine(incumbent)
    if engine is None:
        return labels[0]
    for named, label in zip(engines, labels, strict=True):
        if engine in {named, label, str(Path(named).resolve())}:
            return label
    raise UserError(
        f"the incumbent is a config of {engine}, which does not take part",
        f"add it: --engine {','.join(engines)},{engine}",
    )
