"""A search space with what a person adds to it laid over: parameters, values, conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from autotune.errors import UserError
from autotune.search.space import UNSET
from autotune.search.space_entries import Overlay, ParameterEntry, Scalar, SpaceFile

OWN_CONCEPT = "your own"
"""The concept of a parameter that a person adds without saying what it is."""

Edit = Mapping[str, Any]
"""Keys of a ``[parameters.NAME]`` table that are laid over those that the space has, and ``add``:
choices that come to those that are there."""


def edited(
    file: SpaceFile, overlay: Overlay | None, edits: Mapping[str, Edit]
) -> tuple[SpaceFile, Overlay | None]:
    """`file` and `overlay` with `edits` laid over both: a person's word is the last.

    Raises `UserError` for a table that says nothing that a parameter could be made of.
    """
    if not edits:
        return file, overlay
    laid = overlay or Overlay()
    entries = {n: _entry(file, laid, n, edit) for n, edit in edits.items()}
    parameters = {**file.parameters, **entries}
    return file.model_copy(update={"parameters": parameters}), _without(laid, edits)


def _entry(file: SpaceFile, overlay: Overlay, name: str, edit: Edit) -> ParameterEntry:
    before = file.parameters.get(name)
    known = {} if before is None else before.model_dump(by_alias=True, exclude_unset=True)
    table = {"default": UNSET, "concept": OWN_CONCEPT, **known}
    if {"choices", "range", "add"} & edit.keys():
        # Whoever names values wants them searched, here and for this model.
        for key in ("choices", "range", "choices-for", "only-for", "searched"):
            table.pop(key, None)
        table["choices"] = [*_choices(before, overlay, name, edit)]
    table.update({k: v for k, v in edit.items() if k not in {"choices", "range", "add"}})
    if "range" in edit:
        table.pop("choices")
        table["range"] = edit["range"]
    return _validated(name, table)


def _choices(
    before: ParameterEntry | None, overlay: Overlay, name: str, edit: Edit
) -> Sequence[Scalar]:
    """What may be chosen: what was said, else what there was and what is added to it."""
    if "choices" in edit:
        base: Sequence[Scalar] = edit["choices"]
    else:
        base = overlay.choices.get(name, before.choices if before is not None else [])
    return [*base, *edit.get("add", [])]


def _validated(name: str, table: Mapping[str, Any]) -> ParameterEntry:
    try:
        return ParameterEntry.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        where = f"{name}.{place}" if place else name
        raise UserError(
            f"space.parameters.{where}: {first['msg']}",
            "see docs/search-spaces.md for what a parameter may say",
        ) from None


def _without(overlay: Overlay, edits: Mapping[str, Edit]) -> Overlay:
    """`overlay` without what it says of the values that were named."""
    named = {n for n, edit in edits.items() if {"choices", "range", "add"} & edit.keys()}
    states = {n for n, edit in edits.items() if "default" in edit}
    return overlay.model_copy(
        update={
            "drop": [n for n in overlay.drop if n not in named],
            "fix": {n: v for n, v in overlay.fix.items() if n not in named},
            "choices": {n: v for n, v in overlay.choices.items() if n not in named},
            "defaults": {n: v for n, v in overlay.defaults.items() if n not in states},
        }
    )
