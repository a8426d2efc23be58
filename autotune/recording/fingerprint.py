"""A prompt as hashes: enough to tell what it shares with others, without keeping its text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autotune.recording.gentle import Pause, pause
from autotune.recording.prompt import Tools
from autotune.workload.model import Message
from autotune.workload.prefix import canonical, shared_chain

_INSTRUCTIONS = ("system", "developer")
_STEP_BYTES = 64 * 1024
Chain = tuple[bytes, ...]
"""The hash of every beginning of a list: of its first item, its first two, and so on."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is remembered of a prompt.

    `messages` covers the messages to the letter. `talk` covers what the conversation was: without
    instructions, reasoning and the text of tool results, calls by their ids; an agent that prunes
    its context, or whose system prompt has a clock in it, keeps its talk. `lead` is how many
    instructions come first. `sha256` is the capture's ``prompt_sha256``.
    """

    messages: Chain
    talk: Chain
    lead: int
    tools: bytes
    tool_names: tuple[str, ...]
    sha256: str

    def shared(self, other: Fingerprint) -> int:
        """How many messages the two begin with alike."""
        return shared_chain(self.messages, other.messages)


def fingerprint(messages: Sequence[Message], tools: Tools, rest: Pause = pause) -> Fingerprint:
    """The fingerprint of one prompt; reads all of its text once, with pauses."""
    tools_text = canonical(list(tools)) + b"\n"
    whole = hashlib.sha256(tools_text)
    chain: list[bytes] = []
    since = 0
    for message in messages:
        text = canonical(message) + b"\n"
        whole.update(text)
        chain.append(_link(chain, text))
        since += len(text)
        if since >= _STEP_BYTES:
            since = 0
            rest()
    return Fingerprint(
        messages=tuple(chain),
        talk=_talk(messages),
        lead=_lead(messages),
        tools=hashlib.sha256(tools_text).digest(),
        tool_names=tuple(_tool_name(tool) for tool in tools),
        sha256=f"sha256:{whole.hexdigest()}",
    )


def _link(chain: Sequence[bytes], text: bytes) -> bytes:
    before = chain[-1] if chain else b""
    return hashlib.blake2b(before + text, digest_size=16).digest()


def _talk(messages: Sequence[Message]) -> Chain:
    chain: list[bytes] = []
    for message in messages:
        if message.get("role") not in _INSTRUCTIONS:
            chain.append(_link(chain, said(message)))
    return tuple(chain)


def answered(talk: Chain, reply: Message | None) -> Chain:
    """A talk with the reply that came to it: what the next prompt of its conversation goes on with.

    Replies are the model's own words, so one that comes back tells conversations apart that began
    alike.
    """
    return talk if reply is None else (*talk, _link(talk, said(reply)))


def said(message: Message) -> bytes:
    """What a message is in its conversation: calls and results by their ids, else its text."""
    ids = [*call_ids(message), message.get("tool_call_id")]
    known: list[Any] = [call for call in ids if isinstance(call, str) and call]
    value = known or [message.get("role"), _text(message.get("content"))]
    return json.dumps(value, default=str).encode()


def call_ids(message: Message) -> Iterator[Any]:
    """The ids of the tools that a message calls."""
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, Mapping):
            yield call.get("id")


def _text(content: Any) -> Any:
    """A text alike whether it stands alone or in parts."""
    if isinstance(content, list):
        return "\n".join(str(p.get("text", p)) for p in content if isinstance(p, Mapping))
    return content.strip() if isinstance(content, str) else content


def _lead(messages: Sequence[Message]) -> int:
    roles = [message.get("role") in _INSTRUCTIONS for message in messages]
    return roles.index(False) if False in roles else len(roles)


def _tool_name(tool: Mapping[str, Any]) -> str:
    function = tool.get("function")
    name = function.get("name") if isinstance(function, Mapping) else tool.get("name")
    return str(name)
