"""Back to an earlier generation because a person says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autotune.errors import UserError
from autotune.nightly.generations import Generation, Rendered
from autotune.nightly.promote import promote
from autotune.nightly.site import Site
from autotune.nightly.swap import Promoted

Render = Callable[[Generation], Mapping[str, Rendered]]
"""The target's exports of a generation as they would be written now, by file name."""

WHY = "rollback"


def rollback(site: Site, to: int | None = None, render: Render | None = None) -> Promoted:
    """Makes `to` live again, or the generation that was live before the live one.

    It stays even where the health check has something against it, which the result then says: the
    person asked for it. `render` writes exports that the target has come to want since that
    generation was staged. Raises `UserError` where there is nothing to go back to, and what
    `promote` raises.
    """
    generation = _wanted(site, to)
    if render is not None:
        missing = {place.name for place in site.places} - set(generation.export_names)
        rendered = {n: f for n, f in render(generation).items() if n in missing} if missing else {}
        generation = site.generations.add_exports(generation.number, rendered)
    done = promote(generation, site, WHY, revert=False)
    if not isinstance(done, Promoted):
        raise UserError(f"it was not rolled back: {done.reason}", "mend that, and try again")
    return done


def _wanted(site: Site, to: int | None) -> Generation:
    live = site.generations.live()
    if to is not None:
        if live is not None and live.number == to:
            raise UserError(f"generation {to} is live already", _known(site))
        return site.generations.read(to)
    if live is None:
        raise UserError("nothing is live yet, so there is nothing to go back from", _known(site))
    previous = site.generations.previous()
    if previous is None:
        raise UserError(
            f"generation {live.number} is the first that was promoted",
            "what stood at the paths of its exports before is beside them: NAME.before-autotune",
        )
    return previous


def _known(site: Site) -> str:
    numbers = ", ".join(map(str, site.generations.numbers())) or "none"
    return f"generations: {numbers}"
