"""``autotune nightly install`` and ``uninstall``, on a machine of made-up programs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from autotune.cli.main import main

CRONTAB = """#!/bin/sh
table="$HOME/table"
case "$1" in
-l) [ -f "$table" ] || { echo "no crontab for me" >&2; exit 1; }; cat "$table" ;;
-r) rm -f "$table" ;;
-) cat > "$table" ;;
esac
"""
OTHERS = "0 5 * * * backup --all\n"

TARGETS = """
model = "m.gguf"
workload = "captures"

[nightly.targets.coder]
budget = "1h"

[nightly.targets.chat]
budget = "30m"
"""

Run = Callable[..., "Done"]


@dataclass(frozen=True)
class Done:
    """What a command answered."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(
    tmp_path: Path,
    cli_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """``autotune nightly ...`` where there is cron and no systemd."""
    (tmp_path / "home").mkdir()
    (tmp_path / "autotune.toml").write_text(TARGETS)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("crontab", CRONTAB), ("systemctl", "#!/bin/sh\necho no bus >&2; exit 1\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    for name in list(os.environ):
        if name.startswith(("AUTOTUNE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{programs}:{cli_env['PATH']}")
    monkeypatch.setenv("HOME", cli_env["HOME"])
    monkeypatch.chdir(tmp_path)

    def nightly(*argv: str) -> Done:
        code = main(["nightly", *argv])
        return Done(code, *capsys.readouterr())

    return nightly


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "home" / "table"


def test_it_is_installed_once_and_leaves_no_trace(run: Run, table: Path, tmp_path: Path) -> None:
    table.write_text(OTHERS)
    first = run("install", "--at", "02:30")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("installed: every night at 02:30 by cron, next on ")
    assert (
        "why cron: not systemd: no systemd user instance answers (no bus); crontab" in first.stdout
    )
    assert f"output: {tmp_path}/studies/nightly/schedule.log" in first.stdout
    line, rest = table.read_text().split("\n", 1)
    assert line.startswith("30 2 * * * /bin/sh ")
    assert rest == OTHERS
    again = run("install", "--at", "02:30")
    assert again.stdout.startswith("as it was: ")
    changed = run("install", "--at", "4:05", "--days", "mon,sun", "--json")
    told = json.loads(changed.stdout)
    assert (told["effect"], told["at"], told["days"]) == ("changed", "04:05", "mon, sun")
    assert table.read_text().startswith("5 4 * * 1,0 /bin/sh ")
    gone = run("uninstall")
    assert gone.stdout.count("removed ") == 3
    assert table.read_text() == OTHERS
    assert [p for p in (tmp_path / "home").rglob("*") if p.is_file()] == [table]
    nothing = run("uninstall")
    assert nothing.returncode == 0
    assert "nothing was installed as " in nothing.stderr


def test_a_dry_run_prints_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    done = run("install", "chat", "--at", "02:30", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "nightly run chat" in done.stdout
    assert "# ---- a line of the crontab" in done.stdout
    assert list((tmp_path / "home").iterdir()) == []
    told = json.loads(run("install", "--dry-run", "--schedule", "systemd", "--json").stdout)
    assert [Path(a["place"]).suffix for a in told["artefacts"]] == [".service", ".timer"]
    assert "it cannot be used here: no systemd user instance answers (no bus)" in told["notes"]
    assert told["command"][-2:] == ["nightly", "run"]


@pytest.mark.parametrize(
    ("argv", "code", "said", "hint"),
    [
        (["--at", "25:00"], 2, "'25:00' is no time of day", "02:30"),
        (["--days", "someday"], 2, "'someday' are no days of the week", "mon-fri"),
        (["codr"], 2, "there is no target 'codr'", "did you mean coder?"),
        (["--schedule", "systemd"], 3, "systemd cannot be used here", "--schedule auto"),
        (["--limit", "5s"], 2, "--limit: 5s is too small", "--help"),
    ],
)
def test_what_cannot_be_is_told(run: Run, argv: list[str], code: int, said: str, hint: str) -> None:
    done = run("install", *argv)
    assert done.returncode == code
    error, told = done.stderr.splitlines()
    assert said in error
    assert hint in told


def test_without_a_target_it_says_how_to_write_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "autotune.toml").write_text("seed = 3\n")
    done = run("install")
    assert done.returncode == 2
    assert "there is no target in" in done.stderr
    assert "docs/nightly.md" in done.stderr


def test_what_a_night_will_not_have_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTUNE_BUDGET", "2h")
    done = run("install", "--limit", "1h", "--json")
    notes = json.loads(done.stdout)["notes"]
    assert any(note.startswith("AUTOTUNE_BUDGET is set in this shell only") for note in notes)
    budgets = "the budgets are 1h 30m together, and a night is ended after 1h 00m: raise --limit"
    assert budgets in notes


def test_a_schedule_of_another_folder_is_removed_by_its_name(run: Run, tmp_path: Path) -> None:
    name = json.loads(run("install", "--json").stdout)["name"]
    (tmp_path / "autotune.toml").rename(tmp_path / "moved.toml")
    bad = run("uninstall", "--name", "../..")
    assert bad.returncode == 2
    unknown = run("uninstall", "--name", "other-00000000")
    assert f"installed: --name {name} of {tmp_path}" in unknown.stderr
    assert json.loads(run("uninstall", "--name", name, "--json").stdout)["name"] == name
