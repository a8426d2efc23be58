"""The last pass: what was written is read again, and holds nothing that a rule speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from autotune.errors import UserError
from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile, JsonLine, read_objects
from autotune.workload.redaction.leaks import Leaks
from autotune.workload.redaction.marks import KEY
from autotune.workload.redaction.options import RedactionOptions
from autotune.workload.redaction.survey import whole_span
from autotune.workload.redaction.units import is_empty
from autotune.workload.redaction.walk import Walker
from autotune.workload.writer import CAPTURE_SUFFIXES, encode_line

_PROMPT_KEYS = ("append", "tools", "response")
_HASHED = ("prompt_sha256", "tools_ref", "origin")
_OWN_KEYS = frozenset((*_PROMPT_KEYS, "session_id", "parent", "schema", "prompt_sha256"))


class LeakingError(UserError):
    """What was written would give something away: it is gone again."""


class Verifier:
    """Looks through written captures: at every value in its place, and at every line as a whole.

    The second look knows nothing of where texts stand, and only of secrets that are told by
    their own look.
    """

    def __init__(self, options: RedactionOptions, by_place: Leaks, by_look: Leaks) -> None:
        self._options = options
        self._by_place = by_place
        self._by_look = by_look
        self._walker = Walker(self, options.session_ids)
        self._where = ""

    def check(self, path: Path) -> int:
        """How many lines there are at `path`, a capture file or a folder of them.

        Raises `LeakingError` at the first line that holds something, or that cannot be read.
        """
        files = [path] if path.is_file() else sorted(_captures(path))
        return sum(self._file(CaptureFile(file, file.name)) for file in files)

    def _file(self, file: CaptureFile) -> int:
        ledger, lines = DamageLedger(), 0
        for line in read_objects(file, ledger):
            self._where = f"line {line.number}"
            self._line(line)
            lines += 1
        torn = [damage for damage in ledger.entries() if not damage.harmless]
        if torn:
            raise self._leaking(f"it cannot be read again ({torn[0].kind})")
        return lines

    def _line(self, line: JsonLine) -> None:
        value = line.value
        self._walker.forget()
        for key in _PROMPT_KEYS:
            self._walker.plain(value.get(key))
        for name in (value.get("session_id"), value.get("parent")):
            if isinstance(name, str):
                self._walker.name(name)
        self._walker.fields({k: v for k, v in value.items() if k not in _OWN_KEYS})
        self._whole_line(value)

    def _whole_line(self, value: Mapping[str, Any]) -> None:
        """Hashes are left out: in hexadecimal there is everything, some time."""
        shown = {
            k: v for k, v in value.items() if k not in ("prompt_sha256", "tools_ref", "origin")
        }
        origin = value.get("origin")
        if isinstance(origin, dict):
            shown["origin"] = {k: v for k, v in origin.items() if k not in (KEY, "file")}
        for span in self._by_look.in_text(encode_line(shown).decode()):
            raise self._leaking(f"rule {span.rule} still finds something")

    def text(self, text: str, *, is_json: bool = False) -> str:
        """Raises `LeakingError` when a rule finds something in `text`."""
        for span in self._by_place.in_text(text, is_json=is_json):
            raise self._leaking(f"rule {span.rule} still finds something")
        return text

    def whole(self, value: str, rule: str) -> str:
        """Raises `LeakingError` when a value that its key tells is no pseudonym."""
        span = whole_span(value, rule)
        known = span.rule in self._options.without or self._by_place.stays(value)
        if not known and not is_empty(value):
            raise self._leaking(f"rule {rule} still finds something")
        return value

    def _leaking(self, why: str) -> LeakingError:
        return LeakingError(
            f"nothing was written: {self._where} of the output fails the check: {why}",
            "try again (pseudonyms are drawn anew), or leave the rule out with --without",
        )


def _captures(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.name.endswith(CAPTURE_SUFFIXES))
