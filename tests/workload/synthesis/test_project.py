from __future__ import annotations

from itertools import islice
from random import Random

from autotune.workload.synthesis.project import PATHS, Project, diff_lines

PATH = PATHS[0]


def test_files_are_the_same_in_every_copy() -> None:
    assert Project(3).lines(PATH) == Project(3).lines(PATH)
    assert Project(3).lines(PATH) != Project(4).lines(PATH)
    assert Project(3).lines(PATH) != Project(3).lines(PATHS[1])


def test_an_edit_shows_in_the_file() -> None:
    project = Project(1)
    before = list(project.lines(PATH))
    edit = project.edit(Random(5), PATH, 400)
    after = project.lines(PATH)
    assert edit.old != edit.new
    assert tuple(before[edit.start : edit.start + len(edit.old)]) == edit.old
    assert tuple(after[edit.start : edit.start + len(edit.new)]) == edit.new
    assert len(after) == len(before)
    assert next(project.diff(Random(1))) == f"--- a/{PATH}"


def test_a_diff_reads_like_one() -> None:
    edit = Project(1).edit(Random(5), PATH, 10)
    head = list(diff_lines(edit))
    assert head[2] == f"@@ -{edit.start + 1},1 +{edit.start + 1},1 @@"
    assert head[3:] == [f"-{edit.old[0]}", f"+{edit.new[0]}"]


def test_reading_numbers_lines_and_goes_on_with_other_files() -> None:
    project = Project(1)
    count = len(project.lines(PATH))
    shown = list(islice(project.read(Random(1), PATH), count + 2))
    assert shown[0].startswith("   1  ")
    assert shown[count].startswith("==> src/shop/")
    assert next(project.read(Random(1), PATH, 9)).startswith("  10")


def test_searching_finds_the_word_where_it_is() -> None:
    project = Project(1)
    for hit in islice(project.grep(Random(1), "return"), 40):
        path, number, text = hit.split(":", 2)
        assert "return" in text
        assert project.lines(path)[int(number) - 1].strip() == text.strip()


def test_endless_answers() -> None:
    project = Project(1)
    assert len(list(islice(project.tree(), 200))) == 200
    log = list(islice(project.test_log(Random(1), failing=True), 300))
    assert any(line.endswith("FAILED") for line in log)
    calm = islice(project.test_log(Random(1), failing=False), 300)
    assert all(line.endswith("passed") for line in calm)
