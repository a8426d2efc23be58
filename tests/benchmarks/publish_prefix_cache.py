"""Make what a prefix-cache experiment left fit to be committed: figures, no text, no paths.

    python tests/benchmarks/publish_prefix_cache.py studies/x --output studies/prefix-cache-e/real \
        --session real

Sessions are named anew, in the order in which they were replayed (``real``, or ``real-1``,
``real-2``); files are known by their last name alone. ``README.md`` in the folder above is given
the table by depth, between the marks ``<!-- NAME -->`` and ``<!-- end of NAME -->`` of the output's
name.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from autotune.records import TurnRecord
from autotune.report.cache_experiment import JSON, write_effect
from autotune.report.cache_table import COLUMNS, headline, rows
from autotune.scoring.cache_effect import CacheEffect, cache_effect
from autotune.study.files import read_json, write_json, write_text_atomic
from autotune.study.turn_log import read_turns

COMPARE = "compare.json"
LEFT_OUT = frozenset({"log", "logs", "folder", "argv", "command", "machine"})
"""Keys of ``compare.json`` that say where and how on this machine, not what was found."""


def names_of(records: Sequence[TurnRecord], name: str) -> dict[str, str]:
    """A neutral name for every session, in the order of their first turns."""
    ids = list(dict.fromkeys(r.session_id for r in sorted(records, key=lambda r: r.order)))
    return {old: name if len(ids) == 1 else f"{name}-{at}" for at, old in enumerate(ids, 1)}


def neutral(value: Any, names: Mapping[str, str]) -> Any:
    """JSON without paths, and with the sessions' new names."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in LEFT_OUT}
        return {names.get(k, k): neutral(v, names) for k, v in kept.items()}
    if isinstance(value, list):
        return [neutral(each, names) for each in value]
    return neutral_text(value, names) if isinstance(value, str) else value


def neutral_text(text: str, names: Mapping[str, str]) -> str:
    """One string: file names without their folders, sessions under their new names."""
    words = " ".join(word.rpartition("/")[2] if word.startswith("/") else word
                     for word in text.split(" "))  # fmt: skip
    for old, new in names.items():
        words = words.replace(old, new)
    return words


def markdown(effect: CacheEffect) -> Iterator[str]:
    """The headline, and the table by depth."""
    yield headline(effect) + "."
    yield ""
    heads = (name.replace("\n", " ").strip() for name in COLUMNS)
    yield f"| {' | '.join(heads)} |"
    yield f"|---|{'---:|' * (len(COLUMNS) - 1)}"
    for cells in rows(effect):
        yield f"| {' | '.join(cells)} |"


def tell_readme(readme: Path, name: str, effect: CacheEffect) -> None:
    """Put the table between its marks, where the file has them."""
    if not readme.is_file():
        return
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, mark, rest = readme.read_text(encoding="utf-8").partition(begin)
    _, closing, after = rest.partition(end)
    if mark and closing:
        table = "\n".join(markdown(effect))
        write_text_atomic(readme, f"{before}{begin}\n{table}\n{end}{after}")


def main() -> int:
    """Run it; the exit code is 1 when the folder holds no experiment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path, help="folder that autotune compare wrote")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--session", required=True, help="neutral name of the sessions")
    options = parser.parse_args()
    records = list(read_turns(options.study / "turns.jsonl"))
    if not records:
        print(f"error: {options.study} holds no turns", file=sys.stderr)
        return 1
    names = names_of(records, options.session)
    effect = cache_effect(replace(r, session_id=names[r.session_id]) for r in records)
    own = read_json(options.study / JSON) or {}
    paths = write_effect(options.output, effect, subject=own.get("subject", ""))
    if (told := read_json(options.study / COMPARE)) is not None:
        write_json(options.output / COMPARE, neutral(told, names))
    tell_readme(options.output.parent / "README.md", options.output.name, effect)
    print(json.dumps([str(path) for path in paths]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
