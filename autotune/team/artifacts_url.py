"""Where the artefacts of a shared study are: a folder that every host sees, or a bucket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from autotune.errors import UserError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*")
_KINDS = "give a folder that every host sees, or s3://BUCKET/PREFIX"


@dataclass(frozen=True, slots=True)
class ArtifactsUrl:
    """A folder, or a `bucket` and a `prefix` in it. Never holds a password or a key."""

    folder: Path | None = None
    bucket: str = ""
    prefix: str = ""

    def __str__(self) -> str:
        if self.folder is not None:
            return str(self.folder)
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def parse_artifacts(text: str) -> ArtifactsUrl:
    """The place that `text` names: a path, ``file:///path`` or ``s3://bucket/prefix``.

    Raises `UserError` for anything else, and for an address with credentials in it, which is then
    not repeated.
    """
    if not text.strip():
        raise UserError("--artifacts is empty", _KINDS)
    if not (found := _SCHEME.match(text)):
        return ArtifactsUrl(folder=Path(text).expanduser().absolute())
    parts = urlsplit(text)
    _refuse_secrets(parts)
    match found[1].lower():
        case "file":
            return _folder(parts)
        case "s3":
            return _bucket(parts)
    raise UserError(f"artefacts cannot be kept at {found[1]}://", _KINDS)


def _refuse_secrets(parts: SplitResult) -> None:
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UserError(
            "the address of the artefacts holds more than a place",
            "write s3://BUCKET/PREFIX; keys are taken from AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY in the environment",
        )


def _folder(parts: SplitResult) -> ArtifactsUrl:
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise UserError(f"{parts.geturl()} is not a folder of this host", "write file:///PATH")
    return ArtifactsUrl(folder=Path(parts.path))


def _bucket(parts: SplitResult) -> ArtifactsUrl:
    prefix = parts.path.strip("/")
    if not _BUCKET.fullmatch(parts.netloc):
        raise UserError(
            f"{parts.netloc!r} cannot name a bucket",
            "use 3 to 63 lower-case letters, digits, dots and dashes: s3://BUCKET/PREFIX",
        )
    if prefix and not all(_PREFIX.fullmatch(part) for part in prefix.split("/")):
        raise UserError(
            f"{prefix!r} cannot be a prefix in a bucket",
            "use letters, digits, dots, dashes and underscores, with slashes between",
        )
    return ArtifactsUrl(bucket=parts.netloc, prefix=prefix)
