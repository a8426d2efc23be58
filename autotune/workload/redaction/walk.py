"""Every text of a session, wherever it stands, through one function; what is shared stays shared.

A turn holds its whole prompt, and turns share their message objects; so each object is walked
once a session, and its copy is shared by the same turns. What has not changed is the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from autotune.workload.model import Fidelity, Message, Recorded, Session, Turn
from autotune.workload.redaction.context_rules import SECRET_KEYS, is_placeholder
from autotune.workload.redaction.protocol import ID_KEYS, PROTOCOL_KEYS, PROTOCOL_VALUES
from autotune.workload.redaction.pseudonyms import UnprocessableError
from autotune.workload.redaction.rules import ASSIGNMENT, METADATA_ID, SESSION_ID

_SECRET_CHARS = 4
_SECRET_WORDS = 6


class Visitor(Protocol):
    """What is done with texts. Both may raise `UnprocessableError`."""

    def text(self, text: str, *, is_json: bool = False) -> str:
        """`text` as it shall be; `is_json` for tool-call arguments, which stay JSON."""

    def whole(self, value: str, rule: str) -> str:
        """A value that its key tells, as it shall be."""


@dataclass(slots=True)
class Walker:
    """Walks one session after another; `session_ids` are changed as a whole where asked."""

    visitor: Visitor
    session_ids: bool = False
    check: Callable[[Any, Any], None] = lambda before, after: None
    """Told of every message and list of tools, before and after."""
    _seen: dict[int, tuple[Any, Any]] = field(default_factory=dict)

    def session(self, session: Session, of_turn: Callable[[Turn], Turn]) -> Session:
        """`session` with every text through the visitor; `of_turn` has the last word on a turn."""
        self.forget()
        changed = Session(
            self.name(session.session_id),
            tuple(of_turn(self._turn(turn)) for turn in session.turns),
            None if session.parent is None else self.name(session.parent),
        )
        self.forget()
        return changed

    def forget(self) -> None:
        """Drop what was walked: its objects may be gone."""
        self._seen.clear()

    def name(self, session_id: str) -> str:
        """The id of a session."""
        if self.session_ids:
            return self.visitor.whole(session_id, SESSION_ID)
        return self.visitor.text(session_id)

    def _turn(self, turn: Turn) -> Turn:
        return replace(
            turn,
            session_id=self.name(turn.session_id),
            messages=tuple(self.message(message) for message in turn.messages),
            tools=self.tools(turn.tools),
            params=self._once(turn.params, self.fields),
            response=None if turn.response is None else self.message(turn.response),
            recorded=self._recorded(turn.recorded),
            fidelity=self._fidelity(turn.fidelity),
            origin=self._once(turn.origin, self.fields),
            extra=self._once(turn.extra, self.fields),
        )

    def message(self, message: Message) -> Message:
        """One message."""
        changed: Message = self._checked(message, self.plain)
        return changed

    def tools(self, tools: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
        """Tool definitions, as one."""
        changed: tuple[Mapping[str, Any], ...] = self._checked(tools, self.plain)
        return changed

    def fields(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Request fields and what else a capture holds: keys may name somebody there."""
        return self._mapping(fields, ids=True)

    def plain(self, value: Any) -> Any:
        """Any JSON value of a prompt."""
        return self._value("", value, ids=False)

    def _recorded(self, recorded: Recorded) -> Recorded:
        return replace(
            recorded, model=self._named(recorded.model), tokenizer=self._named(recorded.tokenizer)
        )

    def _fidelity(self, fidelity: Fidelity) -> Fidelity:
        return replace(fidelity, missing=tuple(map(self.visitor.text, fidelity.missing)))

    def _named(self, text: str | None) -> str | None:
        return None if text is None else self.visitor.text(text)

    def _checked(self, value: Any, change: Callable[[Any], Any]) -> Any:
        new = id(value) not in self._seen
        changed = self._once(value, change)
        if new and changed is not value:
            self.check(value, changed)
        return changed

    def _once(self, value: Any, change: Callable[[Any], Any]) -> Any:
        """Walked once a session; the object is held, so that its id stays its own."""
        known = self._seen.get(id(value))
        if known is None:
            known = self._seen[id(value)] = (value, change(value))
        return known[1]

    def _value(self, key: str, value: Any, *, ids: bool) -> Any:
        if isinstance(value, str):
            return self._string(key, value, ids=ids)
        if value is None or isinstance(value, (bool, float)):
            return value
        if isinstance(value, int):
            return self._number(key, value, ids=ids)
        if isinstance(value, Mapping):
            return self._mapping(value, ids=ids)
        if isinstance(value, (list, tuple)):
            return self._items(key, value, ids=ids)
        raise _no_json(value)

    def _string(self, key: str, text: str, *, ids: bool) -> str:
        if text in PROTOCOL_VALUES.get(key, ()):
            return text
        if ids and key.lower() in ID_KEYS and text:
            return self.visitor.whole(text, METADATA_ID)
        if SECRET_KEYS.fullmatch(key) and _is_secret(text):
            return self.visitor.whole(text, ASSIGNMENT)
        return self.visitor.text(text, is_json=key == "arguments")

    def _number(self, key: str, value: int, *, ids: bool) -> int:
        """A number of an account; every other number stays."""
        if not ids or key.lower() not in ID_KEYS or abs(value) < 10:
            return value
        return int(self.visitor.whole(str(value), METADATA_ID))

    def _mapping(self, value: Mapping[str, Any], *, ids: bool) -> Mapping[str, Any]:
        changed: dict[str, Any] = {}
        for key, inner in value.items():
            if not isinstance(key, str):
                raise _no_json(key)
            name = key if key in PROTOCOL_KEYS else self.visitor.text(key)
            if name in changed:
                raise UnprocessableError(
                    "two keys of one object would become the same",
                    "give another --salt",
                )
            changed[name] = self._value(key, inner, ids=ids)
        return value if _same(value, changed) else changed

    def _items(self, key: str, value: Sequence[Any], *, ids: bool) -> Sequence[Any]:
        changed = [self._value(key, item, ids=ids) for item in value]
        if all(new is old for new, old in zip(changed, value, strict=True)):
            return value
        return tuple(changed) if isinstance(value, tuple) else changed


def _no_json(value: object) -> UnprocessableError:
    return UnprocessableError(
        f"a capture holds a {type(value).__name__}, which JSON has not",
        "convert it first: autotune captures convert",
    )


def _is_secret(text: str) -> bool:
    """Whether the value of a secret's field is one: not empty, no placeholder, no sentence."""
    if sum(char.isalnum() for char in text) < _SECRET_CHARS or is_placeholder(text):
        return False
    return len(text.split()) <= _SECRET_WORDS


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether every key and value is the very object that it was."""
    pairs = zip(before.items(), after.items(), strict=True)
    return all(old == new and a is b for (old, a), (new, b) in pairs)
