"""The command line's contract, on real processes: streams, exit codes, errors, precedence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autotune import __version__
from autotune.cli.commands import COMMANDS
from autotune.cli.main import main, split_globals

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

HEAVY = ("pandas", "optuna", "scipy", "plotly", "numpy", "pydantic", "rich")


def error_lines(stderr: str) -> list[str]:
    assert "Traceback" not in stderr
    return stderr.splitlines()


def test_help_names_every_command_and_imports_nothing_heavy(
    tmp_path: Path, cli_env: dict[str, str]
) -> None:
    code = (
        "import sys; from autotune.cli.main import main; code = main(['--help']); "
        f"print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=cli_env, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)
    assert "examples:" in done.stdout


def test_help_of_run_imports_nothing_that_measures(tmp_path: Path, cli_env: dict[str, str]) -> None:
    code = (
        "import sys; from autotune.cli.main import main; main(['run', '--help']); "
        f"print([m for m in {HEAVY[:5]} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=cli_env, capture_output=True, text=True
    )
    assert done.stderr == "[]\n"


@pytest.fixture
def here(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own directory and environment, for commands run in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(cli_env))
    return tmp_path


@pytest.mark.parametrize("words", [("run",), ("export",), ("study",), ("study", "show")])
@pytest.mark.usefixtures("here")
def test_every_help_has_examples(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f"examples:\n  autotune {words[0]}" in out


def test_version_is_data(cli: Cli) -> None:
    done = cli("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"autotune {__version__}\n", "")


def test_no_command_shows_the_help_on_stderr(cli: Cli) -> None:
    done = cli()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: autotune COMMAND")


@pytest.mark.usefixtures("here")
def test_help_can_be_asked_as_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert (main(["help", "export"]), main(["help"])) == (0, 0)
    assert capsys.readouterr().out.startswith("usage: autotune export STUDY [options]")


def test_a_usage_error_on_a_real_process(cli: Cli) -> None:
    done = cli("run", "--bugdet", "2h")
    assert (done.returncode, done.stdout) == (2, "")
    expected = ["error: autotune run has no flag --bugdet", "hint: did you mean --budget?"]
    assert done.stderr.splitlines() == expected


@pytest.mark.parametrize(
    ("argv", "error", "hint"),
    [
        (["rnu"], "autotune has no command 'rnu'", "did you mean autotune run?"),
        (["study", "shwo"], "autotune study has no command 'shwo'", "autotune study show?"),
        (["study"], "autotune study needs a command", "one of: list, show, turns"),
        (["--studies-dir", "x"], "--studies-dir needs a command before it", "--help"),
        (["run", "--bugdet", "2h"], "autotune run has no flag --bugdet", "mean --budget?"),
        (["run", "--bugdet=2h"], "autotune run has no flag --bugdet", "mean --budget?"),
        (["run", "--trails", "3"], "autotune run has no flag --trails", "mean --trials?"),
        (["run", "stray"], "unexpected argument 'stray'", "autotune run --help"),
        (["run", "--trials"], "--trials: expected one argument", "autotune run --help"),
        (["run", "--trials", "x"], "--trials: 'x' is not a whole number", "run --help"),
        (["run", "--trials", "0"], "--trials: 0 is too small, it must be at least 1", "--help"),
        (["run", "--budget", "1x"], "--budget: '1x' is not a duration", "90s, 10m, 2h"),
        (["run", "--budget", "0s"], "--budget: 0s is too small, it must be above 0", "--help"),
        (["run", "--objective", "trun"], "'trun' is not one of 'turn', 'ttft' or", "mean turn?"),
        (["run", "--set", "x"], "--set: 'x' is not flag=value", "--set batch-size=512"),
        (["run"], "no workload: nothing says which sessions to replay", "--workload PATH"),
        (["export"], "the following arguments are required: STUDY", "export --help"),
    ],
)
@pytest.mark.usefixtures("here")
def test_usage_errors_are_two_lines(
    argv: list[str], error: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(argv)
    out, err = capsys.readouterr()
    first, second = error_lines(err)
    assert (code, out) == (2, "")
    assert first.startswith("error: ")
    assert error in first
    assert second.startswith("hint: ")
    assert hint in second


def test_a_wrong_key_in_the_project_file_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "autotune.toml").write_text('bugdet = "2h"\n')
    done = cli("run", "--workload", "x")
    first, second = error_lines(done.stderr)
    assert done.returncode == 2
    assert first == f"error: {tmp_path}/autotune.toml: there is no setting 'bugdet'"
    assert second == "hint: did you mean budget?"


@pytest.mark.parametrize(
    ("file_value", "env", "label"),
    [
        ('objective = "trun"', {}, "objective in {tmp}/autotune.toml: 'trun' is not one of"),
        ("", {"AUTOTUNE_OBJECTIVE": "trun"}, "AUTOTUNE_OBJECTIVE: 'trun' is not one of"),
    ],
)
def test_a_bad_value_is_blamed_on_where_it_was_written(
    here: Path,
    file_value: str,
    env: dict[str, str],
    label: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (here / "autotune.toml").write_text(file_value)
    os.environ.update(env)
    assert main(["run", "--workload", "x"]) == 2
    assert label.format(tmp=here) in error_lines(capsys.readouterr().err)[0]


def test_precedence_on_a_real_process(cli: Cli, tmp_path: Path) -> None:
    user = tmp_path / "home" / ".config" / "autotune"
    user.mkdir(parents=True)
    (user / "config.toml").write_text('gpu = "user"\nseed = 1\nstudies-dir = "s"\n')
    (tmp_path / "autotune.toml").write_text('gpu = "project"\nseed = 2\n')
    shown = json.loads(cli("config", "show", "--origins", "--json", AUTOTUNE_SEED="3").stdout)
    settings = shown["settings"]
    assert settings["seed"] == {"value": 3, "origin": "AUTOTUNE_SEED"}
    assert settings["gpu"]["value"] == "project"
    assert settings["gpu"]["origin"] == f"gpu in {tmp_path}/autotune.toml"
    assert settings["studies-dir"]["value"] == str(user / "s")
    assert settings["trials"] == {"value": None, "origin": "default"}


@pytest.mark.parametrize("argv", [["--json", "run"], ["run", "--json"]])
@pytest.mark.usefixtures("here")
def test_errors_are_json_too_when_asked_before_or_after(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(argv)
    out, err = capsys.readouterr()
    (line,) = out.splitlines()
    found = json.loads(line)["error"]
    assert found["exit_code"] == code == 2
    assert found["kind"] == "UserError"
    assert err == f"error: {found['message']}\nhint: {found['hint']}\n"


@pytest.mark.usefixtures("here")
def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--debug"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.splitlines()[-2].startswith("error: no workload")


def test_a_misspelt_variable_is_warned_about(cli: Cli) -> None:
    done = cli("config", "show", AUTOTUNE_BUGDET="2h")
    assert done.returncode == 0
    assert done.stderr == "warning: AUTOTUNE_BUGDET is no setting; did you mean AUTOTUNE_BUDGET?\n"


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, cli_env: dict[str, str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "autotune.cli.main", "--help"],
            cwd=tmp_path,
            env=cli_env,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_a_full_disk_behind_stdout_is_a_machine_error(
    tmp_path: Path, cli_env: dict[str, str]
) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with full.open("w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "autotune.cli.main", "--version"],
            cwd=tmp_path,
            env=cli_env,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 3
    assert done.stderr.startswith("error: cannot write the answer: No space left on device\n")


def crashing(cli_env: dict[str, str], error: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """`autotune doctor` where the command raises `error`."""
    code = f"""
import sys, types
from pydantic import BaseModel
from autotune.cli import main

class Doctor(BaseModel):
    def run(self, io):
        raise {error}

sys.modules["autotune.cli.doctor"] = types.SimpleNamespace(Doctor=Doctor)
sys.exit(main.main(["doctor", *{list(flags)!r}]))
"""
    return subprocess.run([sys.executable, "-c", code], env=cli_env, capture_output=True, text=True)


def test_a_bug_is_two_lines_and_not_exit_code_1(cli_env: dict[str, str]) -> None:
    done = crashing(cli_env, "KeyError('x')")
    assert done.returncode == 3
    assert error_lines(done.stderr)[0] == "error: unexpected KeyError: 'x'"
    assert "--debug" in error_lines(done.stderr)[1]
    assert "raise KeyError('x')" not in done.stderr
    assert "in run" in crashing(cli_env, "KeyError('x')", "--debug").stderr


def test_libraries_log_only_when_asked(cli_env: dict[str, str]) -> None:
    raised = (
        "(__import__('logging').getLogger('optuna').warning('trial failed') or KeyboardInterrupt)"
    )
    assert crashing(cli_env, raised).stderr == "interrupted\n"
    assert "trial failed" in crashing(cli_env, raised, "--debug").stderr


def test_interrupts_are_130(cli_env: dict[str, str]) -> None:
    done = crashing(cli_env, "KeyboardInterrupt")
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_machine_errors_are_3(cli_env: dict[str, str]) -> None:
    raised = "__import__('autotune.errors').errors.MachineError('no GPU', 'plug one in')"
    done = crashing(cli_env, raised)
    assert (done.returncode, done.stderr) == (3, "error: no GPU\nhint: plug one in\n")


def test_globals_stand_anywhere_before_a_double_dash() -> None:
    line = split_globals(["--json", "run", "--debug", "--", "--json"])
    assert line.words == ("run", "--", "--json")
    assert (line.json, line.debug) == (True, True)
    assert not split_globals(["run", "--", "--json"]).json
