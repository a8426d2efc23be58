"""How long a session an engine has room for under given settings."""

from __future__ import annotations

from collections.abc import Mapping

from autotune.candidate import Setting
from autotune.search.space import Parameter, Space, holds

CONTEXT_CONCEPT = "context length"
"""The concept of the parameter that says how long a prompt with its reply may be."""

CONTEXT_FLAGS = ("ctx-size", "max-model-len", "context-length")
"""What engines call the context length, where no parameter says so."""

SLOTS_OF = {"ctx-size": "parallel"}
"""Where slots share a context length out among them: the flag of how many there are."""

SHARED = "kv-unified"

Settings = Mapping[str, Setting]


def session_room(space: Space, settings: Settings) -> int | None:
    """Tokens of context that one session can have; ``None`` where the engine decides."""
    named = next((p for p in space.parameters if p.concept == CONTEXT_CONCEPT), None)
    usual = next((flag for flag in CONTEXT_FLAGS if flag in settings), "")
    name = usual if named is None else named.name
    tokens = settings.get(name)
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens <= 0:
        return None
    slots = _slots(name, named, settings)
    return None if slots is None else tokens // slots


def _slots(name: str, named: Parameter | None, settings: Settings) -> int | None:
    """Among how many slots the context is shared out; ``None`` where the engine decides."""
    flag = SLOTS_OF.get(name) if named is None else named.per_slot_of
    if flag is None or flag not in settings:
        return 1
    one_pool = holds(named.shared_when, settings) if named and named.shared_when else False
    if one_pool or settings.get(SHARED) is True:
        return 1
    slots = settings[flag]
    return slots if isinstance(slots, int) and slots > 0 else None
