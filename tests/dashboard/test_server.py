"""A real server on a real study, asked over HTTP as the browser asks it."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import optuna_dashboard._storage as theirs
import pytest
from dashboard_study import ends
from formula import Bench, FormulaMeasurer

from autotune.dashboard import guard
from autotune.study.folder import StudyFolder

Json = dict[str, Any]


def detail(client: httpx.Client, study_id: int = 1) -> Json:
    told = client.get(f"/api/studies/{study_id}")
    assert told.status_code == 200
    found: Json = told.json()
    return found


def attrs(of: Json) -> dict[str, str]:
    return {pair["key"]: pair["value"] for pair in of["user_attrs"]}


def ended_as(client: httpx.Client, outcome: str) -> list[Json]:
    trials = detail(client)["trials"]
    return [t for t in trials if attrs(t).get("outcome", "").startswith(outcome)]


def files(client: httpx.Client, trial: Json) -> dict[str, httpx.Response]:
    return {
        one["filename"]: client.get(f"/artifacts/1/{trial['trial_id']}/{one['artifact_id']}")
        for one in trial["artifacts"]
    }


def on_disk(folder: Path) -> dict[str, tuple[bytes, int]]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in paths}


def test_states_and_constraints_tell_trials_apart(client: httpx.Client, study: StudyFolder) -> None:
    rows = {row["number"]: row for row in study.read_trials()}
    trials = detail(client)["trials"]
    assert [trial["number"] for trial in trials] == sorted(rows)
    marks = {
        "complete": ("Complete", [0.0], True), "stopped-early": ("Pruned", [0.0], False),
        "infeasible": ("Fail", [1.0], False), "interrupted": ("Fail", [], False),
    }  # fmt: skip
    for trial in trials:
        shown = trial["state"], trial["constraints"], "values" in trial
        assert shown == marks[rows[trial["number"]]["state"]]
    assert {row["state"] for row in rows.values()} >= {"complete", "infeasible", "interrupted"}


def test_the_best_trial_is_never_one_that_failed_or_was_estimated(
    client: httpx.Client, study: StudyFolder
) -> None:
    whole = [row for row in study.read_trials() if row["state"] == "complete"]
    best = min(whole, key=lambda row: row["value"])
    assert [t["number"] for t in detail(client)["best_trials"]] == [best["number"]]
    ends(study, whole[0]["number"])
    told = detail(client)
    assert [t["number"] for t in told["best_trials"]] == [whole[0]["number"]]
    assert attrs(told["best_trials"][0])["role"] == "winner"
    assert attrs(told)["state"] == "finished"
    assert "beats the default" in told["note"]["body"]


def test_what_failed_says_why(client: httpx.Client) -> None:
    trial = ended_as(client, "failed")[0]
    assert attrs(trial)["failure"] == "out-of-memory"
    assert attrs(trial)["reason"] == "no room for *it* <here>"
    assert r"no room for \*it\* \<here\>" in trial["note"]["body"]
    assert "turn time (s)" not in attrs(trial)
    assert not any(name.endswith("turns.svg") for name in files(client, trial))


def test_names_units_and_parameters(client: httpx.Client, study: StudyFolder) -> None:
    told = detail(client)
    assert told["objective_names"] == ["turn time (s), 10-30k tokens deep"]
    assert told["directions"] == ["minimize"]
    space = {one["name"]: one["distribution"]["choices"] for one in told["union_search_space"]}
    assert [choice["value"] for choice in space["threads"]] == ["1", "2", "4"]
    assert set(space) == {"batch-size", "threads", "spec-type", "spec-n"}
    first = told["trials"][0]
    metrics = study.read_trials()[0]["metrics"]
    assert attrs(first)["role"] == "default"
    assert float(attrs(first)["TTFT p50 (s)"]) == pytest.approx(metrics["ttft_p50_s"], rel=1e-4)
    assert first["values"][0] == pytest.approx(study.read_trials()[0]["value"], rel=1e-4)
    assert attrs(told)["engine"] == "made-up b1"


def test_each_trial_has_its_files(client: httpx.Client, study: StudyFolder) -> None:
    default, *others = ended_as(client, "measured")
    found = files(client, others[0])
    name = f"trial-{others[0]['number']:04d}"
    assert list(found) == [
        f"{name}-turns.svg", f"{name}-b0.log", f"{name}-turns.csv", f"{name}.json"
    ]  # fmt: skip
    assert found[f"{name}-b0.log"].text == f"log {others[0]['number']}\n"
    assert found[f"{name}-b0.log"].headers["content-type"] == "text/plain; charset=utf-8"
    assert found[f"{name}-turns.svg"].text.startswith("<svg")
    rows = list(csv.DictReader(io.StringIO(found[f"{name}-turns.csv"].text)))
    assert [row["arm"] for row in rows] == [name] * 4
    facts = found[f"{name}.json"].json()
    assert facts["settings"] == study.read_trials()[others[0]["number"]]["settings"]
    assert "confirm-0011-default-b0.log" in files(client, default)


def test_the_study_has_its_report(client: httpx.Client) -> None:
    told = detail(client)
    found = {one["filename"]: one["artifact_id"] for one in told["artifacts"]}
    assert {"report.html", "plot-history.svg", "provenance.json"} <= set(found)
    page = client.get(f"/artifacts/1/{found['report.html']}")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>" in page.text
    log = next(t for t in told["trials"] if t["state"] == "Complete")
    assert client.get(f"/artifacts/1/{found['plot-history.svg']}").text.startswith("<svg")
    assert f"(/artifacts/1/{log['trial_id']}/" in log["note"]["body"]
    assert f"(/artifacts/1/{found['report.html']})" in told["note"]["body"]


def test_nothing_can_be_changed(client: httpx.Client, study: StudyFolder) -> None:
    detail(client)
    before = on_disk(study.path)
    asked = [
        client.delete("/api/studies/1"),
        client.post("/api/studies", json={"study_name": "x", "directions": ["minimize"]}),
        client.post("/api/studies/1/rename", json={"study_name": "x"}),
        client.put("/api/studies/1/note", json={"version": 2, "body": "x"}),
        client.post("/api/trials/1000000/user-attrs", json={"user_attrs": {"x": 1}}),
    ]
    assert {told.status_code for told in asked} == {403}
    assert asked[0].json() == {"reason": guard.REFUSED}
    for path in ("", "/param_importances", "/plot/slice", "/plot/timeline"):
        assert client.get(f"/api/studies/1{path}").status_code == 200
    assert client.get("/csv/1").text.startswith("Number,State,")
    assert on_disk(study.path) == before


def test_a_study_that_goes_on_is_shown_as_it_grows(
    client: httpx.Client, study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = len(detail(client)["trials"])
    Bench(study.path).run(FormulaMeasurer(), many + 2)
    # optuna-dashboard itself keeps trials for two seconds.
    monkeypatch.setattr(theirs, "timedelta", lambda **_: timedelta(-1))
    assert len(detail(client)["trials"]) > many


def test_studies_are_found_while_it_serves(client: httpx.Client, study: StudyFolder) -> None:
    names = [one["study_name"] for one in client.get("/api/studies").json()["study_summaries"]]
    assert names == ["tiny"]
    other = StudyFolder(study.path.parent / "a-new-one")
    other.path.mkdir()
    other.write_provenance({"engine": "x", "objective": "ttft"})
    rows = client.get("/api/studies").json()["study_summaries"]
    assert {one["study_id"]: one["study_name"] for one in rows} == {1: "tiny", 2: "a-new-one"}
    told = detail(client, 2)
    assert (told["trials"], told["best_trials"]) == ([], [])
    assert told["objective_names"] == ["TTFT p50 (s)"]
    assert client.get("/api/studies/3").status_code == 404


def test_who_asks_under_a_strange_name_is_sent_away(client: httpx.Client) -> None:
    assert client.get("/api/studies", headers={"host": "evil.example:80"}).status_code == 403
    told = client.get("/api/studies", headers={"host": "localhost:80"})
    assert told.status_code == 200
    assert "access-control-allow-origin" not in told.headers


def test_the_page_has_no_buttons_that_change(client: httpx.Client) -> None:
    page = client.get("/dashboard/studies/1", headers={"if-modified-since": "now"})
    assert '[data-testid="DeleteIcon"]' in page.text
    assert client.get("/").status_code == 302
    assert client.get("/static/bundle.js", headers={"accept-encoding": ""}).status_code == 200
    assert json.loads(client.get("/api/meta").text)["artifact_is_available"] is True
