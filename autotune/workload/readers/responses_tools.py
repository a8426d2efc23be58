"""Tools of an OpenAI Responses request, in OpenAI chat shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}
_FREE_TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}
_FUNCTION_KEYS = ("name", "description", "parameters", "strict")


def chat_tools(body: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The ``tools`` of a request body as chat tools, in their order."""
    tools = body.get("tools")
    return tuple(shaped_tools(tools)) if isinstance(tools, list) else ()


def qualified(namespace: Any, name: str) -> str:
    """A tool's name within its namespace, as one name that a chat request may carry."""
    if not isinstance(namespace, str) or not namespace:
        return name
    return f"{namespace}{name}" if namespace.endswith(("_", "-")) else f"{namespace}__{name}"


def shaped_tools(tools: list[Any], namespace: str = "") -> Iterator[dict[str, Any]]:
    """Every tool of `tools`, those of a namespace under its name; the rest is passed over."""
    for tool in tools:
        if not isinstance(tool, Mapping):
            continue
        if isinstance(tool.get("function"), Mapping):
            yield dict(tool)
        elif tool.get("type") == "namespace" and not namespace:
            yield from _within_namespace(tool)
        else:
            function = _function(tool, namespace)
            if function is not None:
                yield {"type": "function", "function": function}


def _within_namespace(tool: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    inner, name = tool.get("tools"), tool.get("name")
    if isinstance(inner, list):
        yield from shaped_tools(inner, name if isinstance(name, str) and name else "namespace")


def _function(tool: Mapping[str, Any], namespace: str) -> dict[str, Any] | None:
    """A function as it stands, a custom tool as one of free text, a built-in one by its type."""
    kind, name = tool.get("type"), tool.get("name")
    if isinstance(name, str) and kind == "custom":
        return {
            "name": qualified(namespace, name),
            "description": _custom_description(tool),
            "parameters": _FREE_TEXT,
        }
    if isinstance(name, str):
        function = {key: value for key, value in tool.items() if key in _FUNCTION_KEYS}
        function["name"] = qualified(namespace, name)
        function.setdefault("parameters", _NO_PARAMETERS)
        return function
    return {"name": kind, "parameters": _NO_PARAMETERS} if isinstance(kind, str) else None


def _custom_description(tool: Mapping[str, Any]) -> str:
    """What the tool is for and the grammar of its text: the model is told both."""
    form = tool.get("format")
    grammar = form.get("definition") if isinstance(form, Mapping) else None
    texts = [tool.get("description"), grammar]
    return "\n".join(text for text in texts if isinstance(text, str) and text)
