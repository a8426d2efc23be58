"""A server that is already there: found, named and understood before a turn is sent to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from autotune.errors import MachineError, UserError
from autotune.paths.address import Address, parse_address
from autotune.paths.counter import counter_of
from autotune.paths.prices import Prices, published
from autotune.paths.refusals import refusal
from autotune.paths.served import Served
from autotune.paths.services import (
    Service,
    headers_for,
    pins_length,
    request_fields,
    service_at,
)
from autotune.paths.spec import AttachedPath
from autotune.replay.dialect import Api
from autotune.replay.dialects import DIALECTS
from autotune.replay.endpoint import Endpoint, Rendering
from autotune.replay.http import Answer, Http, HttpBroken, HttpSilent
from autotune.replay.plan import ReplayPlan
from autotune.replay.probe import probe_rendering
from autotune.replay.responses_api import LEAST_OUTPUT_TOKENS
from autotune.replay.retry import Retries

PROBE_TIMEOUT_S = 20.0
RETRIES = Retries(most=4)
NO_RETRIES = Retries()
BURSTING = frozenset({"omlx"})
"""Servers whose tokens leave in bursts. From afar they arrive in bursts as well."""
_PREFIXES = ("/v1", "")
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Found:
    """What a server says of itself. `models` are the entries of its list, empty without one."""

    address: Address
    service: Service | None
    api: Api
    prefix: str
    models: tuple[Mapping[str, Any], ...]
    headers: Mapping[str, str]

    @property
    def owner(self) -> str:
        """Which engine it is, as the list of models says: ``llamacpp``, ``vllm``, ..."""
        return str(self.models[0].get("owned_by", "")) if self.models else ""

    @property
    def base(self) -> str:
        """Where the routes begin."""
        return f"{self.address.base_url}{self.prefix}"


def attach(path: AttachedPath, plan: ReplayPlan, cache_key: str) -> Served:
    """Ask the server who it is and what it serves; nothing is generated yet.

    Raises `UserError` for what the command line can mend (address, key, model), `MachineError`
    when nobody answers.
    """
    http = Http(read_timeout_s=PROBE_TIMEOUT_S, keep_alive=False)
    try:
        found = find_server(path, http)
        model = choose_model(found, path.model)
        rendering, notes = _rendering(path, found, model, http, plan)
        prices = path.prices or _published(found, model, path.provider, http)
    finally:
        http.close()
    return Served(
        endpoint=_endpoint(path, found, model, rendering, cache_key),
        facts=_facts(path, found, model, rendering, prices),
        notes=(*notes, *_notes(found)),
        prices=prices,
    )


def find_server(path: AttachedPath, http: Http) -> Found:
    """Where the API is: behind ``/v1`` or not, and which models it lists."""
    address = parse_address(path.url)
    service = service_at(address.host)
    api = path.api or (service.api if service else Api.OPENAI)
    headers = headers_for(service, api, path.key, path.headers)
    answers = {}
    for prefix in _PREFIXES:
        url = f"{address.base_url}{prefix}/models"
        answers[prefix] = answer = _ask(url, headers, http, address, path)
        if answer.status == 200 and (models := _models(answer.body)) is not None:
            return Found(address, service, api, prefix, models, headers)
        if answer.status in (401, 403):
            raise refusal(answer.status, address.label, path.key_name, _message(answer, path))
    return _without_models(path, address, service, api, headers, answers["/v1"])


def _ask(
    url: str, headers: Mapping[str, str], http: Http, address: Address, path: AttachedPath
) -> Answer:
    try:
        return http.get_json(url, headers)
    except HttpSilent:
        raise MachineError(
            f"{address.label} does not answer within {PROBE_TIMEOUT_S:.0f} s",
            "wait until the server is ready, or check the endpoint",
        ) from None
    except HttpBroken as error:
        raise _unreachable(address, _hidden(str(error), path)) from None


def _unreachable(address: Address, why: str) -> MachineError:
    if any(word in why.upper() for word in ("SSL", "TLS", "CERTIFICATE")):
        return MachineError(
            f"no secure connection to {address.label}: {why}",
            "if the server speaks plain HTTP, write http:// in the endpoint",
        )
    if "disconnected" in why:
        hint = "if the server speaks TLS, write https:// in the endpoint"
    else:
        hint = "start the server, or check host and port of the endpoint"
    return MachineError(f"nobody answers at {address.label}: {why}", hint)


def _models(body: Any) -> tuple[Mapping[str, Any], ...] | None:
    """The entries of a list of models; ``None`` for anything else."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list):
        return None
    return tuple(one for one in data if isinstance(one, dict) and isinstance(one.get("id"), str))


def _message(answer: Answer, path: AttachedPath) -> str:
    """What an error answer says, on one line."""
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    text = error.get("message") if isinstance(error, dict) else error
    return _hidden(" ".join(str(text or "").split())[:200], path)


def _hidden(text: str, path: AttachedPath) -> str:
    for secret in path.secrets:
        text = text.replace(secret, "[hidden]")
    return text


def _without_models(
    path: AttachedPath,
    address: Address,
    service: Service | None,
    api: Api,
    headers: Mapping[str, str],
    answer: Answer,
) -> Found:
    """A server may lack the list; then the model must be named, and the first request tells."""
    if answer.status >= 500:
        raise MachineError(
            f"{address.label} answers HTTP {answer.status} to /v1/models: "
            f"{_message(answer, path) or 'no reason given'}",
            "wait until the server is ready, and run this again",
        )
    if path.model is None:
        raise UserError(
            f"{address.label} has no list of models at {address.base_url}/v1/models "
            f"(HTTP {answer.status})",
            "check the path of the endpoint, or name the model with --model",
        )
    return Found(address, service, api, "/v1", (), headers)


def choose_model(found: Found, asked: str | None) -> str:
    """The model to ask for. Raises `UserError` that lists what there is."""
    ids = [str(model["id"]) for model in found.models]
    where = found.address.label
    if asked is None:
        if len(ids) == 1:
            return ids[0]
        raise UserError(f"{where} serves {len(ids)} models", f"name one with --model: {_some(ids)}")
    known = not ids or asked in ids or asked.partition(":")[0] in ids
    if known or (found.service is not None and not found.service.lists_all):
        return asked
    close = get_close_matches(asked, ids, n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    raise UserError(f"{where} has no model {asked!r}", f"{guess}it has {_some(ids)}")


def _some(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:_SHOWN])
    return shown if len(ids) <= _SHOWN else f"{shown} and {len(ids) - _SHOWN} more"


def _rendering(
    path: AttachedPath, found: Found, model: str, http: Http, plan: ReplayPlan
) -> tuple[Rendering, tuple[str, ...]]:
    """What was asked for, else what the server's chat template takes, where it can be asked."""
    if path.rendering is not None:
        return path.rendering, ()
    count = counter_of(found.owner, found.base, model, http, found.headers)
    if count is None:
        return Rendering.NATIVE, ()
    return probe_rendering(count, plan)


def _published(found: Found, model: str, provider: str | None, http: Http) -> Prices | None:
    """What OpenRouter's own lists say, of the pinned provider if there is one."""
    if found.service is None or found.service.name != "openrouter":
        return None
    bare = model.partition(":")[0]
    entry = next((m for m in found.models if m["id"] in (model, bare)), None)
    listed = entry.get("pricing") if entry else None
    if provider is not None:
        listed = _pricing_at(f"{found.base}/models/{bare}/endpoints", provider, found, http)
    return published(listed) if isinstance(listed, dict) else None


def _pricing_at(url: str, provider: str, found: Found, http: Http) -> Any:
    """The pricing of one provider's endpoint of a model; ``None`` where it is not listed."""
    try:
        body = http.get_json(url, found.headers).body
    except (HttpBroken, HttpSilent):
        return None
    data = body.get("data") if isinstance(body, dict) else None
    endpoints = data.get("endpoints") if isinstance(data, dict) else None
    for one in endpoints if isinstance(endpoints, list) else ():
        tag = str(one.get("tag", "")) if isinstance(one, dict) else ""
        if provider in (tag, tag.partition("/")[0]):
            return one.get("pricing")
    return None


def _endpoint(
    path: AttachedPath, found: Found, model: str, rendering: Rendering, cache_key: str
) -> Endpoint:
    responses = found.service is not None and found.api is Api.RESPONSES
    local = found.address.is_loopback
    return Endpoint(
        base_url=found.address.base_url,
        model_name=model,
        request_fields=request_fields(
            found.service, found.owner, found.api, path.provider, cache_key
        ),
        rendering=rendering,
        fixed_length=pins_length(found.owner, found.api),
        bursts=not local or found.owner in BURSTING,
        headers=found.headers,
        dialect=DIALECTS[found.api],
        prefix=found.prefix,
        strict_tools=found.service is not None,
        retries=NO_RETRIES if local and found.service is None else RETRIES,
        least_output_tokens=LEAST_OUTPUT_TOKENS if responses else 1,
        secrets=path.secrets,
    )


def _facts(
    path: AttachedPath, found: Found, model: str, rendering: Rendering, prices: Prices | None
) -> dict[str, Any]:
    """What may be written down: no header and no key."""
    return {
        "identity": {
            "kind": "attached",
            "url": found.base,
            "api": found.api.value,
            "model": model,
            "provider": path.provider,
        },
        "serves": found.service.name if found.service else found.owner or "unknown server",
        "model": model,
        "rendering": rendering.value,
        "fixed_length": pins_length(found.owner, found.api),
        "hosted": not found.address.is_loopback,
        "prices": None if prices is None else prices.text(),
        "max_cost_usd": path.max_cost_usd,
    }


def _notes(found: Found) -> tuple[str, ...]:
    notes = []
    if not found.address.is_loopback:
        notes.append(
            f"captured text leaves this machine for {found.address.label}; --redact takes names "
            "and secrets out of it first"
        )
        notes.append("its times include the network and the queue: a baseline, not to be tuned")
    if not pins_length(found.owner, found.api):
        notes.append(f"{found.address.label} cannot pin the length of a reply: lengths vary")
    return tuple(notes)
