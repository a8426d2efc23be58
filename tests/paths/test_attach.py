"""Finding a server: its address, its models, and one clear error for everything that is wrong."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from fake_service import FakeService, Turn

from autotune.errors import AutotuneError, MachineError, UserError
from autotune.paths.address import parse_address
from autotune.paths.attach import attach
from autotune.paths.refusals import refusal
from autotune.paths.services import headers_for, pins_length, request_fields, service_at
from autotune.paths.spec import AttachedPath
from autotune.replay.dialect import Api
from autotune.replay.plan import History, ReplayPlan

PLAN = ReplayPlan((), History.RECORDED, 1, "sha256:0")
Make = Callable[..., FakeService]


def found(url: str, **fields: Any) -> Any:
    return attach(AttachedPath(name="p", url=url, **fields), PLAN, "key")


@pytest.mark.parametrize(
    ("written", "base", "host"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1"),
        ("http://box:1/v1/", "http://box:1", "box"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api", "openrouter.ai"),
        ("https://x.test/v1/chat/completions", "https://x.test", "x.test"),
        ("http://[::1]:8080/v1/messages", "http://[::1]:8080", "::1"),
    ],
)
def test_addresses_as_people_write_them(written: str, base: str, host: str) -> None:
    address = parse_address(written)
    assert (address.base_url, address.host) == (base, host)


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://", "http://u:p@x", "http://x?key=1", "http://x:y"]
)
def test_what_is_no_address_is_refused_without_repeating_a_secret(url: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_address(url)
    assert "u:p" not in caught.value.message


@pytest.mark.parametrize(
    ("host", "here"), [("localhost", True), ("127.9.9.9", True), ("::1", True), ("box", False)]
)
def test_loopback(host: str, here: bool) -> None:
    shown = f"[{host}]" if ":" in host else host
    assert parse_address(f"http://{shown}:1").is_loopback is here


def test_a_key_is_only_for_the_service_that_it_is_of() -> None:
    assert service_at("api.openai.com") is not None
    assert service_at("eu.api.openai.com") is not None
    assert service_at("api.openai.com.evil.test") is None
    assert service_at("notopenrouter.ai") is None


def test_headers_and_fields_by_service() -> None:
    openai, anthropic = service_at("api.openai.com"), service_at("api.anthropic.com")
    assert headers_for(anthropic, Api.ANTHROPIC, "k", {}) == {
        "x-api-key": "k",
        "anthropic-version": "2023-06-01",
    }
    assert headers_for(None, Api.OPENAI, "k", {"a": "b"}) == {"Authorization": "Bearer k", "a": "b"}
    assert headers_for(None, Api.OPENAI, None, {}) == {}
    assert dict(request_fields(openai, "", Api.OPENAI, None, "c")(7)) == {
        "prompt_cache_key": "c",
        "max_completion_tokens": 7,
    }
    assert dict(request_fields(openai, "", Api.RESPONSES, None, "c")(7)) == {
        "prompt_cache_key": "c",
        "max_output_tokens": 7,
    }
    assert dict(request_fields(anthropic, "", Api.ANTHROPIC, None, "c")(7)) == {"max_tokens": 7}
    local = dict(request_fields(None, "llamacpp", Api.OPENAI, None, "c")(7))
    assert local == {"temperature": 0, "seed": 1, "ignore_eos": True, "max_tokens": 7}
    assert dict(request_fields(None, "mystery", Api.OPENAI, None, "c")(7)) == {"max_tokens": 7}
    assert "ignore_eos" not in request_fields(None, "llamacpp", Api.ANTHROPIC, None, "c")(7)


def test_who_can_pin_a_length() -> None:
    assert pins_length("llamacpp", Api.RESPONSES)
    assert not pins_length("llamacpp", Api.ANTHROPIC)
    assert not pins_length("openai", Api.OPENAI)


def test_the_only_model_is_taken_and_a_path_without_v1_is_found(service: Make) -> None:
    served = service(known=False)
    served.prefix = ""
    path = found(f"{served.url}/v1")
    assert (path.endpoint.model_name, path.endpoint.prefix) == ("maker/model", "")
    assert path.endpoint.url == f"{served.url}/chat/completions"


def test_models_are_listed_when_one_must_be_named(service: Make) -> None:
    served = service(known=False)
    served.models = [{"id": "alpha-7b"}, {"id": "beta-8b"}]
    with pytest.raises(UserError, match="serves 2 models") as caught:
        found(served.url)
    assert caught.value.hint == "name one with --model: alpha-7b, beta-8b"
    with pytest.raises(UserError, match="has no model 'alpha-7'") as caught:
        found(served.url, model="alpha-7")
    assert "did you mean alpha-7b?" in caught.value.hint
    served.models = None
    with pytest.raises(UserError, match="no list of models"):
        found(served.url)
    assert found(served.url, model="x").endpoint.model_name == "x"


def test_a_variant_of_a_listed_model_is_known(service: Make) -> None:
    assert found(service().url, model="maker/model:floor").prices.fresh == 2.0


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(MachineError, match=f"nobody answers at 127.0.0.1:{port}") as caught:
            found(f"http://127.0.0.1:{port}")
    assert "start the server" in caught.value.hint


def test_tls_where_there_is_none(service: Make) -> None:
    served = service(known=False)
    with pytest.raises(MachineError, match="no secure connection") as caught:
        found(served.url.replace("http:", "https:"))
    assert "http://" in caught.value.hint


def test_a_key_that_is_refused_or_missing(service: Make) -> None:
    served = service(known=False, key="right")
    with pytest.raises(UserError, match="wants a key"):
        found(served.url)
    with pytest.raises(UserError, match="refuses the key in MY_KEY") as caught:
        found(served.url, key="wrong-key", key_name="MY_KEY", secrets=("wrong-key",))
    assert "wrong-key" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [
        (401, UserError, "refuses the key"),
        (402, UserError, "paid"),
        (403, UserError, "does not allow"),
        (404, UserError, "does not know"),
        (429, MachineError, "rate limit"),
    ],
)
def test_each_refusal_has_a_hint(status: int, kind: type[AutotuneError], word: str) -> None:
    error = refusal(status, "x.test", "K", "why")
    assert type(error) is kind
    assert word in error.message
    assert error.hint


def test_a_server_that_does_not_stream(service: Make, attached: Any, measured: Any) -> None:
    served = service(Turn(whole=True))
    with pytest.raises(UserError, match="does not stream"):
        measured(attached(served.url))
    assert measured.folder.read()["paths"] == {}
