"""Prompts brought to their true depth: what the engine counts, and the filler that is missing.

Exact prompts are counted and left as they are. Prompts of transcripts are counted as a replay sends
them, padded up to what was recorded, and counted again; what that count shows to be off is put
right, twice at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from autotune.replay.endpoint import Rendering
from autotune.replay.plan import History
from autotune.replay.prompts import replayed_prompts
from autotune.replay.rendering import Rendered, render
from autotune.trial.counting import counted_depths, text_guesses
from autotune.workload.filler import filler
from autotune.workload.model import Message, Session
from autotune.workload.pad_plan import (
    Depths,
    FillerCost,
    head_tokens,
    pad_tokens,
    plan_pads,
    shared_head,
)
from autotune.workload.padding import (
    SessionPads,
    agent_of,
    apply_pads,
    begins_midway,
    can_be_padded,
    mark_hidden_edits,
)
from autotune.workload.token_scale import (
    ResultSample,
    Scale,
    at_least_visible,
    deep_turns,
    prompt_ratios,
    result_samples,
    scale_of_prompts,
    scale_of_results,
)

Count = Callable[[tuple[Message, ...], tuple[Mapping[str, Any], ...]], int]
"""Messages and tools in, prompt tokens after the chat template out."""

CORRECTIONS = 2
GOOD_ENOUGH = 0.005
"""A prompt within this share of its wanted depth is not corrected."""
SAMPLES = 64
"""Results of one agent that are counted for its scale, at most."""
_PROBE_WORDS = 1000


@dataclass(frozen=True, slots=True)
class TrueDepth:
    """What was found: depths by (session, turn), pads by session, scales by agent."""

    depths: Mapping[tuple[str, int], int]
    pads: Mapping[str, SessionPads]
    scales: Mapping[str, Scale]


def find_true_depth(
    sessions: Sequence[Session],
    output_tokens: Mapping[tuple[str, int], int],
    history: History,
    rendering: Rendering,
    count: Count,
) -> TrueDepth:
    """Count every prompt of `sessions`, and work out the filler of those that were rebuilt.

    `output_tokens` are the pinned reply lengths by session and turn: in closed loop they are what
    a prompt holds in the place of recorded replies. `count` is asked in the engine's own rendering.
    """
    return _Survey(output_tokens, history, rendering, count).of(sessions)


@dataclass(slots=True)
class _Survey:
    """Asks the engine; see `find_true_depth`."""

    output_tokens: Mapping[tuple[str, int], int]
    history: History
    rendering: Rendering
    count: Count
    cost: FillerCost = field(default_factory=FillerCost)
    empty: int = 0

    def of(self, sessions: Sequence[Session]) -> TrueDepth:
        """Everything about `sessions`."""
        self.empty = self._alone("x") - 1
        exact = [s for s in sessions if not can_be_padded(s)]
        lacking = [mark_hidden_edits(s) for s in sessions if can_be_padded(s)]
        depths = {s.session_id: self._depths(s, [t.messages for t in s.turns]) for s in exact}
        scales = {**self._result_scales(lacking), **_prompt_scales(exact, depths)}
        pads: dict[str, SessionPads] = {}
        if lacking:
            self.cost = self._filler_cost()
        for agent, group in _by_agent(lacking).items():
            found = self._padded(agent, group, scales[agent])
            pads |= {name: one for name, (one, _) in found.items()}
            depths |= {name: counted for name, (_, counted) in found.items()}
        return TrueDepth(_by_turn(sessions, depths), pads, scales)

    def _padded(
        self, agent: str, group: Sequence[Session], scale: Scale
    ) -> dict[str, tuple[SessionPads, list[int]]]:
        """Pads and counted depths of the sessions of one agent."""
        known = [_wanted(s, self._depths(s, self._prompts(s)), scale) for s in group]
        pads = self._plan(agent, known)
        counted = [self._recount(d, pads[d.session.session_id]) for d in known]
        for _ in range(CORRECTIONS):
            if all(map(_is_close, known, counted)):
                break
            known = [
                self._corrected(d, pads[d.session.session_id], now)
                for d, now in zip(known, counted, strict=True)
            ]
            planned = self._plan(agent, known)
            if planned == pads:
                break
            pads = planned
            counted = [self._recount(d, pads[d.session.session_id]) for d in known]
        names = [d.session.session_id for d in known]
        return {n: (pads[n], now) for n, now in zip(names, counted, strict=True)}

    def _plan(self, agent: str, known: Sequence[Depths]) -> dict[str, SessionPads]:
        """Heads first, as sessions of one agent share theirs; then every session's pads."""
        heads = {d.session.session_id: head_tokens(d) for d in known}
        shared: dict[bool, int] = {}
        for helpers in (False, True):
            side = [d.session for d in known if (d.session.parent is not None) is helpers]
            midway = [s.session_id for s in side if begins_midway(s)]
            shared[helpers] = shared_head({s.session_id: heads[s.session_id] for s in side}, midway)
        return {
            d.session.session_id: plan_pads(
                d,
                heads[d.session.session_id],
                shared[d.session.parent is not None],
                agent,
                self.cost,
            )
            for d in known
        }

    def _recount(self, known: Depths, pads: SessionPads) -> list[int]:
        session = apply_pads(known.session, pads)
        planned = map(sum, zip(known.bare, pad_tokens(known, pads, self.cost), strict=True))
        return self._depths(session, self._prompts(session), list(planned))

    def _corrected(self, known: Depths, pads: SessionPads, counted: Sequence[int]) -> Depths:
        """The same with what the prompts turned out to hold beside the filler."""
        held = pad_tokens(known, pads, self.cost)
        bare = tuple(now - pad for now, pad in zip(counted, held, strict=True))
        return replace(known, bare=bare)

    def _prompts(self, session: Session) -> list[tuple[Message, ...]]:
        lengths = [self.output_tokens[session.session_id, t.index] for t in session.turns]
        return replayed_prompts(session.turns, self.history, lengths)

    def _depths(
        self,
        session: Session,
        prompts: Sequence[tuple[Message, ...]],
        guesses: Sequence[float] | None = None,
    ) -> list[int]:
        """The counted depth of each prompt of `session`; one rendered prompt is held at a time."""

        def shown(at: int) -> Rendered:
            return render(prompts[at], session.turns[at].tools, self.rendering)

        def ask(at: int) -> int:
            whole = shown(at)
            return self.count(whole.messages, whole.tools)

        if guesses is None:
            each = (shown(at).messages for at in range(len(prompts)))
            guesses = text_guesses(each, self._text_tokens)
        return counted_depths(ask, guesses)

    def _alone(self, text: str) -> int:
        return self.count(({"role": "user", "content": text},), ())

    def _text_tokens(self, text: str) -> int:
        """Tokens of `text`, without those of the template around it."""
        return max(0, self._alone(text) - self.empty)

    def _filler_cost(self) -> FillerCost:
        """What filler in front of a text costs here, by two lengths of it."""
        one, two = (
            self._alone(f"{filler('probe', words)}\n\nx")
            for words in (_PROBE_WORDS, 2 * _PROBE_WORDS)
        )
        per_word = (two - one) / _PROBE_WORDS or 1.0
        joint = one - self.empty - 1 - per_word * _PROBE_WORDS
        return FillerCost(round(per_word, 4), round(max(0.0, joint), 1))

    def _result_scales(self, sessions: Sequence[Session]) -> dict[str, Scale]:
        return {
            agent: at_least_visible(
                scale_of_results([self._ratio(s) for s in _spread(_samples(group))]),
                [self._visible_share(session) for session in group],
            )
            for agent, group in _by_agent(sessions).items()
        }

    def _visible_share(self, session: Session) -> float:
        """What deep prompts show over what was recorded for them, where it is least."""
        shares = []
        for at in deep_turns(session):
            turn = session.turns[at]
            shown = render(turn.messages, turn.tools, self.rendering)
            seen = self.count(shown.messages, shown.tools)
            shares.append(seen / (turn.recorded.prompt_tokens or seen))
        return min(shares)

    def _ratio(self, sample: ResultSample) -> float:
        return sum(map(self._text_tokens, sample.texts)) / sample.recorded_tokens


def _samples(group: Iterable[Session]) -> list[ResultSample]:
    return [sample for session in group for sample in result_samples(session)]


def _spread(samples: Sequence[ResultSample]) -> list[ResultSample]:
    """At most `SAMPLES` of them, evenly from first to last."""
    step = max(1, -(-len(samples) // SAMPLES))
    return list(samples[::step])


def _by_agent(sessions: Iterable[Session]) -> dict[str, list[Session]]:
    groups: dict[str, list[Session]] = {}
    for session in sessions:
        groups.setdefault(agent_of(session), []).append(session)
    return groups


def _prompt_scales(
    sessions: Sequence[Session], depths: Mapping[str, Sequence[int]]
) -> dict[str, Scale]:
    return {
        agent: scale_of_prompts([r for s in group for r in prompt_ratios(s, depths[s.session_id])])
        for agent, group in _by_agent(sessions).items()
    }


def _wanted(session: Session, bare: Sequence[int], scale: Scale) -> Depths:
    wanted = tuple(scale.tokens(t.recorded.prompt_tokens) for t in session.turns)
    return Depths(session, tuple(bare), wanted)


def _is_close(known: Depths, counted: Sequence[int]) -> bool:
    """Whether what was counted is about what was wanted, in the middle and at the worst."""
    off = [abs(now - w) / w for now, w in zip(counted, known.wanted, strict=True) if w]
    return not off or (max(off) <= 2 * GOOD_ENOUGH and median(off) <= GOOD_ENOUGH)


def _by_turn(
    sessions: Sequence[Session], depths: Mapping[str, Sequence[int]]
) -> dict[tuple[str, int], int]:
    return {
        (s.session_id, turn.index): depth
        for s in sessions
        for turn, depth in zip(s.turns, depths[s.session_id], strict=True)
    }
