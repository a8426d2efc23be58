"""Sessions written in a format by its name."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from autotune.errors import UserError
from autotune.workload.formats import FORMATS, Format, Place, Written
from autotune.workload.model import Session
from autotune.workload.writer import is_single_file, refuse_existing

RANDOM_SALT_BYTES = 32


def format_named(name: str) -> Format:
    """The format called `name`. Raises `UserError` when there is none."""
    found = FORMATS.get(name)
    if found is None:
        raise UserError(f"there is no format {name!r}", f"give one of: {', '.join(FORMATS)}")
    return found


def write_as(
    form: Format,
    sessions: Iterable[Session],
    out: Path,
    *,
    force: bool = False,
    salt: str | None = None,
) -> Written:
    """Write `sessions` to `out` in `form`: complete, or not there.

    The same sessions and salt give the same bytes. Without a `salt`, hashes are made with a random
    one that nobody keeps.

    Raises:
        UserError: `out` is of the wrong kind for `form`, is there without `force`, or cannot be
            written; or a salt is given that is empty or has nothing to salt.
    """
    key = _salt(form, salt)
    _check_place(form, out)
    refuse_existing(out, force)
    try:
        return form.write(sessions, out, key)
    except OSError as error:
        raise UserError(
            f"cannot write {out}: {error.strerror or error}", "choose another place for the output"
        ) from error


def _salt(form: Format, salt: str | None) -> bytes:
    if salt is None:
        return secrets.token_bytes(RANDOM_SALT_BYTES)
    if not form.salted:
        salted = ", ".join(each.name for each in FORMATS.values() if each.salted)
        raise UserError(f"{form.name} hashes nothing, so it takes no salt", f"salted: {salted}")
    if not salt:
        raise UserError("the salt is empty", "give a secret, or leave it out for a random one")
    return salt.encode("utf-8", "surrogatepass")


def _check_place(form: Format, out: Path) -> None:
    if form.place is Place.FILE and not is_single_file(out):
        raise UserError(
            f"{form.name} is one file, and {out} does not say so",
            "name the output .jsonl, .jsonl.gz or .jsonl.zst",
        )
    if form.place is Place.FOLDER and is_single_file(out):
        raise UserError(f"{form.name} is a folder, and {out} names a file", "name a folder")
