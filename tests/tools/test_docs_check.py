from __future__ import annotations

from pathlib import Path

import pytest

import docs_check

REFERENCE = """
## `autotune`

```text
usage: autotune COMMAND
  --version
```

## `autotune captures`

```text
usage: autotune captures COMMAND
```

### `autotune captures inspect`

```text
usage: autotune captures inspect PATH [options]
  -h, --help
  --top-turns N
```
"""
KNOWN = docs_check.command_flags(REFERENCE)


def test_flags_are_read_from_the_reference() -> None:
    assert KNOWN["autotune captures inspect"] == {"-h", "--help", "--top-turns"}
    assert KNOWN["autotune captures"] == set()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("autotune captures inspect a.jsonl --top-turns 3", None),
        ("autotune captures inspect a.jsonl --top-turns=3  # the deepest", None),
        ("autotune --version", None),
        ("autotune captures inspect --top-turn 3", "has no flag --top-turn"),
        ("autotune frobnicate x", "there is no command autotune frobnicate"),
        ("make demo DEMO_TRIALS=3", None),
        ("make coffee", "make has no target coffee"),
        ("git status --no-such-flag", None),
        ("autotune captures inspect a#7 --top-turn 3", "has no flag --top-turn"),
        ("cd x && FAST=1 .venv/bin/autotune captures inspect -x > out", "has no flag -x"),
        ("autotune captures inspect a.jsonl | less --no-such-flag", None),
        ("", None),
    ],
)
def test_examples_are_held_against_the_reference(line: str, problem: str | None) -> None:
    found = docs_check.complaint(line, KNOWN, ["demo"])
    assert found == problem if problem is None else problem in (found or "")


def test_continued_and_prompted_lines_are_joined_and_stripped() -> None:
    text = "```sh\n$ autotune run \\\n  --gpu cpu\n```\n```text\nautotune nothing\n```\n"
    assert [line.split() for line in docs_check.example_lines(text)] == [
        ["autotune", "run", "--gpu", "cpu"]
    ]


def test_commands_of_a_line_of_shell() -> None:
    line = "A=1 bin/autotune run 'a b' --set x=1,2 --until 3% > out.txt && make test  # so"
    assert list(docs_check.commands_in(line)) == [
        ["autotune", "run", "a b", "--set", "x=1,2", "--until", "3%"],
        ["make", "test"],
    ]
    assert list(docs_check.commands_in("# only a comment")) == []


def test_a_link_into_a_page_leads_to_a_heading(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("## `[export]` and *more*!\n# Twice\n# Twice\n```sh\n# no heading\n```\n")
    assert docs_check.anchors(page) == {"export-and-more", "twice", "twice-1"}
    other = tmp_path / "other.md"
    other.write_text("[a](page.md#twice-1) [b](page.md#thrice) [![p](gone.svg)](page.md) [c](#x)\n")
    assert list(docs_check.broken_links(other)) == [
        "the link page.md#thrice leads to no heading of page.md",
        "the link gone.svg leads nowhere",
        "the link #x leads to no heading of other.md",
    ]


def test_problems_name_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "cli.md").write_text(REFERENCE)
    (tmp_path / "Makefile").write_text("demo: x\n")
    (tmp_path / "README.md").write_text(
        "[ok](docs/cli.md#autotune-captures) [web](https://example.org/x) [gone](docs/gone.md)\n"
        "```sh\nautotune run\n```\n"
    )
    assert docs_check.main(["--root", str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: README.md: the link docs/gone.md leads nowhere",
        "error: README.md: there is no command autotune run: autotune run",
    ]


def test_good_documents_pass(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "cli.md").write_text(REFERENCE)
    (tmp_path / "Makefile").write_text("demo: x\n")
    assert docs_check.main(["--root", str(tmp_path)]) == 0
