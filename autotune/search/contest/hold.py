"""The winner of a contest is filled on its own engine; one that does not hold gives way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autotune.scoring.held import Held
from autotune.search.contest.finals import Proof
from autotune.search.contest.opened import Opened
from autotune.search.contest.side import Side
from autotune.search.contest.verdict import reach_verdict
from autotune.search.hold import NOT_HELD, Holder, Holding, without
from autotune.search.hold_book import refusals
from autotune.search.request import RunRequest


def hold_proof(
    proof: Proof,
    opened: Sequence[Opened],
    sides: Sequence[Side],
    shared: RunRequest,
    holder: Holder,
) -> tuple[Proof, Holding]:
    """`proof` without the winners that did not hold, and what came of holding.

    What is next is confirmed already: every engine's best was. Ledgers forget the rank of what did
    not hold.
    """
    if not shared.hold:
        return proof, Holding(note=NOT_HELD)
    if proof.baseline.name in proof.confirmed.failed:
        return proof, Holding()
    owners = {one.label: one for one in opened}
    base = owners[proof.baseline.engine]
    refused = known_refusals(opened)
    proof = replace(proof, confirmed=without(proof.confirmed, refused))
    while True:
        verdict = reach_verdict(
            proof, base.layout.confirm_judge, seed=shared.seed, held_out=base.layout.held_out
        )
        if (winner := verdict.winner) is None:
            return proof, Holding(None, refused, holder.seconds)
        found = holder.hold(owners[winner.engine], winner.entry, winner.name)
        if found is None or found.holds:
            return proof, Holding(found, refused, holder.seconds)
        refused[winner.name] = found
        side = next(side for side in sides if side.label == winner.engine)
        side.ledger.rule_out(winner.entry.key)
        proof = replace(proof, confirmed=without(proof.confirmed, refused))


def known_refusals(opened: Sequence[Opened]) -> dict[str, Held]:
    """Configs of all engines that did not hold in earlier runs, by the name of their arm."""
    found: dict[str, Held] = {}
    for one in opened:
        found |= refusals(one.setup.folder, f"{one.label}-")
    return found
