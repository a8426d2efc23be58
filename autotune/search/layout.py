"""From the survey to what is searched: plans, depth, context length, space, limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from math import ceil

from autotune.candidate import Candidate, Setting
from autotune.errors import UserError
from autotune.launchers.spelling import spelling_of
from autotune.replay.plan import History, Order, PlannedTurn, ReplayPlan
from autotune.replay.planning import make_plan, subset
from autotune.scoring.objective import Objective
from autotune.search.build_fit import Fitted, fit_to_build
from autotune.search.feasibility import Demand, Feasibility
from autotune.search.holdout import split_sessions
from autotune.search.incumbent import adopt
from autotune.search.judge import Judge, TurnKey
from autotune.search.limits import memory_limits
from autotune.search.model_files import with_models
from autotune.search.room import CONTEXT_CONCEPT
from autotune.search.run_space import run_space
from autotune.search.rungs import Rung, rungs_of
from autotune.search.setup import Setup
from autotune.search.shared import SharedTurns, depth_span, within
from autotune.search.space import Space, to_settings
from autotune.search.space_build import build_space
from autotune.search.space_circumstances import circumstances_of, model_symbols
from autotune.search.space_offload import offload_that_fits
from autotune.trial.side_by_side import DepthRow, side_by_side
from autotune.trial.survey import Survey
from autotune.workload.depth import DepthBuckets, DepthRange, parse_depth_range
from autotune.workload.families import family_roots
from autotune.workload.model import Session, Workload
from autotune.workload.padding import pad_sessions

DEFAULT_OUTPUT_TOKENS = 128
MIN_TURNS_AT_DEPTH = 5
"""A bucket with fewer turns is not scored; the published tables drop such buckets too."""

PAD_TOKENS = 256
"""llama.cpp rounds a slot's context up to a multiple of this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What every trial of a study is given, and how it is judged."""

    search_plan: ReplayPlan
    confirm_plan: ReplayPlan
    held_out: bool
    judge: Judge
    confirm_judge: Judge
    depth_label: str
    deepest_tokens: int
    space: Space
    feasibility: Feasibility
    incumbent: Mapping[str, Setting] | None
    notes: tuple[str, ...]
    depth_rows: tuple[DepthRow, ...] = ()
    rungs: tuple[Rung, ...] = ()


def lay_out(setup: Setup, survey: Survey, shared: SharedTurns | None = None) -> Layout:
    """Everything is laid out over the workload at its true depth: padded by the survey's pads.

    Of a study that is compared with those of other engines, `shared` decides what is replayed.
    Raises `UserError` when nothing of the workload fits the model.
    """
    request = setup.request
    setup = padded(setup, survey)
    workload, notes = _reachable(setup, survey)
    workload = workload if shared is None else shared.cut(workload)
    whole = preliminary_plan(setup, workload)
    search_ids, confirm_ids = _sides(workload, survey, request.seed, shared)
    search_plan, confirm_plan = subset(whole, search_ids), subset(whole, confirm_ids)
    label, at_depth, confirm_at_depth = _scored(
        request.depth, search_plan, confirm_plan, survey, shared
    )
    objective = Objective(request.objective)
    deepest = max(survey.depths[_key(p)] for p in whole.turns)
    symbols = _symbols(setup, whole, survey)
    fitted = fitted_space(setup, symbols)
    space = fitted.space
    feasibility = Feasibility(
        space,
        setup.model,
        memory_limits(setup),
        gpu=setup.gpu is not None,
        demand=demand_of(whole, survey),
        other_models={str(info.path.resolve()): info for info in setup.other_models},
    )
    space = offload_that_fits(default_that_fits(space, feasibility, symbols), feasibility)
    incumbent = None
    if setup.incumbent is not None:
        space, incumbent = adopt(space, setup.incumbent)
    feasibility.space = space
    return Layout(
        search_plan=search_plan,
        confirm_plan=confirm_plan,
        held_out=set(search_ids) != set(confirm_ids),
        judge=Judge(objective, at_depth),
        confirm_judge=Judge(objective, confirm_at_depth),
        depth_label=label,
        deepest_tokens=deepest,
        space=space,
        feasibility=feasibility,
        incumbent=incumbent,
        notes=(*notes, *fitted.notes),
        depth_rows=tuple(side_by_side(workload.sessions, survey)),
        rungs=rungs_of(search_plan, at_depth, survey.depths) if request.ladder else (),
    )


def padded(setup: Setup, survey: Survey) -> Setup:
    """`setup` with its workload at true depth."""
    sessions = pad_sessions(setup.workload.sessions, survey.pads)
    return replace(setup, workload=replace(setup.workload, sessions=sessions))


def held(setup: Setup, survey: Survey) -> dict[str, int]:
    """How many turns of each session, from its start, this engine can hold within what is asked.

    Raises `UserError` when that is none at all.
    """
    workload, _ = _reachable(padded(setup, survey), survey)
    return {session.session_id: len(session.turns) for session in workload.sessions}


def preliminary_plan(setup: Setup, workload: Workload) -> ReplayPlan:
    """Every turn of `workload` as this run replays it."""
    request = setup.request
    return make_plan(
        workload,
        history=History(request.history),
        order=Order(request.order),
        concurrency=request.concurrency,
        max_output_tokens=request.max_output_tokens,
        default_output_tokens=DEFAULT_OUTPUT_TOKENS,
    )


def _key(planned: PlannedTurn) -> TurnKey:
    return (planned.turn.session_id, planned.turn.index)


def _reachable(setup: Setup, survey: Survey) -> tuple[Workload, list[str]]:
    """Sessions cut before the first turn that is deeper than asked or than the model can hold.

    Both go by what the engine counted, filler included: by the recorded depth in its own tokens.
    """
    asked, sessions, deep, beyond = setup.request.max_depth, [], Counter[str](), 0
    lengths = {_key(p): p.output_tokens for p in preliminary_plan(setup, setup.workload).turns}
    limit = setup.model.n_ctx_train
    for session in setup.workload.sessions:
        wanted = _turns_within(session, survey, asked)
        deep[session.session_id] = len(session.turns) - len(wanted.turns)
        held = _held_turns(wanted, survey, lengths, limit, setup.request.history)
        beyond += len(wanted.turns) - held
        if held:
            sessions.append(replace(session, turns=session.turns[:held]))
    if not sessions:
        raise _nothing_fits(asked, limit, deepest_cut=not beyond)
    return replace(setup.workload, sessions=tuple(sessions)), _cuts(setup, deep, beyond)


def _turns_within(session: Session, survey: Survey, deepest: int | None) -> Session:
    """`session` before its first turn that is deeper than `deepest`."""
    depths = (survey.depths[t.session_id, t.index] for t in session.turns)
    fits = takewhile(lambda depth: deepest is None or depth <= deepest, depths)
    return replace(session, turns=session.turns[: sum(1 for _ in fits)])


def _cuts(setup: Setup, deep: Counter[str], beyond: int) -> list[str]:
    """How many turns were cut away, and why."""
    cut = deep.total() + setup.selection.unreachable_turns
    names = {name for name, turns in deep.items() if turns} | {*setup.selection.truncated_sessions}
    notes = [f"{cut} turns of {len(names)} sessions lie beyond --max-depth"] if cut else []
    if beyond:
        limit = setup.model.n_ctx_train
        notes.append(f"{beyond} turns lie beyond the model's context of {limit} tokens")
    return notes


def _nothing_fits(asked: int | None, limit: int, *, deepest_cut: bool) -> UserError:
    if deepest_cut and asked is not None:
        return UserError(
            f"no session has a turn within {asked} prompt tokens, as the engine counts them",
            "raise --max-depth, or give a workload with shorter prompts",
        )
    return UserError(
        f"no turn of the workload fits the model's context of {limit} tokens",
        "use a model with a longer context or shallower captures",
    )


def _held_turns(
    session: Session,
    survey: Survey,
    lengths: Mapping[TurnKey, int],
    limit: int,
    history: str,
) -> int:
    """How many leading turns fit `limit` with their replies and the margin for drift."""
    replies = 0
    for held, turn in enumerate(session.turns):
        key = (turn.session_id, turn.index)
        need = needed_tokens(survey.depths[key], lengths[key], replies, history)
        if need > limit:
            return held
        replies += lengths[key]
    return len(session.turns)


def needed_tokens(depth: int, reply: int, earlier_replies: int, history: str) -> int:
    """Context that one turn needs: prompt, reply, nonce, and room for drift.

    In closed loop the engine's own replies stand in the prompt. They have the pinned number of
    tokens, but may come back as up to a quarter more when the text is tokenized again.
    """
    drift = earlier_replies // 4 if history == History.CLOSED_LOOP.value else 0
    return depth + reply + drift + NONCE_ROOM_TOKENS


NONCE_ROOM_TOKENS = 64
"""A nonce and a few tokens of template around an inserted system message."""


def _split(
    workload: Workload, survey: Survey, seed: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Search and confirmation sessions; a sub-agent stays with the session that spawned it."""
    roots = family_roots({s.session_id: s.parent for s in workload.sessions})
    depths: dict[str, int] = {}
    for (session, _), depth in survey.depths.items():
        if session in roots:
            depths[roots[session]] = max(depths.get(roots[session], 0), depth)
    search, confirm = split_sessions(depths, seed)
    ids = [s.session_id for s in workload.sessions]
    return (
        tuple(s for s in ids if roots[s] in search),
        tuple(s for s in ids if roots[s] in confirm),
    )


def _sides(
    workload: Workload, survey: Survey, seed: int, shared: SharedTurns | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Search and confirmation sessions, as shared, else as they are split."""
    if shared is None or shared.roles is None:
        return _split(workload, survey, seed)
    return shared.roles.search, shared.roles.confirm


def _scored(
    asked: str | None,
    search: ReplayPlan,
    confirm: ReplayPlan,
    survey: Survey,
    shared: SharedTurns | None,
) -> tuple[str, frozenset[TurnKey], frozenset[TurnKey]]:
    """What the scored depth is called, and the turns at it of both plans."""
    if shared is not None and shared.roles is not None:
        keys = shared.roles.at_depth
        return depth_span(survey.depths, keys), within(search, keys), within(confirm, keys)
    bucket = _bucket(asked, search, survey)
    return str(bucket), _within(search, survey, bucket), _within(confirm, survey, bucket)


def _bucket(asked: str | None, plan: ReplayPlan, survey: Survey) -> DepthRange:
    """The asked depth, else the deepest bucket with enough turns, else all depths.

    Turns behind a context edit are scored apart, so they do not make up a bucket.
    """
    regular = [p for p in plan.turns if p.turn.boundary is None] or plan.turns
    depths = [survey.depths[_key(p)] for p in regular]
    if asked is not None:
        bucket = parse_depth_range(asked)
        if not any(d in bucket for d in depths):
            raise UserError(
                f"no turn of the searched sessions is {asked} deep",
                f"they are {min(depths)} to {max(depths)} tokens deep",
            )
        return bucket
    for bucket in reversed(DepthBuckets().ranges):
        if sum(d in bucket for d in depths) >= MIN_TURNS_AT_DEPTH:
            return bucket
    return DepthRange(0)


def _within(plan: ReplayPlan, survey: Survey, bucket: DepthRange) -> frozenset[TurnKey]:
    """Turns of `plan` in `bucket`; all of them when none is."""
    keys = [_key(p) for p in plan.turns]
    return frozenset(k for k in keys if survey.depths[k] in bucket) or frozenset(keys)


def context_needed(setup: Setup, plan: ReplayPlan, survey: Survey) -> int:
    """Tokens of context that one slot must have, padded, at most what the model was trained for.

    The headroom is on every turn: what is recommended is filled that far before it is.
    """
    replies: dict[str, int] = {}
    need = setup.request.min_context or 0
    for planned in plan.turns:
        session = planned.turn.session_id
        so_far = replies.get(session, 0)
        depth = survey.depths[_key(planned)]
        full = ceil(depth * (1 + setup.request.headroom))
        need = max(need, needed_tokens(full, planned.output_tokens, so_far, plan.history.value))
        replies[session] = so_far + planned.output_tokens
    padded = -(-need // PAD_TOKENS) * PAD_TOKENS
    return min(padded, setup.model.n_ctx_train)


def demand_of(plan: ReplayPlan, survey: Survey) -> Demand:
    """What `plan` fills an engine's caches with: each session's deepest turn with its reply."""
    deepest, turns = dict[str, int](), Counter[str]()
    for planned in plan.turns:
        session = planned.turn.session_id
        tokens = survey.depths[_key(planned)] + planned.output_tokens
        deepest[session] = max(deepest.get(session, 0), tokens)
        turns[session] += 1
    return Demand(tuple(deepest.values()), max(turns.values(), default=0))


def _symbols(setup: Setup, plan: ReplayPlan, survey: Survey) -> dict[str, Setting]:
    needed = context_needed(setup, plan, survey)
    return {**core_symbols(setup), **context_symbols(needed, setup.model.n_ctx_train)}


def core_symbols(setup: Setup) -> dict[str, Setting]:
    """What a search space may call this machine's processor."""
    physical, logical = setup.cpu.physical_cores, setup.cpu.logical_cores
    return {
        "physical-cores": physical,
        "logical-cores": logical,
        "half-cores": max(1, physical // 2),
    }


def context_symbols(needed: int, trained: int) -> dict[str, Setting]:
    """What a search space may call context lengths, in tokens of one slot."""
    return {
        "context-needed": needed,
        "context-roomy": min(2 * needed, trained),
        "context-default": trained,
    }


def make_space(setup: Setup, symbols: Mapping[str, Setting]) -> Space:
    """The engine's space on this machine, of what its build has."""
    return fitted_space(setup, symbols).space


def fitted_space(setup: Setup, symbols: Mapping[str, Setting]) -> Fitted:
    """`make_space`, with notes on what the build has not. Raises `UserError` for such a pin."""
    launcher, build = setup.launcher, setup.build
    fitted = fit_to_build(
        whole_space(setup, symbols),
        lambda name, value: spelling_of(launcher, build, name, value),
        pins=run_space(setup).said.pins,
    )
    return replace(fitted, space=with_models(fitted.space, setup.model, setup.other_models))


def whole_space(setup: Setup, symbols: Mapping[str, Setting]) -> Space:
    """The engine's space on this machine with what was said of it, whatever its build has."""
    asked = run_space(setup)
    return build_space(
        asked.file,
        asked.overlay,
        {**symbols, **model_symbols(setup.model)},
        pins=asked.said.pins,
        allow_quality_change=setup.request.searches_quality,
        rolling_state=not setup.model.can_roll_back,
        circumstances=circumstances_of(setup, asked.file, asked.said.pins),
    )


def default_that_fits(
    space: Space, feasibility: Feasibility, symbols: Mapping[str, Setting]
) -> Space:
    """The engine's default context is the model's own; where it cannot fit, what is needed."""
    if feasibility.refusal(Candidate(to_settings(space, space.defaults))) is None:
        return space
    needed = symbols["context-needed"]
    return replace(
        space,
        parameters=tuple(
            replace(p, default=needed, choices=tuple(c for c in p.choices if c != p.default))
            if p.concept == CONTEXT_CONCEPT and p.default != needed
            else p
            for p in space.parameters
        ),
    )
