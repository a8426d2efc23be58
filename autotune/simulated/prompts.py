"""A replay plan as numbers: how deep each prompt is, and how much of it earlier ones held.

Text is compared once for a plan: a prompt becomes a chain of messages, each with a key and a number
of tokens (`CHARS_PER_TOKEN` characters each), and what two prompts share is counted in whole
messages. In closed loop the engine's own reply of the pinned length stands where the capture's
stood, as `autotune.replay.history` puts it there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.workload.depth import CHARS_PER_TOKEN, message_chars, tools_chars
from autotune.workload.model import Message
from autotune.workload.prefix import canonical, common_prefix

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

    _known: OrderedDict[tuple[str, int], PlanShape] = field(default_factory=OrderedDict)

    def of(self, plan: ReplayPlan) -> PlanShape:
        """The shape of `plan`."""
        key = plan_key(plan)
        shape = self._known.get(key)
        if shape is None:
            shape = self._known[key] = plan_shape(plan)
            if len(self._known) > _KEPT_PLANS:
                self._known.popitem(last=False)
        return shape


def plan_key(plan: ReplayPlan) -> tuple[str, int]:
    """Equal where two plans put the same prompts to a server."""
    return (plan.digest, plan.probe_turns)


def plan_shape(plan: ReplayPlan) -> PlanShape:
    """The prompts of `plan`, which may begin a session in its middle.

    Probe turns are asked under a mark of their own: they share nothing with the others.
    """
    closed = plan.history is History.CLOSED_LOOP
    texts: dict[bytes, int] = {}
    probe, rest = _Keys(closed, b"probe", texts), _Keys(closed, b"", texts)
    prompts = (
        (probe if at < plan.probe_turns else rest).prompt(at, planned)
        for at, planned in enumerate(plan.turns)
    )
    return PlanShape(tuple(prompts))


@dataclass(slots=True)
class _Talk:
    """One session so far: its last prompt, and what stands in the place of recorded replies.

    As `autotune.replay.history.SessionHistory` keeps it; ``None`` drops a message.
    """

    messages: Sequence[Message] = ()
    index: int | None = None
    reply: tuple[Key, int] | None = None
    replaced: dict[int, tuple[Key, int] | None] = field(default_factory=dict)

    def follow(self, messages: Sequence[Message]) -> None:
        """`messages` are the next prompt: the reply before it comes back, an edit drops it."""
        same = common_prefix(self.messages, messages)
        self.replaced = {at: key for at, key in self.replaced.items() if at < same}
        if self.reply is None or same != len(self.messages):
            return
        reply: tuple[Key, int] | None = self.reply
        for at in range(same, len(messages)):
            if messages[at].get("role") != "assistant":
                break
            self.replaced[at], reply = reply, None


@dataclass(slots=True)
class _Keys:
    """Numbers for texts, and each session so far."""

    closed: bool
    mark: bytes
    texts: dict[bytes, int]
    _sizes: dict[int, tuple[Message, int, int]] = field(default_factory=dict)
    _tools: dict[int, tuple[object, int, int]] = field(default_factory=dict)
    _talks: dict[str, _Talk] = field(default_factory=dict)

    def prompt(self, at: int, planned: PlannedTurn) -> Prompt:
        """The prompt of `planned`, the `at`-th request."""
        turn = planned.turn
        talk = self._talks.setdefault(turn.session_id, _Talk())
        if self.closed:
            talk.follow(turn.messages)
        pairs = [self._of_tools(turn.tools)] if turn.tools else []
        for place, message in enumerate(turn.messages):
            pair = talk.replaced[place] if place in talk.replaced else self._of(message)
            pairs += [pair] if pair is not None else []
        own: Key = (turn.session_id, turn.index, at)
        follows, talk.index = talk.index, at
        talk.messages, talk.reply = turn.messages, (own, planned.output_tokens)
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

    def _of_tools(self, tools: Sequence[Mapping[str, Any]]) -> tuple[Key, int]:
        known = self._tools.get(id(tools))
        if known is None:
            key = self._number(canonical(list(tools), sort_keys=True))
            known = (tools, key, round(tools_chars(tools) / CHARS_PER_TOKEN))
            self._tools[id(tools)] = known
        return known[1], known[2]

    def _number(self, text: bytes) -> int:
        return self.texts.setdefault(self.mark + text, len(self.texts))
