"""Check the documents: links lead somewhere, and example commands exist as they are written.

A relative link must lead to a file, and what stands after its ``#`` to a heading there. Every
``autotune ...`` line in a fenced shell block must name a command of ``docs/cli.md``, with flags
that the command has; every ``make ...`` line a target of the Makefile. Whether their values are
taken too is tested in ``tests/packaging/test_doc_commands.py``.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from toolbox import ROOT, say

DOCUMENTS = ("*.md", "docs/**/*.md", "studies/README.md", "studies/*/README.md")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?)\s*#*$", re.MULTILINE)
COMMENT = re.compile(r"(?:^|\s)#.*$")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^#+ `(autotune[^`]*)`\n\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
FLAG = re.compile(r"(?<![\w-])--?[a-z][\w-]*")
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
SHELLS = {"sh", "bash", "console"}


def documents(root: Path) -> list[Path]:
    """The Markdown files that are checked."""
    return sorted({path for pattern in DOCUMENTS for path in root.glob(pattern)})


def broken_links(page: Path) -> Iterator[str]:
    """Relative links of a page that lead nowhere; code blocks are not looked at."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        target, _, anchor = link.partition("#")
        there = page.parent / target if target else page
        if "://" in link or link.startswith("mailto:"):
            continue
        if not there.exists():
            yield f"the link {link} leads nowhere"
        elif anchor and there.suffix == ".md" and anchor not in anchors(there):
            yield f"the link {link} leads to no heading of {there.name}"


def anchors(page: Path) -> set[str]:
    """What a link may name after its ``#``: the headings as forges spell them.

    Lower case, blanks as dashes, without other signs; a heading that comes again gets a number.
    """
    found: dict[str, int] = {}
    for heading in HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        said = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", said).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    return {f"{slug}-{n}" if n else slug for slug, last in found.items() for n in range(last + 1)}


def example_lines(text: str) -> Iterator[str]:
    """Commands in fenced shell blocks: prompts stripped, continued lines joined."""
    for language, body in FENCE.findall(text):
        if language in SHELLS:
            for line in body.replace("\\\n", " ").splitlines():
                yield line.strip().removeprefix("$ ")


def commands_in(line: str) -> Iterator[list[str]]:
    """The words of each command of a line of shell, without comments, variables, redirections.

    A ``#`` inside of a word (``my-study#7``) begins no comment.
    """
    lexer = shlex.shlex(COMMENT.sub("", line), posix=True, punctuation_chars=True)
    lexer.commenters, lexer.whitespace_split = "", True
    words: list[str] = []
    for word in (*lexer, ";"):
        if set(word) <= set("();|&"):
            yield from _command(words)
            words = []
        else:
            words.append(word)


def _command(words: list[str]) -> Iterator[list[str]]:
    kept: list[str] = []
    after_arrow = False
    for word in words:
        is_arrow = word in {"<", ">", ">>"}
        if not is_arrow and not after_arrow and (kept or not ASSIGNMENT.match(word)):
            kept.append(word)
        after_arrow = is_arrow
    if kept:
        yield [Path(kept[0]).name, *kept[1:]]


def command_flags(reference: str) -> dict[str, set[str]]:
    """The flags of each command, from the generated reference."""
    return {command: set(FLAG.findall(text)) for command, text in SECTION.findall(reference)}


def complaint(line: str, known: Mapping[str, set[str]], targets: Iterable[str]) -> str | None:
    """What is wrong with an example line, or ``None``; other programs are not looked at."""
    for words in commands_in(line):
        unknown = [w for w in words[1:] if "=" not in w and w not in set(targets)]
        if words[0] == "make" and unknown:
            return f"make has no target {unknown[0]}"
        if words[0] == "autotune" and (found := autotune_complaint(words, known)):
            return found
    return None


def autotune_complaint(words: list[str], known: Mapping[str, set[str]]) -> str | None:
    """What is wrong with an ``autotune`` command line, or ``None``."""
    named = [" ".join(words[:n]) for n in (3, 2, 1) if " ".join(words[:n]) in known]
    flags = {word.partition("=")[0] for word in words if word.startswith("-")}
    if not named or (named[0] == "autotune" and len(words) > 1 and not words[1].startswith("-")):
        return f"there is no command {' '.join(words[:2])}"
    if strange := sorted(flags - known[named[0]]):
        return f"{named[0]} has no flag {strange[0]}"
    return None


def bad_examples(page: Path, root: Path) -> Iterator[str]:
    """Example lines of a page that would not run."""
    known = command_flags((root / "docs" / "cli.md").read_text(encoding="utf-8"))
    targets = TARGET.findall((root / "Makefile").read_text(encoding="utf-8"))
    for line in example_lines(page.read_text(encoding="utf-8")):
        if problem := complaint(line, known, targets):
            yield f"{problem}: {line}"


def problems(root: Path) -> list[str]:
    """Everything that is wrong, as lines that start with the page."""
    return [
        f"{page.relative_to(root)}: {problem}"
        for page in documents(root)
        for problem in (*broken_links(page), *bad_examples(page, root))
    ]


def main(argv: list[str] | None = None) -> int:
    """Run the script; the exit code is 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="default: %(default)s")
    found = problems(parser.parse_args(argv).root)
    for line in found:
        say(f"error: {line}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
