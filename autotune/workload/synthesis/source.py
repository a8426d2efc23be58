"""Source files of the made-up project: imports, records, functions, in a small grammar."""

from __future__ import annotations

from random import Random

from autotune.workload.synthesis.words import (
    AREAS,
    class_name,
    function_name,
    phrase,
    sentence,
    variable,
)

_TYPES = ("int", "str", "bool", "Decimal", "datetime", "list[str]", "dict[str, int]", "None")


def source_file(rng: Random, functions: int) -> list[str]:
    """The lines of one module with `functions` functions and a record or two."""
    lines = [f'"""{sentence(rng)}', "", f"{sentence(rng)}", '"""', ""]
    lines += _imports(rng)
    for _ in range(rng.randint(1, 2)):
        lines += _record(rng)
    for _ in range(functions):
        lines += function(rng)
    return lines


def _imports(rng: Random) -> list[str]:
    lines = ["from dataclasses import dataclass", "from datetime import datetime", ""]
    lines += [
        f"from shop.{area}.service import {class_name(rng)}, {function_name(rng)}"
        for area in rng.sample(AREAS, 3)
    ]
    return [*lines, "", ""]


def _record(rng: Random) -> list[str]:
    lines = [
        "@dataclass(frozen=True)",
        f"class {class_name(rng)}:",
        f'    """{sentence(rng)}"""',
        "",
    ]
    fields = {variable(rng): rng.choice(_TYPES[:-1]) for _ in range(rng.randint(3, 6))}
    return [*lines, *(f"    {name}: {kind}" for name, kind in fields.items()), "", ""]


def function(rng: Random) -> list[str]:
    """The lines of one function, two blank lines after it."""
    arguments = {variable(rng): rng.choice(_TYPES[:-1]) for _ in range(rng.randint(1, 3))}
    signature = ", ".join(f"{name}: {kind}" for name, kind in arguments.items())
    result = variable(rng)
    lines = [f"def {function_name(rng)}({signature}) -> {rng.choice(_TYPES)}:"]
    lines += [f'    """{sentence(rng)}"""']
    for _ in range(rng.randint(2, 5)):
        lines += _statement(rng, list(arguments), result)
    return [*lines, f"    return {result}", "", ""]


def _statement(rng: Random, names: list[str], result: str) -> list[str]:
    name = rng.choice(names)
    kind = rng.randrange(6)
    if kind == 0:
        return [f"    if not {name}:", f'        raise ValueError("{phrase(rng)} is missing")']
    if kind == 1:
        item = variable(rng)
        body = f"        {result} = {function_name(rng)}({item}, {name})"
        return [f"    for {item} in {function_name(rng)}({name}):", body]
    if kind == 2:
        return [f"    # {sentence(rng)}", f"    {result} = {function_name(rng)}({name})"]
    if kind == 3:
        return [f'    log.info("{phrase(rng)} for %s", {name})']
    if kind == 4:
        other = function_name(rng)
        return [
            f"    with {other}({name}) as {result}:",
            f"        {result}.{function_name(rng)}()",
        ]
    return [f"    {result} = {name}.{variable(rng)} or {function_name(rng)}({name})"]
