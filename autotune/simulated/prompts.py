"""A replay plan as numbers: how deep each prompt is, and how much of it earlier ones held.

Text is compared once for a plan: a prompt becomes a chain of messages, each with a key and a number
of tokens (`CHARS_PER_TOKEN` characters each), and what two prompts share is counted in whole
messages. In closed loop the engine's own reply of the pinned length stands where the capture's
stood, as `autotune.replay.history` puts it there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.workload.depth import CHARS_PER_TOKEN, message_chars, tools_chars
from autotune.workload.model import Message
from autotune.workload.prefix import canonical

_MESSAGE_TOKENS = 4
"""Of a chat template, around each message."""

_KEPT_PLANS = 64

Key = int | tuple[str, int, int]
"""What a message is: a number for its text, or the reply of a turn of this plan."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request. `keys` and `ends` go together: message by message, tokens up to its end.

    `index` counts requests in the plan's order; `reply` is the key that its reply will have.
    """

    index: int
    planned: PlannedTurn
    keys: tuple[Key, ...]
    ends: tuple[int, ...]
    reply: Key
    follows: int | None

    @property
    def tokens(self) -> int:
        """Of the whole prompt."""
        return self.ends[-1] if self.ends else 0

    @property
    def reply_tokens(self) -> int:
        """Pinned length of the reply."""
        return self.planned.output_tokens

    @property
    def whole_tokens(self) -> int:
        """Prompt and reply."""
        return self.tokens + self.reply_tokens

    @property
    def last_message_start(self) -> int:
        """Tokens before the last message."""
        return self.ends[-2] if len(self.ends) > 1 else 0


@dataclass(slots=True)
class PlanShape:
    """Every prompt of a plan, and what any two share (worked out when asked, then kept)."""

    prompts: tuple[Prompt, ...]
    _shared: dict[tuple[int, int], int] = field(default_factory=dict)

    def shared(self, earlier: int, later: int) -> int:
        """Tokens that prompt `later` begins with and that prompt `earlier` with its reply held."""
        found = self._shared.get((earlier, later))
        if found is None:
            found = _shared(self.prompts[earlier], self.prompts[later])
            self._shared[earlier, later] = found
        return found

    @property
    def deepest_tokens(self) -> int:
        """The deepest prompt with its reply."""
        return max((p.whole_tokens for p in self.prompts), default=0)


def _shared(earlier: Prompt, later: Prompt) -> int:
    at = 0
    keys = (*earlier.keys, earlier.reply)
    for one, other in zip(keys, later.keys, strict=False):
        if one != other:
            break
        at += 1
    return later.ends[at - 1] if at else 0


@dataclass(slots=True)
class PlanShapes:
    """Shapes of the plans that were seen lately, by their digests."""

    _known: OrderedDict[str, PlanShape] = field(default_factory=OrderedDict)

    def of(self, plan: ReplayPlan) -> PlanShape:
        """The shape of `plan`."""
        shape = self._known.get(plan.digest)
        if shape is None:
            shape = self._known[plan.digest] = plan_shape(plan)
            if len(self._known) > _KEPT_PLANS:
                self._known.popitem(last=False)
        return shape


def plan_shape(plan: ReplayPlan) -> PlanShape:
    """The prompts of `plan`, which may begin a session in its middle."""
    keys = _Keys(closed=plan.history is History.CLOSED_LOOP)
    return PlanShape(tuple(keys.prompt(at, planned) for at, planned in enumerate(plan.turns)))


@dataclass(slots=True)
class _Reply:
    """The reply of a turn of the plan, where it may come back."""

    index: int
    messages: Sequence[Message]
    key: Key
    tokens: int


@dataclass(slots=True)
class _Keys:
    """Numbers for texts, and each session's replies so far."""

    closed: bool
    _texts: dict[bytes, int] = field(default_factory=dict)
    _sizes: dict[int, tuple[Message, int, int]] = field(default_factory=dict)
    _tools: dict[int, tuple[object, int, int]] = field(default_factory=dict)
    _replies: dict[str, list[_Reply]] = field(default_factory=dict)

    def prompt(self, at: int, planned: PlannedTurn) -> Prompt:
        """The prompt of `planned`, the `at`-th request."""
        turn = planned.turn
        replies = self._replies.setdefault(turn.session_id, [])
        tools_key, tools_tokens = self._of_tools(turn.tools)
        pairs: list[tuple[Key, int]] = [(tools_key, tools_tokens)] if turn.tools else []
        pairs += [self._of(message) for message in turn.messages]
        start = len(pairs) - len(turn.messages)
        if self.closed:
            for reply in replies:
                if _comes_back(reply.messages, turn.messages):
                    pairs[start + len(reply.messages)] = (reply.key, reply.tokens)
        follows = replies[-1].index if replies else None
        own: Key = (turn.session_id, turn.index, at)
        replies.append(_Reply(at, turn.messages, own, planned.output_tokens))
        ends = tuple(accumulate(tokens for _, tokens in pairs))
        return Prompt(at, planned, tuple(key for key, _ in pairs), ends, own, follows)

    def _of(self, message: Message) -> tuple[Key, int]:
        """Key and tokens of a message; the object is kept, so that its id stays its own."""
        known = self._sizes.get(id(message))
        if known is None:
            key = self._number(canonical(message, sort_keys=True))
            tokens = _MESSAGE_TOKENS + round(message_chars(message) / CHARS_PER_TOKEN)
            known = self._sizes[id(message)] = (message, key, tokens)
        return known[1], known[2]

    def _of_tools(self, tools: Sequence[object]) -> tuple[Key, int]:
        known = self._tools.get(id(tools))
        if known is None:
            key = self._number(canonical(list(tools), sort_keys=True))
            known = (tools, key, round(tools_chars(tools) / CHARS_PER_TOKEN))  # type: ignore[arg-type]
            self._tools[id(tools)] = known
        return known[1], known[2]

    def _number(self, text: bytes) -> int:
        return self._texts.setdefault(text, len(self._texts))


def _comes_back(before: Sequence[Message], now: Sequence[Message]) -> bool:
    """Whether `now` carries on from `before` with a reply. Messages are shared objects."""
    at = len(before)
    if len(now) <= at or now[at].get("role") != "assistant":
        return False
    return at == 0 or now[at - 1] is before[at - 1] or now[at - 1] == before[at - 1]
