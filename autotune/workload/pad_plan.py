"""How much filler each prompt needs, and where: from depths to pads.

Pure arithmetic over one number a turn: what its prompt holds without filler, in the tokens of the
engine, and what it should hold. Within a segment, which is what lies between two context edits,
filler only grows, because prompts of a segment share their beginning. A context edit begins a new
segment: filler that is then too much goes away, from the back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from autotune.workload.model import Boundary, Message, Session, Turn
from autotune.workload.padding import HEAD, Pad, SessionPads, begins_midway, place_for
from autotune.workload.prefix import common_prefix

LEAST_TOKENS = 8
"""A smaller lack waits until more has come together."""
LEAST_SHARE = 0.001
"""So does one below this share of the depth."""


@dataclass(frozen=True, slots=True)
class Depths:
    """One session in numbers, a number a turn: tokens of the prompt `bare` of filler, and how many
    it should have (`wanted`, ``None`` where nothing was recorded)."""

    session: Session
    bare: tuple[int, ...]
    wanted: tuple[int | None, ...]

    def lack(self, at: int) -> int | None:
        """Tokens that the prompt of turn `at` lacks; negative when it holds more than it should."""
        wanted = self.wanted[at]
        return None if wanted is None else wanted - self.bare[at]


@dataclass(frozen=True, slots=True)
class FillerCost:
    """What filler costs in this engine: tokens a word, and tokens for putting it beside text."""

    tokens_per_word: float = 1.0
    joint_tokens: float = 0.0

    def words(self, tokens: int) -> int:
        """Words that cost about `tokens`."""
        return max(0, round((tokens - self.joint_tokens) / self.tokens_per_word))

    def tokens(self, words: int) -> int:
        """What `words` cost, their joint included."""
        return round(words * self.tokens_per_word + self.joint_tokens) if words else 0


def segment_starts(session: Session) -> tuple[bool, ...]:
    """Whether each turn begins a segment: its prompt does not simply extend the one before."""
    before: tuple[Message, ...] = ()
    starts = []
    for at, turn in enumerate(session.turns):
        cut = common_prefix(before, turn.messages) < len(before)
        starts.append(at == 0 or turn.boundary is not None or cut)
        before = turn.messages
    return tuple(starts)


def head_tokens(depths: Depths) -> int:
    """What the first prompt lacks: the system prompt and the tools, 0 when it lacks nothing.

    Where the first turn was not recorded, the next one of its segment tells. A session that begins
    midway lacks its history as well; there the head is the least that any prompt lacks which holds
    nothing of the ones before, since that one lacks no history.
    """
    starts = segment_starts(depths.session)
    lacks = [_first_lack(depths, starts, at) for at in _fresh(depths.session, starts)]
    known = [lack for lack in lacks if lack is not None]
    if not known or lacks[0] is None:
        return 0
    return max(0, min(known) if begins_midway(depths.session) else known[0])


def _fresh(session: Session, starts: Sequence[bool]) -> Iterator[int]:
    """The first turn, and each whose prompt begins anew, but for the system prompt."""
    yield 0
    for at in range(1, len(session.turns)):
        before, now = session.turns[at - 1].messages, session.turns[at].messages
        if starts[at] and common_prefix(before, now) <= 1:
            yield at


def _first_lack(depths: Depths, starts: Sequence[bool], start: int) -> int | None:
    """The lack of the first recorded turn of the segment that begins at `start`."""
    for at in range(start, len(starts)):
        if at > start and starts[at]:
            return None
        if (lack := depths.lack(at)) is not None:
            return lack
    return None


def shared_head(heads: Mapping[str, int], midway: Iterable[str] = ()) -> int:
    """Tokens of head that the sessions of one agent share, from each one's own head.

    The lower median: one odd session does not take the shared prefix from the others. Sessions
    that begin midway say little of their head and count only where there are no others.
    """
    left_out = set(midway)
    sizes = sorted(h for name, h in heads.items() if name not in left_out) or sorted(heads.values())
    return sizes[(len(sizes) - 1) // 2] if sizes else 0


def plan_pads(
    depths: Depths, head: int, shared: int, agent: str, cost: FillerCost | None = None
) -> SessionPads:
    """The pads that bring every prompt of a session to its wanted depth, as far as that can be.

    `head` tokens go to the end of the system prompt, the first `shared` of them in the words of
    the agent. What a prompt lacks beyond goes in front of its first new message that is not the
    assistant's.
    """
    planner = _Planner(depths, head, cost or FillerCost())
    planner.run()
    common = planner.cost.words(shared)
    pads = tuple(
        Pad(p.turn, p.place, p.words, min(common, p.words) if p.place == HEAD else 0)
        for p in planner.pads
    )
    return SessionPads(agent, pads, planner.cost.tokens_per_word)


def pad_tokens(depths: Depths, pads: SessionPads, cost: FillerCost) -> tuple[int, ...]:
    """Filler tokens in each prompt of the session under `pads`, as `cost` has it."""
    due: dict[int, list[Pad]] = {}
    for pad in pads.pads:
        due.setdefault(pad.turn, []).append(pad)
    standing: dict[int, int] = {}
    before: tuple[Message, ...] = ()
    found = []
    for turn in depths.session.turns:
        kept = common_prefix(before, turn.messages)
        standing = {at: words for at, words in standing.items() if at < kept}
        standing.update({pad.place: pad.words for pad in due.get(turn.index, ())})
        found.append(sum(map(cost.tokens, standing.values())))
        before = turn.messages
    return tuple(found)


@dataclass(slots=True)
class _Planner:
    """Goes through the turns of one session.

    `standing` is words by place; `opening` is where the first reply of the segment stands.
    """

    depths: Depths
    head: int
    cost: FillerCost
    pads: list[Pad] = field(default_factory=list)
    standing: dict[int, int] = field(default_factory=dict)
    opening: int = 0

    def run(self) -> None:
        """Work out every pad."""
        before: tuple[Message, ...] = ()
        starts = segment_starts(self.depths.session)
        for at, turn in enumerate(self.depths.session.turns):
            kept = common_prefix(before, turn.messages)
            self.standing = {p: words for p, words in self.standing.items() if p < kept}
            lack = self.depths.lack(at)
            if at and turn.boundary is Boundary.EDIT and kept == len(before):
                self._forget(turn, lack)
            elif starts[at]:
                self.opening = len(turn.messages) if kept <= 1 else self.opening
                self._begin_segment(turn, lack)
            if lack is not None:
                self._fill(at, turn, kept, lack - self._held())
            before = turn.messages

    def _held(self) -> int:
        return sum(map(self.cost.tokens, self.standing.values()))

    def _begin_segment(self, turn: Turn, lack: int | None) -> None:
        """The head stays first, then older pads in their order, as far as the lack goes."""
        left = self.head if lack is None else max(0, lack)
        self._stand(turn, HEAD, min(self.head, left))
        left -= self.cost.tokens(self.standing.get(HEAD, 0))
        for place in sorted(p for p in self.standing if p != HEAD):
            held = self.cost.tokens(self.standing[place])
            if lack is not None and held > left:
                self._stand(turn, place, max(0, left))
            left -= held

    def _forget(self, turn: Turn, lack: int | None) -> None:
        """An edit that no message shows: thinking went from every reply since the first prompt.

        Filler that stood for it goes; what the prompt still lacks stands behind the first reply,
        in words that were not there before, since that is where the prefix broke in life.
        """
        for place in [p for p in self.standing if p >= self.opening]:
            self._put(turn, place, 0)
        self._begin_segment(turn, lack)
        first = place_for(turn.messages, self.opening)
        if first is not None:
            self._put(turn, first, max(1, self.cost.words((lack or 0) - self._held())))

    def _fill(self, at: int, turn: Turn, kept: int, lack: int) -> None:
        if lack <= max(LEAST_TOKENS, LEAST_SHARE * (self.depths.wanted[at] or 0)):
            return
        place = place_for(turn.messages, kept)
        if place is not None:
            self._stand(turn, place, lack)

    def _stand(self, turn: Turn, place: int, tokens: int) -> None:
        """`tokens` of filler at `place` from `turn` on."""
        self._put(turn, place, self.cost.words(tokens))

    def _put(self, turn: Turn, place: int, words: int) -> None:
        if words != self.standing.get(place, 0):
            self.pads.append(Pad(turn.index, place, words))
        if words:
            self.standing[place] = words
        else:
            self.standing.pop(place, None)
