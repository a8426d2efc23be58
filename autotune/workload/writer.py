"""Sessions to ``capture/1`` files: one file, or a directory with a manifest."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

from autotune.errors import UserError
from autotune.workload.capture_schema import MANIFEST_SCHEMA, SCHEMA, tools_ref
from autotune.workload.model import Fidelity, Recorded, Session, Turn
from autotune.workload.prefix import PromptHasher, common_prefix, identical

CAPTURE_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
_MANIFEST = "manifest.json"


class CaptureWriter:
    """Writes sessions to one file as they come; the file appears under its name when complete.

    The name decides the compression: ``.gz``, ``.zst`` or none. Use as a context manager; an
    error inside leaves nothing behind.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._tools: set[str] = set()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            raw = stack.enter_context(replacing(self._path))
            self._stream = stack.enter_context(compressed(raw, self._path))
            self._stack = stack.pop_all()
        return self

    def write(self, session: Session) -> None:
        """Append every turn of `session`."""
        encoder = _SessionEncoder(session, self._tools)
        for turn in session.turns:
            self._stream.write(encode_line(encoder.line(turn)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)


class _Sink(Protocol):
    """The part of a binary stream that is written to."""

    def write(self, data: bytes, /) -> int: ...


@contextmanager
def compressed(raw: IO[bytes], path: Path) -> Iterator[_Sink]:
    """A stream into `raw`; the same sessions give the same bytes (no time stamp in gzip)."""
    if path.suffix == ".gz":
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as zipped:
            yield zipped
    elif path.suffix == ".zst":
        import zstandard

        with zstandard.ZstdCompressor(level=9).stream_writer(raw, closefd=False) as packed:
            yield packed
    else:
        yield raw


def encode_line(line: Mapping[str, Any]) -> bytes:
    """One line of JSON with its newline; text stays readable unless it has lone surrogates."""
    compact: Any = {"separators": (",", ":"), "allow_nan": False}
    try:
        return json.dumps(line, ensure_ascii=False, **compact).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(line, ensure_ascii=True, **compact).encode() + b"\n"


class _SessionEncoder:
    """Turns of one session to lines; remembers what the line before said."""

    def __init__(self, session: Session, known_tools: set[str]) -> None:
        self._session = session
        self._known = known_tools
        self._before: Turn | None = None
        self._hasher = PromptHasher()

    def line(self, turn: Turn) -> dict[str, Any]:
        """The line of `turn`, which follows the turn given before."""
        keep = common_prefix(self._before.messages, turn.messages) if self._before else 0
        line: dict[str, Any] = {"schema": SCHEMA, "session_id": turn.session_id, "turn": turn.index}
        line |= {"parent": self._session.parent, "keep": keep}
        line["append"] = list(turn.messages[keep:])
        line |= self._changed(turn)
        line |= _timing(turn)
        line |= {"boundary": turn.boundary, "fidelity": _fidelity(turn.fidelity)}
        line["prompt_sha256"] = self._hasher.digest(turn.tools, turn.messages)
        line["origin"] = dict(turn.origin) or None
        self._before = turn
        return _merge({k: v for k, v in line.items() if v is not None}, turn.extra)

    def _changed(self, turn: Turn) -> dict[str, Any]:
        """Tools and params where a reader could not know them from the line before."""
        before = self._before
        gap = before is None or turn.index != before.index + 1
        changed: dict[str, Any] = {}
        if gap or before is None or not identical(before.tools, turn.tools):
            changed |= self._tools(turn)
        if gap or before is None or not identical(dict(before.params), dict(turn.params)):
            changed["params"] = dict(turn.params)
        return changed

    def _tools(self, turn: Turn) -> dict[str, Any]:
        if not turn.tools:
            return {"tools": []}
        ref = tools_ref(turn.tools)
        if ref in self._known:
            return {"tools_ref": ref}
        self._known.add(ref)
        return {"tools": list(turn.tools), "tools_ref": ref}


def _timing(turn: Turn) -> dict[str, Any]:
    return {
        "timestamp": turn.timestamp_ms,
        "delay": turn.delay_ms,
        "output_length": turn.output_tokens,
        "response": None if turn.response is None else dict(turn.response),
        "recorded": _recorded(turn.recorded),
    }


def _recorded(recorded: Recorded) -> dict[str, Any] | None:
    values = {f.name: getattr(recorded, f.name) for f in fields(recorded)}
    return {name: value for name, value in values.items() if value is not None} or None


def _fidelity(fidelity: Fidelity) -> dict[str, Any]:
    return {
        "prompt": str(fidelity.prompt),
        "missing": list(fidelity.missing),
        "pad_tokens": fidelity.pad_tokens,
    }


def _merge(line: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """`line` with unknown keys back in their places; it never loses a key of its own."""
    for name, value in extra.items():
        if name in ("recorded", "fidelity"):
            line[name] = {**value, **line.get(name, {})}
        else:
            line.setdefault(name, value)
    return line


def is_single_file(out: Path) -> bool:
    """Whether `out` names one capture file; any other name is a directory."""
    return out.name.endswith(CAPTURE_SUFFIXES)


def write_capture(sessions: Iterable[Session], out: Path, *, force: bool = False) -> int:
    """Write `sessions` to `out` and return how many there were.

    ``.jsonl``, ``.jsonl.gz`` and ``.jsonl.zst`` are one file; any other name is a directory
    with one compressed file a session and a ``manifest.json`` that lists them.

    Raises:
        UserError: `out` is there and `force` is not given, or it cannot be written.
    """
    refuse_existing(out, force)
    try:
        if is_single_file(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            return _write_file(sessions, out)
        return _write_directory(sessions, out)
    except OSError as error:
        raise UserError(
            f"cannot write {out}: {error.strerror or error}", "choose another place for the output"
        ) from error


def refuse_existing(out: Path, force: bool) -> None:
    """Raises `UserError` when `out` is there and `force` is not given, or is of the wrong kind."""
    if is_single_file(out):
        if out.is_dir():
            raise UserError(f"{out} is a directory", "give a file name that is free")
        taken = out.exists()
    else:
        if out.exists() and not out.is_dir():
            raise UserError(
                f"{out} is a file", "name the output .jsonl, .jsonl.gz, .jsonl.zst or a new folder"
            )
        taken = out.is_dir() and any(out.iterdir())
    if taken and not force:
        raise UserError(f"{out} is already there", "add --force to replace it")


def _write_file(sessions: Iterable[Session], out: Path) -> int:
    count = 0
    with CaptureWriter(out) as writer:
        for session in sessions:
            writer.write(session)
            count += 1
    return count


def _write_directory(sessions: Iterable[Session], out: Path) -> int:
    rows: list[dict[str, Any]] = []
    for number, session in enumerate(sessions, start=1):
        out.mkdir(parents=True, exist_ok=True)
        name = f"{number:04d}-{slug(session.session_id)}.jsonl.zst"
        _write_file([session], out / name)
        rows.append(_manifest_row(session, name))
    out.mkdir(parents=True, exist_ok=True)
    _drop_replaced(out, {row["file"] for row in rows})
    manifest = {"schema": MANIFEST_SCHEMA, "sessions": rows}
    with replacing(out / _MANIFEST) as stream:
        stream.write(json.dumps(manifest, indent=1).encode() + b"\n")
    return len(rows)


def _drop_replaced(out: Path, written: set[str]) -> None:
    """Remove session files of the manifest that is being replaced, and nothing else."""
    for name in manifest_files(out):
        if name not in written and Path(name).name == name:
            (out / name).unlink(missing_ok=True)


def manifest_files(folder: Path) -> tuple[str, ...]:
    """File names that the manifest of `folder` lists; none when there is no such manifest."""
    try:
        document = json.loads((folder / _MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return ()
    if not isinstance(document, dict) or document.get("schema") != MANIFEST_SCHEMA:
        return ()
    rows = document.get("sessions")
    rows = rows if isinstance(rows, list) else []
    names = (row.get("file") for row in rows if isinstance(row, dict))
    return tuple(name for name in names if isinstance(name, str))


def _manifest_row(session: Session, name: str) -> dict[str, Any]:
    first = session.turns[0] if session.turns else None
    return {
        "session_id": session.session_id,
        "parent": session.parent,
        "file": name,
        "turns": len(session.turns),
        "timestamp": first.timestamp_ms if first else None,
    }


def slug(session_id: str) -> str:
    """A session's id as part of a file name: safe characters, 60 at most."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", session_id)[:60].strip(".-") or "session"


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` when it is complete."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
