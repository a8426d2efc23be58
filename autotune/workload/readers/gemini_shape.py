"""Gemini's ``Content`` (a role and parts) in OpenAI chat shape, for the agents that write it down.

A part is ``text`` (``thought`` marks thinking), ``functionCall``, ``functionResponse``,
``inlineData`` or ``fileData`` (ai.google.dev, API reference, Content).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autotune.workload.model import Message, Recorded
from autotune.workload.readers.checks import count, mapping, objects, text
from autotune.workload.readers.message_store import check_writable
from autotune.workload.readers.responses_shape import compact


def content_messages(content: Any) -> list[Message]:
    """The chat messages of one ``Content``; none when it says nothing.

    Function responses are ``tool`` messages; the rest is one message of its role.
    """
    known = mapping(content)
    role = known.get("role")
    parts = parts_of(known.get("parts"))
    if role == "model":
        reply = model_reply(parts)
        return [reply] if reply else []
    return list(_user_messages(parts, "system" if role == "system" else "user"))


def parts_of(value: Any) -> list[Mapping[str, Any]]:
    """A ``PartListUnion``: a text, a part, or a list of either."""
    items = value if isinstance(value, list) else [value]
    shaped = [{"text": item} if isinstance(item, str) else item for item in items]
    return objects(shaped)


def _user_messages(parts: list[Mapping[str, Any]], role: str) -> Iterator[Message]:
    for part in parts:
        response = part.get("functionResponse")
        if isinstance(response, Mapping):
            yield tool_message(response)
    said = parts_content(parts)
    if said:
        yield {"role": role, "content": said}


def tool_message(response: Mapping[str, Any]) -> dict[str, Any]:
    """A ``functionResponse`` as the answer to its call."""
    call_id = text(response.get("id")) or text(response.get("name")) or ""
    return {"role": "tool", "tool_call_id": call_id, "content": response_text(response)}


def response_text(response: Mapping[str, Any]) -> str:
    """What a tool answered: its output or error where that is all, else the whole as JSON."""
    value = response.get("response")
    if isinstance(value, str):
        return value
    known = mapping(value)
    plain = known.get("output", known.get("error"))
    if isinstance(plain, str) and len(known) == 1:
        return plain
    return compact(dict(known)) if known else ""


def parts_content(parts: list[Mapping[str, Any]]) -> Any:
    """Text that was said, as one string; with images among it, as parts. Thoughts are not said."""
    made = [part for part in map(_chat_part, parts) if part is not None]
    if all(part["type"] == "text" for part in made):
        return "\n".join(part["text"] for part in made)
    return made


def _chat_part(part: Mapping[str, Any]) -> dict[str, Any] | None:
    words = part.get("text")
    if isinstance(words, str):
        return None if part.get("thought") is True else {"type": "text", "text": words}
    data = mapping(part.get("inlineData"))
    kind, body = text(data.get("mimeType")), text(data.get("data"))
    if kind is None or body is None or not kind.startswith("image/"):
        return None
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{body}"}}


def thought_text(parts: list[Mapping[str, Any]]) -> str:
    """The thinking among `parts`."""
    thoughts = (p.get("text") for p in parts if p.get("thought") is True)
    return "\n".join(t for t in thoughts if isinstance(t, str))


def model_reply(parts: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """A reply as an assistant message; ``None`` when nothing was said."""
    calls = [chat_call(c) for p in parts if isinstance(c := p.get("functionCall"), Mapping)]
    return assistant(thought_text(parts), parts_content(parts), calls)


def assistant(thoughts: str, said: Any, calls: list[dict[str, Any]]) -> dict[str, Any] | None:
    """An assistant message of the parts that there are; ``None`` without any."""
    if not (thoughts or said or calls):
        return None
    made: dict[str, Any] = {"role": "assistant"}
    if thoughts:
        made["reasoning_content"] = thoughts
    if said or not calls:
        made["content"] = said
    if calls:
        made["tool_calls"] = calls
    return made


def chat_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A ``functionCall`` as a tool call: its arguments are parsed and become compact JSON."""
    name = text(call.get("name")) or ""
    arguments = call.get("args")
    written = compact({} if arguments is None else arguments)
    function = {"name": name, "arguments": written}
    return {"id": text(call.get("id")) or name, "type": "function", "function": function}


def chat_tools(declarations: Any) -> tuple[dict[str, Any], ...]:
    """Function declarations as chat tools; those within a ``Tool`` are taken out of it."""
    functions = (
        function
        for declared in objects(declarations)
        for function in objects(declared.get("functionDeclarations", [declared]))
        if text(function.get("name")) and _is_writable(function)
    )
    return tuple({"type": "function", "function": _function(function)} for function in functions)


def _function(declaration: Mapping[str, Any]) -> dict[str, Any]:
    names = {"parametersJsonSchema": "parameters"}
    made = {names.get(key, key): value for key, value in declaration.items()}
    made.setdefault("parameters", {"type": "object", "properties": {}})
    return made


def _is_writable(value: Any) -> bool:
    try:
        check_writable(value)
    except ValueError:
        return False
    return True


def usage_metadata(usage: Any) -> Recorded:
    """``usageMetadata``: cached tokens are among the prompt's.

    Providers differ on whether thoughts are among the candidates; the total tells, where it is.
    """
    counts = mapping(usage)
    prompt = count(counts.get("promptTokenCount"))
    if not prompt:
        return Recorded()
    thoughts = count(counts.get("thoughtsTokenCount"))
    total = count(counts.get("totalTokenCount"))
    output = count(counts.get("candidatesTokenCount"))
    if total is not None and total > prompt:
        output = total - prompt
    elif output is not None:
        output += thoughts or 0
    return Recorded(
        prompt_tokens=prompt,
        cached_tokens=count(counts.get("cachedContentTokenCount")),
        completion_tokens=output,
        reasoning_tokens=thoughts,
    )


def summed_tokens(tokens: Any) -> Recorded:
    """``tokens`` as gemini-cli writes them: input holds the cached, output leaves thoughts out."""
    counts = mapping(tokens)
    prompt = count(counts.get("input"))
    if not prompt:
        return Recorded()
    output, thoughts = count(counts.get("output")), count(counts.get("thoughts"))
    return Recorded(
        prompt_tokens=prompt,
        cached_tokens=count(counts.get("cached")),
        completion_tokens=None if output is None else output + (thoughts or 0),
        reasoning_tokens=thoughts,
    )
