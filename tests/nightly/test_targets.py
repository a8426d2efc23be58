"""A target: where its files go, what a retune of it asks for."""

from __future__ import annotations

from pathlib import Path

from autotune.nightly.places import Place
from autotune.nightly.targets import Export, HealthRule, Target
from autotune.search.request import RunRequest

REQUEST = RunRequest(
    workload=Path("captures"), model=Path("/models"), studies_dir=Path("s"), seed=4, budget_s=60.0
)


def test_files_of_one_name_are_kept_apart() -> None:
    exports = (
        Export(format="shell", path=Path("/a/serve.sh")),
        Export(format="shell", path=Path("/b/serve.sh"), link=False),
    )
    target = Target(name="coder", request=REQUEST, exports=exports)
    assert target.places == (
        Place(Path("/a/serve.sh"), "serve.sh"),
        Place(Path("/b/serve.sh"), "serve-2.sh", link=False),
    )


def test_a_night_asks_for_its_own_model_sessions_and_study() -> None:
    target = Target(name="coder", request=REQUEST)
    asked = target.asking(
        model=Path("/models/new.gguf"),
        workload=Path("w.jsonl"),
        study="nightly-coder-1",
        incumbent=Path("c.json"),
    )
    assert (asked.model, asked.workload) == (Path("/models/new.gguf"), Path("w.jsonl"))
    assert (asked.study, asked.incumbent, asked.seed) == ("nightly-coder-1", Path("c.json"), 4)
    assert (target.model, target.workload, target.budget_s) == (
        Path("/models"),
        Path("captures"),
        60.0,
    )
    assert target.state == Path("s/nightly/coder")


def test_a_key_goes_where_a_server_looks_for_it() -> None:
    rule = HealthRule(url="http://localhost:8080", key_env="KEY")
    assert rule.headers({"KEY": " secret \n"}) == {"Authorization": "Bearer secret"}
    assert rule.headers({}) == {}
    assert HealthRule(url="http://localhost:8080").headers({"": "x"}) == {}
