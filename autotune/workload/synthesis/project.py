"""A made-up project that an agent reads, searches, edits and tests; edits show up again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from autotune.workload.synthesis.source import source_file
from autotune.workload.synthesis.words import (
    AREAS,
    LAYERS,
    cycle,
    function_name,
    phrase,
    sentence,
    variable,
)

PATHS = tuple(f"src/shop/{area}/{layer}.py" for area in AREAS for layer in LAYERS)


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines of a file that were replaced; `start` counts from 0."""

    path: str
    start: int
    old: tuple[str, ...]
    new: tuple[str, ...]


class Project:
    """Files made from `seed` when they are first looked at; the same for every session."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._files: dict[str, list[str]] = {}
        self.edits: list[Edit] = []

    def lines(self, path: str) -> list[str]:
        """The file as it is now."""
        if path not in self._files:
            rng = Random(f"{self._seed}:{path}")
            self._files[path] = source_file(rng, functions=rng.randint(8, 20))
        return self._files[path]

    def edit(self, rng: Random, path: str, chars: int) -> Edit:
        """Change a few lines of `path`, so that old and new together have about `chars`."""
        lines = self.lines(path)
        start = rng.randrange(len(lines))
        count, size = 0, 0
        while start + count < len(lines) and (count == 0 or size < chars // 2):
            size += len(lines[start + count]) + 1
            count += 1
        old = tuple(lines[start : start + count])
        new = (*(_changed(rng, line, chars // 2) for line in old[:-1]), _rewritten(rng, old[-1]))
        lines[start : start + count] = new
        edit = Edit(path, start, old, new)
        self.edits.append(edit)
        return edit

    def numbered(self, path: str, start: int = 0) -> Iterator[str]:
        """The file from line `start` with line numbers, as a reading tool shows it."""
        for number, line in enumerate(self.lines(path)[start:], start=start + 1):
            yield f"{number:4d}  {line}" if line else f"{number:4d}"

    def read(self, rng: Random, path: str, start: int = 0) -> Iterator[str]:
        """`path` from line `start`, then other files of the project, each under its name."""
        yield from self.numbered(path, start)
        while True:
            other = rng.choice(PATHS)
            yield f"==> {other} <=="
            yield from self.numbered(other)

    def grep(self, rng: Random, word: str) -> Iterator[str]:
        """Lines that hold `word`, over the project, then those of further words."""
        while True:
            for path in rng.sample(PATHS, 12):
                for number, line in enumerate(self.lines(path), start=1):
                    if word in line:
                        yield f"{path}:{number}: {line.strip()}"
            word = rng.choice(AREAS)[:4]

    def tree(self) -> Iterator[str]:
        """Every path with its number of lines, again and again."""
        return cycle(lambda: (f"{path}  {len(self.lines(path))} lines" for path in PATHS))

    def diff(self, rng: Random) -> Iterator[str]:
        """Every edit so far as a unified diff, the latest first, then the files around them."""
        for edit in reversed(self.edits):
            yield from diff_lines(edit)
        yield from self.read(rng, self.edits[-1].path if self.edits else rng.choice(PATHS))

    def test_log(self, rng: Random, *, failing: bool) -> Iterator[str]:
        """A test run: passing tests, now and then a failure with its lines of source."""
        while True:
            area = rng.choice(AREAS)
            test = f"tests/{area}/test_{rng.choice(LAYERS)}.py::test_{function_name(rng)}"
            if not failing or rng.random() > 0.06:
                yield f"{test} passed"
                continue
            yield f"{test} FAILED"
            yield from self._failure(rng)

    def _failure(self, rng: Random) -> Iterator[str]:
        path = self.edits[-1].path if self.edits else rng.choice(PATHS)
        lines = self.lines(path)
        start = rng.randrange(max(1, len(lines) - 8))
        yield f"    {path}:{start + 1}: in {function_name(rng)}"
        yield from (f"    {line}" for line in lines[start : start + 8])
        yield f"E   AssertionError: expected the {phrase(rng)}, got the {phrase(rng)}"


def diff_lines(edit: Edit) -> Iterator[str]:
    """One edit as a unified diff."""
    yield f"--- a/{edit.path}"
    yield f"+++ b/{edit.path}"
    yield f"@@ -{edit.start + 1},{len(edit.old)} +{edit.start + 1},{len(edit.new)} @@"
    yield from (f"-{line}" for line in edit.old)
    yield from (f"+{line}" for line in edit.new)


def _changed(rng: Random, line: str, chars: int) -> str:
    """`line` after an edit: mostly the same, sometimes with another call or a comment."""
    indent = line[: len(line) - len(line.lstrip())]
    roll = rng.random()
    if not line.strip() or roll < 0.5:
        return line
    if roll < 0.8 or chars < 120:
        return _rewritten(rng, line)
    return f"{indent}# {sentence(rng)}"


def _rewritten(rng: Random, line: str) -> str:
    """Another call in place of `line`, at its indent."""
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}{variable(rng)} = {function_name(rng)}({variable(rng)})"
