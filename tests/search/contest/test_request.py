"""What is said of engines, sorted by engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import UserError
from autotune.search.contest.request import ContestRequest, EngineWords, make_request
from autotune.search.contest.resume import contest_resume
from autotune.search.request import RunRequest
from autotune.study.folder import StudyFolder

BASE = RunRequest(workload=Path("w"), trials=9)
TWO = ("llama-server", "reference")


def words(*engines: str, **said: Any) -> EngineWords:
    return EngineWords(engines=engines, **said)


def contest(*engines: str, base: RunRequest = BASE, **said: Any) -> ContestRequest:
    request = make_request(base, words(*engines, **said))
    assert isinstance(request, ContestRequest)
    return request


def test_one_engine_is_a_plain_run() -> None:
    found = make_request(BASE, words("auto", models={"": Path("m")}, pins={"threads": 2}))
    assert found == RunRequest(workload=Path("w"), trials=9, model=Path("m"), pins={"threads": 2})


def test_one_engine_takes_what_is_said_of_it_and_not_what_is_said_of_others() -> None:
    models = {"llama-server": Path("a.gguf"), "reference": Path("b.gguf")}
    found = make_request(BASE, words("reference", models=models, pins={"llama-server:a": 1}))
    assert isinstance(found, RunRequest)
    assert (found.engine, found.model, found.pins) == ("reference", Path("b.gguf"), {})


def test_each_engine_has_its_own_and_what_is_said_of_all() -> None:
    request = contest(
        *TWO,
        models={"": Path("m.gguf"), "reference": Path("r.gguf")},
        paths={"llama-server": Path("/opt/ls")},
        pins={"threads": 2, "reference:threads": 1, "reference:--ubatch-size": 64},
    )
    one, other = (entrant.request for entrant in request.entrants)
    assert (one.model, other.model) == (Path("m.gguf"), Path("r.gguf"))
    assert (one.engine_path, other.engine_path) == (Path("/opt/ls"), None)
    assert one.pins == {"threads": 2}
    assert other.pins == {"threads": 1, "ubatch-size": 64}
    assert request.labels == TWO
    assert request.baseline == "llama-server"
    assert (one.trials, request.shared.trials) == (9, 9)


def test_a_manifest_goes_by_its_path_its_file_and_its_own_name(
    fake_engine_manifest: Callable[..., Path],
) -> None:
    path = fake_engine_manifest(name="mine")
    for name in (str(path), "fake", "mine"):
        request = contest("reference", str(path), models={name: Path("x"), "": Path("y")})
        assert [entrant.request.model for entrant in request.entrants] == [Path("y"), Path("x")]
        assert request.labels == ("reference", "mine")


@pytest.mark.parametrize(
    ("engines", "said", "problem", "hint"),
    [
        (("reference", "reference"), {}, "two engines", "once"),
        (("auto", "reference"), {}, "auto cannot", "llama-server,vllm"),
        (("reference", "referense"), {}, "unknown engine", "did you mean reference"),
        (TWO, {"paths": {"": Path("x")}}, "says not of which", "llama-server=PATH"),
        (TWO, {"models": {"referense": Path("x")}}, "--model names", "did you mean reference"),
        (TWO, {"paths": {"zzz": Path("x")}}, "--engine-path names", "llama-server, reference"),
        (("reference",), {"pins": {"refrence:a": 1}}, "--set names", "did you mean reference"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(
    engines: tuple[str, ...], said: dict[str, Any], problem: str, hint: str
) -> None:
    with pytest.raises(UserError, match=problem) as caught:
        make_request(BASE, words(*engines, **said))
    assert hint in caught.value.hint


def exported(path: Path, engine: str | None) -> Path:
    path.write_text(json.dumps({"settings": {"threads": 2}, "provenance": {"engine": engine}}))
    return path


def with_incumbent(path: Path) -> RunRequest:
    return RunRequest(workload=Path("w"), incumbent=path)


def test_the_incumbent_is_of_the_engine_that_it_names(tmp_path: Path) -> None:
    path = exported(tmp_path / "c.json", "reference")
    request = contest(*TWO, base=with_incumbent(path))
    assert request.baseline == "reference"
    assert [entrant.request.incumbent for entrant in request.entrants] == [None, path]


def test_an_incumbent_without_an_engine_is_of_the_first(tmp_path: Path) -> None:
    path = exported(tmp_path / "c.json", None)
    request = contest(*TWO, base=with_incumbent(path))
    assert request.baseline == "llama-server"
    assert [entrant.request.incumbent for entrant in request.entrants] == [path, None]


def test_an_incumbent_of_an_engine_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = exported(tmp_path / "c.json", "/opt/mine.toml")
    with pytest.raises(UserError, match="does not take part") as caught:
        contest(*TWO, base=with_incumbent(path))
    assert caught.value.hint == "add it: --engine llama-server,reference,/opt/mine.toml"


def test_the_command_that_goes_on_says_everything_again() -> None:
    request = contest(
        *TWO,
        models={"": Path("m.gguf"), "reference": Path("a b.gguf")},
        paths={"llama-server": Path("/opt/ls")},
        pins={"threads": 2, "reference:kv-unified": True},
    )
    assert contest_resume(request, StudyFolder(Path("studies/c"))) == (
        "autotune run --workload w --engine llama-server,reference --trials 9 "
        "--engine-path llama-server=/opt/ls --model m.gguf --model 'reference=a b.gguf' "
        "--set threads=2 --set reference:kv-unified=true --study c"
    )


def test_what_is_fixed_or_added_may_be_of_one_engine() -> None:
    table = {"choices": [1, 2]}
    found = make_request(
        BASE,
        words(
            "auto",
            fixes={"threads": 2, "reference:threads": 1},
            tables={"prio": table, "vllm:block-size": table},
        ),
    )
    assert isinstance(found, RunRequest)
    assert found.fixes == {"threads": 2}
    assert found.tables == {"prio": table}
    with pytest.raises(UserError, match=r"--fix names an engine that is not there: 'refrence'"):
        make_request(BASE, words("auto", fixes={"refrence:a": 1}))
