"""Captures without their text: filler of as many tokens, in messages of the same shape.

What stays is what a replay needs: roles, where messages and parts end, calls and their ids, the
shape of arguments and of tool schemas, numbers of tokens, times. Names of tools and of their
parameters become other names, the same in definitions and calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from autotune.workload.model import Fidelity, Message, PromptFidelity, Recorded, Session, Turn
from autotune.workload.redaction.apply import check_prefixes
from autotune.workload.redaction.blank import Blank
from autotune.workload.redaction.context_rules import SECRET_KEYS
from autotune.workload.redaction.marks import marked
from autotune.workload.redaction.options import RedactionOptions
from autotune.workload.redaction.protocol import ID_KEYS, PROTOCOL_KEYS, PROTOCOL_VALUES
from autotune.workload.redaction.pseudonyms import Pseudonyms
from autotune.workload.redaction.report import Tally, TokenCount
from autotune.workload.redaction.rules import METADATA_ID, SESSION_ID, Style
from autotune.workload.redaction.scanner import Scanner, is_data_url
from autotune.workload.redaction.tokenizer import Counter
from autotune.workload.redaction.units import is_empty

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8A"
    "AAAASUVORK5CYII="
)
"""One transparent pixel: stands for every image."""

_NAMED_INSIDE = frozenset(("properties", "patternProperties", "$defs", "definitions"))
_NAME_KEYS = frozenset(("name", "required", "enum", "const", "default", "examples"))
_CALL_IDS = frozenset(("id", "tool_call_id", "tool_use_id", "call_id"))
_LISTED = """
model tool_choice reasoning_effort effort service_tier verbosity truncation format detail
media_type object finish_reason stop_reason file encoding_format
"""
_KEPT = frozenset(_LISTED.split())
_NAME_CONTEXTS = ("{}", '"{}"', '"{}":')
_FITTINGS = 8

Tree = dict[str, Any] | list[Any]


class TextNone:
    """Sessions to sessions of filler. `book` holds the names and ids it gave out."""

    def __init__(
        self,
        options: RedactionOptions,
        avoid: Callable[[str], bool],
        scanner: Scanner,
        counter: Counter | None = None,
    ) -> None:
        self.tally = Tally()
        self._scanner = scanner
        self._counter = counter
        self._blank = Blank(options.salt, avoid, counter)
        fits = {} if counter is None else {"fits": self._name_fits}
        self.book = Pseudonyms(options.salt, avoid, **fits)
        self._seen: dict[int, tuple[Any, Any]] = {}
        self._used: set[str] = set()
        self._counts = [0, 0, 0, 0]

    @property
    def tokens(self) -> TokenCount:
        """Counts of the texts that were replaced so far."""
        return TokenCount(self._counter is not None, *self._counts)

    def over(self, sessions: Iterable[Session]) -> Iterator[Session]:
        """`sessions` without their text, one at a time."""
        for session in sessions:
            self.tally.began(len(session.turns))
            self._used.clear()
            changed = self._session(session)
            check_prefixes(session, changed)
            yield marked(changed, self._used, "none")

    def _session(self, session: Session) -> Session:
        self._seen.clear()
        parent = None if session.parent is None else self._id(session.parent)
        turns = tuple(self._turn(turn) for turn in session.turns)
        return Session(self._id(session.session_id), turns, parent)

    def _turn(self, turn: Turn) -> Turn:
        missing = tuple(dict.fromkeys((*turn.fidelity.missing, "text")))
        return replace(
            turn,
            session_id=self._id(turn.session_id),
            messages=tuple(self._message(message) for message in turn.messages),
            tools=self._once(turn.tools, self._tools),
            params=self._once(turn.params, self._fields),
            response=None if turn.response is None else self._message(turn.response),
            recorded=self._recorded(turn.recorded),
            fidelity=Fidelity(PromptFidelity.SYNTHETIC, missing, turn.fidelity.pad_tokens),
            origin=self._once(turn.origin, self._fields),
            extra=self._once(turn.extra, self._fields),
        )

    def _once(self, value: Any, change: Callable[[Any], Any]) -> Any:
        """Changed once a session; the object is held, so that its id stays its own."""
        known = self._seen.get(id(value))
        if known is None:
            known = self._seen[id(value)] = (value, change(value))
        return known[1]

    def _message(self, message: Message) -> Message:
        changed: Message = self._once(message, lambda value: self._value("", value))
        return changed

    def _recorded(self, recorded: Recorded) -> Recorded:
        model, tokenizer = recorded.model, recorded.tokenizer
        return replace(
            recorded,
            model=None if model is None else self._kept(model),
            tokenizer=None if tokenizer is None else self._kept(tokenizer),
        )

    def _value(self, key: str, value: Any) -> Any:
        """A part of a message: its shape stays."""
        if isinstance(value, str):
            return self._string(key, value)
        if isinstance(value, Mapping):
            if key == "input":
                return self._tree(value)
            return {k: self._value(k, v) for k, v in self._protocol(value)}
        if isinstance(value, (list, tuple)):
            return [self._value(key, item) for item in value]
        return value

    def _protocol(self, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for key, inner in value.items():
            yield key if key in PROTOCOL_KEYS else self._name(key), inner

    def _string(self, key: str, text: str) -> str:
        if not text or text in PROTOCOL_VALUES.get(key, ()):
            return text
        if is_data_url(text):
            self.tally.images += 1
            return PIXEL
        if key in _CALL_IDS:
            return self._id(text)
        if key == "name":
            return self._name(text)
        if key == "arguments":
            return self._arguments(text)
        return self._kept(text) if key in _KEPT else self._filler(text)

    def _filler(self, text: str) -> str:
        made = self._blank.text(text)
        self._count(text, made)
        return made

    def _arguments(self, text: str) -> str:
        """Arguments of a call: an object with as many members, if it was one."""
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            return self._filler(text)
        if not isinstance(parsed, (dict, list)):
            return self._filler(text)
        spaced = '": ' in text or '", ' in text
        separators = (", ", ": ") if spaced else (",", ":")

        def written(tree: Any) -> str:
            return json.dumps(tree, ensure_ascii=False, separators=separators)

        tree = self._fitted(self._tree(parsed), written, self._blank.count(text), _any_key)
        self._count(text, written(tree))
        return self._known(written(tree), is_json=True)

    def _tree(self, value: Any) -> Any:
        """Any JSON: names for keys, filler for text, other digits for numbers."""
        if isinstance(value, str):
            return self._blank.text(value)
        if isinstance(value, Mapping):
            return {self._name(key): self._tree(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._tree(item) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 9:
            return int(self._id(str(value)))
        return value

    def _tools(self, tools: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
        return tuple(self._tool(tool) for tool in tools)

    def _tool(self, tool: Mapping[str, Any]) -> Mapping[str, Any]:
        """A definition: its schema keeps its shape, its descriptions make up the count."""
        before = _spaced(tool)
        made: Mapping[str, Any] = self._fitted(
            self._schema("", tool), _spaced, self._blank.count(before), "description".__eq__
        )
        self._count(before, _spaced(made))
        return made

    def _schema(self, key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            named = key in _NAMED_INSIDE
            return {
                self._name(k) if named or k not in PROTOCOL_KEYS else k: self._schema(
                    "" if named else k, inner
                )
                for k, inner in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._schema(key, item) for item in value]
        return self._schema_text(key, value) if isinstance(value, str) else value

    def _schema_text(self, key: str, text: str) -> str:
        if not text or text in PROTOCOL_VALUES.get(key, ()):
            return text
        if key == "$ref":
            base, slash, name = text.rpartition("/")
            return f"{base}{slash}{self._name(name)}" if base.startswith("#") else "#"
        if key == "$schema":
            return text
        if key == "pattern":
            return "^.*$"
        if key == "format":
            return self._kept(text)
        if key in _NAME_KEYS and len(text.split()) == 1:
            return self._name(text)
        return self._blank.text(text)

    def _fields(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return {self._kept(key): self._field(key, value) for key, value in fields.items()}

    def _field(self, key: str, value: Any) -> Any:
        """A request field, or what a capture adds: keys and numbers stay."""
        if key in ("tools", "response_format", "json_schema", "schema"):
            return self._schema(key, value)
        if isinstance(value, Mapping):
            return self._fields(value)
        if isinstance(value, (list, tuple)):
            return [self._field(key, item) for item in value]
        if isinstance(value, int) and not isinstance(value, bool):
            named = key.lower() in ID_KEYS and abs(value) > 9
            return int(self._id(str(value))) if named else value
        return self._field_text(key, value) if isinstance(value, str) else value

    def _field_text(self, key: str, text: str) -> str:
        if text in PROTOCOL_VALUES.get(key, ()):
            return text
        if key.lower() in ID_KEYS or SECRET_KEYS.fullmatch(key):
            return self._id(text)
        return self._kept(text) if key in _KEPT else self._string(key, text)

    def _id(self, text: str) -> str:
        """A value of the same look that stands for this one everywhere."""
        if is_empty(text):
            return text
        return self._issued(text, SESSION_ID, Style.SECRET)

    def _name(self, text: str) -> str:
        if is_empty(text):
            return text
        return self._issued(text, METADATA_ID, Style.NAME)

    def _issued(self, text: str, rule: str, style: Style) -> str:
        """The pseudonym of a name; what a rule sees in it is known for one as well."""
        made = self.book.of(text, rule, style)
        self._used.add(made)
        return self._known(made)

    def _known(self, made: str, *, is_json: bool = False) -> str:
        """`made`; what a rule would see in it is known for no value of anybody's."""
        spans = self._scanner.find(made, is_json=is_json)
        self._used.update(made[span.start : span.end] for span in spans)
        return made

    def _kept(self, text: str) -> str:
        """A word of a protocol, or a model: it stays unless a rule speaks of it."""
        return self._name(text) if self._scanner.find(text) else text

    def _name_fits(self, value: str, candidate: str) -> bool:
        """Whether a name costs what it cost, as JSON and templates write it."""
        count = self._blank.count
        return all(count(c.format(value)) == count(c.format(candidate)) for c in _NAME_CONTEXTS)

    def _count(self, before: str, after: str) -> None:
        counts = [self._blank.count(before), self._blank.count(after)]
        if self._counter is None:
            counts[1] = counts[0]
        added = [1, *counts, counts[0] != counts[1]]
        self._counts = [a + b for a, b in zip(self._counts, added, strict=True)]

    def _fitted(
        self, tree: Any, written: Callable[[Any], str], tokens: int, key: Callable[[str], bool]
    ) -> Any:
        """`tree` with words added to or taken from its longest filler, until the count is right."""
        place = _longest(tree, key) if self._counter is not None else None
        for _ in range(_FITTINGS if place is not None else 0):
            off = tokens - self._blank.count(written(tree))
            if off == 0 or place is None:
                break
            inside, at = place
            inside[at] = self._blank.more(inside[at], off) or inside[at]
        return tree


def _any_key(key: str) -> bool:
    return True


def _spaced(value: Any) -> str:
    """JSON as chat templates write it."""
    return json.dumps(value, ensure_ascii=False)


def _longest(tree: Any, wanted: Callable[[str], bool]) -> tuple[Any, Any] | None:
    """Where the longest string lies that is filler: the object or list, and its key there."""
    found: tuple[Any, Any] | None = None
    length, todo = 0, [("", tree)]
    while todo:
        key, inside = todo.pop()
        items = inside.items() if isinstance(inside, dict) else enumerate(inside)
        for at, value in items:
            name = at if isinstance(at, str) else key
            if isinstance(value, (dict, list)):
                todo.append((name, value))
            elif isinstance(value, str) and wanted(name) and len(value) > length:
                found, length = (inside, at), len(value)
    return found
