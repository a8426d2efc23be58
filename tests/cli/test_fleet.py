"""``autotune fleet plan`` and ``show`` in this process, and nights of a fleet."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from autotune.cli.main import main
from autotune.cli.nightly_targets import demand_targets, targets_here
from autotune.errors import UserError
from autotune.fleet.record import Record
from autotune.hardware import probe
from autotune.hardware.gpu import Gpu, GpuState
from autotune.nightly.fingerprint import Fingerprint
from autotune.nightly.settled import Settled
from autotune.study.files import write_json

CARD = Gpu(uuid="GPU-1a", name="NVIDIA GeForce RTX 3090", index=0, vram_bytes=24 << 30)
FLEET = """
[fleet]
gpus = ["3090", "5090"]
models = { coder = "m.gguf" }
workloads = { agents = "captures" }
idle = { person = "off" }
"""
SEEN = Fingerprint(
    model="m", model_sha256="a", model_sample="s", model_bytes=1, engine="e", engine_version="1",
    engine_sha256="e", gpu=CARD.name, gpu_name=CARD.name, workload_digest="w",
    workload_sessions=1, space_digest="d", autotune_version="1",
)  # fmt: skip


class Machine:
    """One RTX 3090."""

    problem = None

    def gpus(self) -> tuple[Gpu, ...]:
        return (CARD, replace(CARD, uuid="GPU-2b", index=1))

    def state(self, uuid: str) -> GpuState:
        return GpuState()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a fleet, on a machine with two cards of one of its kinds."""
    for name in list(os.environ):
        if name.startswith(("AUTOTUNE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", cli_env["HOME"])
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    @contextmanager
    def fake(assumed: str | None = None) -> Iterator[Machine]:
        yield Machine()

    monkeypatch.setattr(probe, "gpu_probe", fake)
    (tmp_path / "fleet.toml").write_text(FLEET)
    (tmp_path / "autotune.toml").write_text('[nightly]\nfleet = "fleet.toml"\n')
    return tmp_path


def test_a_plan_names_what_is_wrong_and_what_is_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["fleet", "plan", "fleet.toml"]) == 0
    out = capsys.readouterr().out
    here = next(line for line in out.splitlines() if line.startswith("coder-agents-3090 "))
    assert "cannot be tuned" in here
    assert "coder-agents-5090: no GPU matches '5090'; here: 0: NVIDIA GeForce RTX 3090" in out
    assert "0 targets of 2 would be tuned here" in out
    assert main(["fleet", "plan", "fleet.toml", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["cards"] for row in document["targets"]] == [["GPU-1a", "GPU-2b"], []]
    assert document["targets"][1]["standing"] == "not here"


def test_a_target_that_cannot_be_tuned_is_the_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["fleet", "run", "fleet.toml", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert code == document["exit_code"] == 2 or code == document["exit_code"] == 3
    assert document["targets"][0]["state"] == "failed"
    assert document["targets"][0]["hint"]


def test_a_fleet_of_other_hosts_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "fleet.toml").write_text(FLEET.replace('"3090", ', ""))
    assert main(["fleet", "run", "fleet.toml"]) == 2
    assert "none of the fleet's GPUs (5090) is on " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["fleet", "show", "none.toml"], "there is no fleet at none.toml"),
        (["fleet", "run", "fleet.toml", "coder-agents-309"], "did you mean coder-agents-3090?"),
        (["fleet", "run"], "arguments are required: FILE"),
    ],
)
def test_what_is_asked_wrongly(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    assert said in capsys.readouterr().err


def test_what_is_known_of_each_target(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "show", "fleet.toml"]) == 0
    assert capsys.readouterr().out.count("not tuned yet") == 2
    record = Record(folder / "studies", "coder-agents-5090")
    record.settle(Settled(fingerprint=SEEN, sessions=(), study="fleet-x"))
    summary = {
        "exit_code": 0, "verdict": "Trial 3 wins.", "winner": 3, "speedup": 1.4,
        "interval": [1.3, 1.5], "changes": {"batch-size": 512}, "study": "x",
    }  # fmt: skip
    write_json(folder / "studies" / "fleet-x" / "result.json", {"summary": summary})
    Record(folder / "studies", "coder-agents-3090").begin("fleet-y", SEEN)
    assert main(["fleet", "show", "fleet.toml", "--json"]) == 0
    going, tuned = json.loads(capsys.readouterr().out)["targets"]
    assert (going["state"], going["study"]) == ("unfinished", "fleet-y")
    assert (tuned["gpu"], tuned["speedup"], tuned["study"]) == (CARD.name, 1.4, "fleet-x")
    assert tuned["settings"] == {"batch-size": 512}


def test_nights_have_the_targets_of_the_fleet_that_are_here(folder: Path) -> None:
    found = targets_here(Path("studies"))
    assert list(found) == ["coder-agents-3090"]
    assert found["coder-agents-3090"].idle.person_s is None
    assert found["coder-agents-3090"].model == folder / "m.gguf"
    (target,) = demand_targets(Path("studies"), ["coder-agents-3090"])
    assert target.state == Path("studies/nightly/coder-agents-3090")


def test_a_name_is_one_targets(folder: Path) -> None:
    own = '[nightly.targets.coder-agents-3090]\nmodel = "m"\nworkload = "w"\n'
    (folder / "autotune.toml").write_text(f'[nightly]\nfleet = "fleet.toml"\n{own}')
    with pytest.raises(UserError, match=r"is a target of .* and of autotune\.toml"):
        targets_here(Path("studies"))
    (folder / "autotune.toml").write_text("[nightly]\nfleet = 3\n")
    with pytest.raises(UserError, match="fleet: 3 is not a path"):
        targets_here(Path("studies"))
    (folder / "autotune.toml").write_text('[nightly]\nfleat = "x"\n')
    with pytest.raises(UserError) as caught:
        targets_here(Path("studies"))
    assert caught.value.hint == "did you mean fleet?"
