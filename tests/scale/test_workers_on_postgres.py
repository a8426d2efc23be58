"""Three workers on PostgreSQL and the reference engine: one killed, the database restarted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from postgres_server import PASSWORD, PostgresServer
from team_workers import (
    Team,
    check_counted_once,
    check_everything_measured_counts,
    small_workload,
    until,
)

from autotune.errors import ExitCode, MachineError
from autotune.team.shared_study import open_shared
from autotune.team.storage_url import PASSWORD_ENV, parse_storage
from make_deep_gguf import Shape, write

pytest.importorskip("psycopg", reason="run: make test-scale")

pytestmark = pytest.mark.scale

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
MEASURED = ("complete", "stopped-early", "infeasible")
ENDED = (ExitCode.DONE, ExitCode.NOTHING_BETTER)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    folder = os.environ.get("AUTOTUNE_TEST_POSTGRES")
    if not folder:
        pytest.skip("AUTOTUNE_TEST_POSTGRES names no folder of PostgreSQL's programs")
    server = PostgresServer(Path(folder))
    yield server
    server.remove()


def made(postgres: PostgresServer, root: Path, study: str, argv: list[str]) -> Team:
    common = ["--gpu", "cpu", "--confirm-blocks", "1", "--display", "plain", "--heartbeat", "1s"]
    common += ["--no-effects", "--no-usual-chart", "--artifacts", str(root / "artifacts")]
    return Team(root, postgres.url, [*argv, *common], {PASSWORD_ENV: PASSWORD}, study)


@pytest.fixture
def reference_team(
    postgres: PostgresServer, smollm2: Path, reference_launcher: object, tmp_path: Path
) -> Iterator[Team]:
    # A small random model: three engines share what may be two busy cores.
    model = tmp_path / "model.gguf"
    write(smollm2, model, Shape(layers=1, width=64, feed_forward=128, context_tokens=8192))
    workload = small_workload(tmp_path / "wl.jsonl")
    argv = ["--engine", "reference", "--model", str(model), "--workload", str(workload)]
    argv += ["--fix", "threads=1", "--fix", "threads-batch=1"]
    argv += ["--trials", "7", "--max-output-tokens", "4", "--no-hold", "--anchor-every", "0"]
    team = made(postgres, tmp_path, "reference", argv)
    yield team
    team.end()


@pytest.fixture
def fake_team(
    postgres: PostgresServer,
    fake_engine_manifest: Callable[..., Path],
    fake_model: Path,
    tmp_path: Path,
) -> Iterator[Team]:
    manifest = fake_engine_manifest(prefill_us=500.0, token_us=20000.0, search_space=str(SPACE))
    workload = small_workload(tmp_path / "wl.jsonl")
    argv = ["--engine", str(manifest), "--model", str(fake_model), "--workload", str(workload)]
    team = made(postgres, tmp_path, "fake", [*argv, "--trials", "9", "--max-output-tokens", "4"])
    yield team
    team.end()


def check_no_secret(team: Team) -> None:
    """The password is in nothing that the workers wrote or printed, and not in the artefacts."""
    found = [p for p in team.root.rglob("*") if p.is_file() and PASSWORD.encode() in p.read_bytes()]
    assert found == []


def finish(team: Team, alive: tuple[int, ...], wanted: int) -> None:
    codes = team.wait(*alive)
    assert set(codes) <= set(ENDED), "\n".join(team.said(n) for n in alive)
    folder = next(f for f in team.folders if f.read_result() is not None)
    trials = folder.read_trials()
    check_counted_once(trials)
    check_everything_measured_counts(folder, team.folders)
    assert sum(t["state"] in MEASURED for t in trials) >= wanted
    until(lambda: team.engines() == [], "no engine is left", team)
    check_no_secret(team)


def test_a_killed_worker_and_a_restarted_database_lose_nothing(
    reference_team: Team, postgres: PostgresServer
) -> None:
    team = reference_team
    for _ in range(3):
        team.start()
    team.until_said(2, "(1/7)")
    for number in range(3):
        team.until_said(number, "s/turn")
    until(
        lambda: team.said(2).count(" started") > team.said(2).count("s/turn"),
        "worker 2 is in the middle of a trial",
        team,
    )
    team.kill(2)
    postgres.stop()
    team.until_said(0, "does not answer: waiting for it")
    team.until_said(1, "does not answer: waiting for it")
    postgres.start()
    team.until_said(0, "answers again")
    team.until_said(1, "answers again")
    finish(team, (0, 1), 7)


def test_a_database_that_restarts_again_and_again_counts_nothing_twice(
    fake_team: Team, postgres: PostgresServer
) -> None:
    team = fake_team
    for _ in range(3):
        team.start()
    for restart in range(3):
        until(
            lambda n=restart: sum(team.said(w).count("s/turn") for w in range(3)) > 2 * n,
            "trials go on",
            team,
        )
        postgres.stop()
        postgres.start()
    finish(team, (0, 1, 2), 9)


def test_a_wrong_password_is_said_at_once_and_not_repeated(postgres: PostgresServer) -> None:
    url, wrong = parse_storage(postgres.url), "falsch-4711"
    with (
        pytest.raises(MachineError, match="password authentication failed") as caught,
        open_shared(url, "s", env={PASSWORD_ENV: wrong}),
    ):
        pass
    assert wrong not in f"{caught.value.message} {caught.value.hint}"


def test_the_password_may_be_where_postgresql_looks_for_it(postgres: PostgresServer) -> None:
    program = (
        "import sys; from autotune.team.shared_study import open_shared\n"
        "from autotune.team.storage_url import parse_storage\n"
        "with open_shared(parse_storage(sys.argv[1]), 'plain') as study: print(study.study_name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, postgres.url],
        env={"PATH": os.environ["PATH"], "PGPASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "plain"), done.stderr
