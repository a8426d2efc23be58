"""Words, identifiers and sentences of a made-up project; every draw comes from one generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NOUNS = _listed(
    "account address archive balance batch booking bucket buffer calendar campaign carrier "
    "catalog channel charge client column company config contract counter country coupon "
    "currency customer delivery deposit device discount document driver entry event export "
    "filter folder gateway holiday import index invoice item journal language ledger limit "
    "location manifest market member message metric network notice number offer option order "
    "package page parcel partner payment period picture policy position price process product "
    "profile project quote reason receipt record refund region report request reservation "
    "resource response route schedule season section segment seller service session setting "
    "shelf shipment signal source station status stock store summary supplier target ticket "
    "timeline token transfer update vehicle vendor version visit voucher warehouse window"
)

VERBS = _listed(
    "accept apply archive assign attach balance build cancel check clear close collect "
    "combine compare compute confirm convert create describe detect discard expand export "
    "extract fetch filter find finish format group import insert join list load lock mark "
    "match measure merge move normalize open parse prepare print publish read record refresh "
    "reject release remove rename render replace report reset resolve restore return review "
    "round save schedule search select send sort split start store submit sync track update "
    "validate verify write"
)

ADJECTIVES = _listed(
    "active allowed archived available blocked cached closed complete current damaged default "
    "delayed different duplicate early empty expected expired external final first foreign "
    "full hidden incomplete internal invalid known large last late local locked manual "
    "missing narrow negative nested next old open optional partial pending previous private "
    "public recent regional remote required reserved shared short single stale strict "
    "temporary total unknown unpaid unused valid visible weekly"
)

AREAS = ("billing", "catalog", "delivery", "inventory", "notices", "orders", "reports", "search")
LAYERS = ("models", "service", "storage", "handlers", "rules", "jobs", "views", "codec")

_SENTENCES = (
    "The {a} {n} is kept until the {n3} service has tried to {v} the {n2}",
    "Each {n} carries one {a} {n2}, and the {n3} must agree with it before we {v} anything",
    "When the {n} is {a}, the caller has to {v} the {n2} again and report the {n3}",
    "We {v} the {n} first, because the {a} {n2} depends on the order of every {n3}",
    "There is no {a} {n} for this {n2}, so the {n3} falls back to the value of the parent",
    "Callers should {v} the {n} once and then reuse the {a} {n2} for the whole {n3}",
    "The total of the {n} is rounded only after the {a} {n2} has been added to the {n3}",
    "No {a} {n} ever blocks the {n2}; it is written to the {n3}, and a job will {v} it later",
)


def sentence(rng: Random) -> str:
    """One sentence about the made-up project, with its full stop."""
    template = rng.choice(_SENTENCES)
    text = template.format(
        a=rng.choice(ADJECTIVES),
        n=rng.choice(NOUNS),
        n2=rng.choice(NOUNS),
        n3=rng.choice(NOUNS),
        v=rng.choice(VERBS),
    )
    return f"{text}."


def sentences(rng: Random) -> Iterator[str]:
    """Sentences without end."""
    while True:
        yield sentence(rng)


def phrase(rng: Random) -> str:
    """A few words that name a thing: ``pending invoice address``."""
    return f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)} {rng.choice(NOUNS)}"


def function_name(rng: Random) -> str:
    """``verb_noun`` or ``verb_adjective_noun``."""
    middle = f"{rng.choice(ADJECTIVES)}_" if rng.random() < 0.4 else ""
    return f"{rng.choice(VERBS)}_{middle}{rng.choice(NOUNS)}"


def variable(rng: Random) -> str:
    """``noun`` or ``adjective_noun``."""
    return (
        rng.choice(NOUNS) if rng.random() < 0.5 else f"{rng.choice(ADJECTIVES)}_{rng.choice(NOUNS)}"
    )


def class_name(rng: Random) -> str:
    """``AdjectiveNoun``."""
    return rng.choice(ADJECTIVES).title() + rng.choice(NOUNS).title()


def fill(pieces: Iterator[str], chars: int, join: str) -> str:
    """Pieces joined until the text has `chars` characters, cut at the last whole one.

    A first piece that is too long is cut inside.
    """
    taken: list[str] = []
    size = 0
    for piece in pieces:
        step = len(piece) + (len(join) if taken else 0)
        if size + step > chars:
            break
        taken.append(piece)
        size += step
    else:
        return join.join(taken)
    return join.join(taken) if taken else piece[: max(0, chars)]


def cycle(make: Callable[[], Iterator[str]]) -> Iterator[str]:
    """What `make` yields, again and again; nothing when it yields nothing."""
    while True:
        empty = True
        for item in make():
            empty = False
            yield item
        if empty:
            return
