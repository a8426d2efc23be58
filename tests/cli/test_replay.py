"""``autotune replay`` as a person types it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_service import FakeService, Turn

from autotune.cli.main import main
from autotune.cli.replay_paths import Asked, make_paths, split_name
from autotune.errors import UserError
from autotune.paths import services
from autotune.paths.services import Service
from autotune.paths.spec import AttachedPath, LaunchedPath
from autotune.replay.dialect import Api

KEY = "sk-or-0123456789abcdef"


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "caps.jsonl"
    lines = []
    for turn in range(3):
        messages = [{"role": "system", "content": "be good, anna.berg@firmadrei.de " * 10}]
        for at in range(turn + 1):
            messages.append({"role": "user", "content": f"ask {at}"})
            messages.append({"role": "assistant", "content": f"say {at}"})
        reply = {"choices": [{"message": messages[-1]}]}
        usage = {"prompt_tokens": 100 + turn, "completion_tokens": 3}
        request = {"model": "m", "messages": messages[:-1]}
        lines.append(json.dumps({"request": request, "response": {**reply, "usage": usage}}))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    """A service that autotune takes for OpenRouter, with a key in the environment."""
    one = Service("openrouter", "localhost", "OPENROUTER_API_KEY", lists_all=True)
    monkeypatch.setattr(services, "SERVICES", (one,))
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    served = FakeService(key=KEY)
    yield served
    served.close()


@pytest.fixture
def replay(
    capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Callable[..., tuple[int, str, str]]:
    """``replay("--endpoint", url)`` -> exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def run(*words: str, workload: bool = True) -> tuple[int, str, str]:
        given = ["--workload", str(capture)] if workload else []
        code = main(["replay", *given, *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


Run = Callable[..., tuple[int, str, str]]


def test_an_endpoint_and_the_table_again(service: FakeService, replay: Run, tmp_path: Path) -> None:
    code, out, err = replay("--endpoint", f"far={service.url}/v1", "--display", "plain")
    assert code == 0
    assert "far: openrouter, 3 turns" in err
    assert "cost: about $" in err
    assert any(line.split()[:3] == ["far", "openrouter", "0-10k"] for line in out.splitlines())
    code, out, err = replay("--json")
    assert (code, err) == (0, "")
    table = json.loads(out)
    assert table["schema_version"] == "serving-paths-table/1"
    assert [row["path"] for row in table["rows"]] == ["far"]
    name = Path(table["folder"]).name
    assert name.startswith("caps-")
    code, out, _ = replay("--table", name, "--csv", "t.csv", workload=False)
    assert code == 0
    assert (tmp_path / "t.csv").read_text().count("\n") == 2


def test_ctrl_c_stops_after_the_turn_and_the_same_command_goes_on(
    service: FakeService, replay: Run
) -> None:
    def interrupt(number: int) -> None:
        if number == 2:  # the warm-up is the first
            os.kill(os.getpid(), signal.SIGINT)

    service.on_post = interrupt
    code, _, err = replay("--endpoint", service.url, "--display", "plain")
    assert code == 75
    assert "to go on: autotune replay --workload" in err
    assert len(service.bodies) == 2
    service.on_post = lambda number: None
    code, out, _ = replay("--endpoint", service.url, "--json")
    assert code == 0
    row = json.loads(out)["rows"][0]
    assert (row["answered"], row["marked"]) == (3, 1)  # the turn behind the gap


def test_the_key_shows_nowhere(service: FakeService, replay: Run, tmp_path: Path) -> None:
    told = [
        replay("--endpoint", service.url),
        replay("--endpoint", service.url, "--again", "--json"),
        replay(
            "--debug", "--endpoint", f"b={service.url}", "--header", "X-A=env:OPENROUTER_API_KEY"
        ),
    ]
    service.key = "another"
    told.append(replay("--debug", "--endpoint", f"c={service.url}"))
    assert [code for code, _, _ in told] == [0, 0, 0, 2]
    assert "error: localhost:" in told[-1][2]
    everything = "".join(out + err for _, out, err in told).encode()
    everything += b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert KEY.encode() not in everything


def test_redact_sends_no_names_and_the_same_text_every_time(
    service: FakeService, replay: Run
) -> None:
    assert replay("--endpoint", service.url, "--redact")[0] == 0
    sent = json.dumps(service.bodies)
    assert "anna.berg@firmadrei.de" not in sent
    first = service.bodies[1]["messages"][0]["content"].split("\n\n")[1]
    replay("--endpoint", f"other={service.url}", "--redact")
    assert service.bodies[-3]["messages"][0]["content"].split("\n\n")[1] == first


def test_money_is_asked_about_first(service: FakeService, replay: Run) -> None:
    code, _, err = replay("--endpoint", service.url, "--max-cost", "0.00001")
    assert code == 2
    assert "above --max-cost" in err
    assert service.bodies == []
    code, _, err = replay("--endpoint", service.url, "--price-in", "1")
    assert (code, "--price-out" in err) == (2, True)


def test_a_path_without_one_good_turn_is_code_4(service: FakeService, replay: Run) -> None:
    service.turns = [Turn(), *[Turn(error=True)] * 3]
    code, out, _ = replay("--endpoint", service.url)
    assert code == 4
    assert "0 of 3 turns answered" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--endpoint", "http://127.0.0.1:1"), "nobody answers at 127.0.0.1:1"),
        (("--endpoint", "http://x?k=1"), "more than host and path"),
        (("--endpoint", "http://127.0.0.1:1", "--provider", "a"), "providers of OpenRouter"),
        (("--endpoint", "http://127.0.0.1:1", "--key-env", "NOT_SET"), "NOT_SET is not set"),
        (("--endpoint", "http://127.0.0.1:1", "--header", "Authorization=x"), "holds a secret"),
        (("--endpoint", "http://127.0.0.1:1", "--header", "nonsense"), "is no header"),
        (("--endpoint", "a=http://x", "--endpoint", "a=http://y"), "two paths are called 'a'"),
        (("--engine", "reference"), "no model is named"),
        (("--engine", "reference", "--model", "no.gguf"), "there is no model"),
        (("--config", "no.json"), "cannot read no.json"),
        (("--study", "no"), "there is no study 'no'"),
        ((), "there is no table"),
    ],
)
def test_one_line_and_a_hint_for_what_is_wrong(
    replay: Run, words: tuple[str, ...], message: str
) -> None:
    code, out, err = replay(*words)
    assert code in (2, 3)
    assert message in err.splitlines()[-2] + err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("hint: ")
    assert out == ""


def asked(**fields: Any) -> Asked:
    usual: dict[str, Any] = dict.fromkeys(
        ("api", "model", "engine_path", "key_env", "provider", "prices", "max_cost_usd"), None
    )
    empty: dict[str, Any] = dict.fromkeys(("endpoints", "configs", "studies", "engines"), ())
    more = {"env": {}, "studies_dir": Path("studies"), "settings": {}, "headers": ()}
    return Asked(**{**usual, **empty, **more, "rendering": None, **fields})


def test_names(tmp_path: Path) -> None:
    assert split_name("far=http://x") == ("far", "http://x")
    assert split_name("http://x/a=b") == (None, "http://x/a=b")
    file = tmp_path / "a=b.json"
    file.write_text("{}")
    assert split_name(str(file)) == (None, str(file))


def test_a_model_file_for_an_engine_is_no_name_for_an_endpoint(tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"")
    both = asked(endpoints=["http://box:1"], engines=["reference"], model=str(model))
    endpoint, engine = make_paths(both)
    assert isinstance(endpoint, AttachedPath)
    assert isinstance(engine, LaunchedPath)
    assert (endpoint.model, engine.model) == (None, model)
    (alone,) = make_paths(asked(endpoints=["http://box:1"], model="qwen", api=Api.RESPONSES))
    assert isinstance(alone, AttachedPath)
    assert (alone.model, alone.name, alone.api) == ("qwen", "box:1", Api.RESPONSES)


def test_keys_by_host_and_by_name() -> None:
    env = {"OPENAI_API_KEY": "sk-1", "MINE": "sk-2-long-enough"}
    url = "https://api.openai.com/v1"
    (path,) = make_paths(asked(endpoints=[url], env=env, model="gpt"))
    assert isinstance(path, AttachedPath)
    assert (path.key, path.key_name, path.name) == ("sk-1", "OPENAI_API_KEY", "openai gpt")
    (local,) = make_paths(asked(endpoints=["http://127.0.0.1:1"], env=env))
    assert isinstance(local, AttachedPath)
    assert local.key is None
    (own,) = make_paths(asked(endpoints=["http://box:1"], env=env, key_env="MINE"))
    assert isinstance(own, AttachedPath)
    assert own.secrets == ("sk-2-long-enough",)
    with pytest.raises(UserError, match="OPENAI_API_KEY is not set"):
        make_paths(asked(endpoints=[url]))
    assert "sk-" not in repr(path) + repr(own)


def test_an_engine_is_named_by_what_it_is_given() -> None:
    made = make_paths(
        asked(engines=["reference", "x/my.toml"], model="m", settings={"ctx-size": 1})
    )
    assert [path.name for path in made] == ["reference ctx-size=1", "my ctx-size=1"]


def test_a_named_key_goes_to_one_host() -> None:
    env = {"MINE": "sk-2-long-enough"}
    several = ["http://box:1", "b=http://other:1"]
    with pytest.raises(UserError, match="2 hosts: box, other"):
        make_paths(asked(endpoints=several, env=env, key_env="MINE"))
    same = ["http://box:1", "b=http://box:2"]
    assert len(make_paths(asked(endpoints=same, env=env, key_env="MINE"))) == 2


def test_sampling_is_a_matter_of_runs(replay: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = replay("--sample", "all")
    assert code == 2
    assert "has no flag --sample" in err
