"""YAML as every reader takes it: words that look like something else are quoted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import yaml

from autotune.export.model import ExportConfig
from autotune.export.provenance import provenance_lines


class Block(str):
    """A text of several lines, written as a block (``|``)."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Safe, sequences indented below their key, no anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _block(dumper: yaml.SafeDumper, text: Block) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")


_LINE_ENDS = frozenset("\x85\u2028\u2029")
"""Ends of lines to YAML 1.1: only double quotes keep them as they are."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _LINE_ENDS & set(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(Block, _block)
_Dumper.add_representer(str, _text)


def dump(data: Mapping[str, Any]) -> str:
    """One document in the order of `data`."""
    text: str = yaml.dump(
        data,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=math.inf,
    )
    return text


def comment(config: ExportConfig, scope: str) -> str:
    """The provenance as comment lines, and what `scope` the file has."""
    lines = [*provenance_lines(config.provenance), scope]
    return "".join(f"# {line}\n" for line in lines)


def plain(text: str) -> int | float | str:
    """A word as the number that is written exactly so, else as it is."""
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if str(value) == text and math.isfinite(value):
            return value
    return text
