"""Where a shared study is kept: a PostgreSQL database, or on one host an SQLite file.

An address has no password in it. That comes from the environment: ``AUTOTUNE_STORAGE_PASSWORD``,
or what PostgreSQL's own library reads there (``PGPASSWORD``, ``PGPASSFILE``:
https://www.postgresql.org/docs/current/libpq-envars.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from autotune.errors import UserError

PASSWORD_ENV = "AUTOTUNE_STORAGE_PASSWORD"  # noqa: S105  # the variable's name
POSTGRES, SQLITE = "postgresql", "sqlite"
BUSY_S = 60
"""How long a worker waits while another one writes to the SQLite file."""

OPTIONS = frozenset(
    {"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile"}
    | {"connect_timeout", "target_session_attrs", "gssencmode", "channel_binding"}
)
"""What may stand behind a ``?``: libpq's parameters that hold no secret."""

_NAME = re.compile(r"[^\x00-\x20/?#@:]+")
_KINDS = "write postgresql://USER@HOST/DATABASE, or sqlite:///PATH for workers of one host"


@dataclass(frozen=True, slots=True)
class StorageUrl:
    """A place for studies. Never holds a password: as text it can be shown and kept anywhere.

    `path` is an SQLite file, absolute; the other fields are a PostgreSQL database's. `options` are
    parameters of the connection, by name.
    """

    path: Path | None = None
    database: str = ""
    host: str = ""
    port: int | None = None
    user: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self._text(POSTGRES)

    @property
    def is_of_one_host(self) -> bool:
        """Whether only workers of this host can reach it."""
        return self.path is not None

    @property
    def address(self) -> str:
        """For SQLAlchemy, with the driver's name; without a password."""
        return self._text(f"{POSTGRES}+psycopg")

    def connect_args(self, env: Mapping[str, str]) -> dict[str, object]:
        """What a connection needs besides: the password, where `env` has one of ours.

        PostgreSQL's library finds its own variables itself.
        """
        if self.path is not None:
            return {"timeout": BUSY_S}
        given = env.get(PASSWORD_ENV)
        return {"application_name": "autotune", **({"password": given} if given else {})}

    def _text(self, scheme: str) -> str:
        if self.path is not None:
            return f"{SQLITE}:///{self.path}"
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        more = f"?{urlencode(self.options)}" if self.options else ""
        return f"{scheme}://{user}{host}{port}/{quote(self.database, safe='')}{more}"


def parse_storage(url: str) -> StorageUrl:
    """The place that `url` names.

    Raises `UserError` for anything else, and for an address with a password in it, which is then
    not repeated: it would be in the shell's history and in the list of processes.
    """
    scheme, mark, _ = url.partition("://")
    if not mark:
        raise UserError("--storage is not an address", _KINDS)
    parts = urlsplit(url)
    _refuse_password(parts)
    match scheme.lower():
        case "sqlite":
            return StorageUrl(path=_file(parts))
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return _database(parts)
    raise UserError(f"a shared study cannot be kept at {scheme}://", _KINDS)


def _refuse_password(parts: SplitResult) -> None:
    secret = ":" in parts.netloc.rpartition("@")[0] or parts.fragment
    if secret or any("password" in name.lower() for name, _ in parse_qsl(parts.query)):
        raise UserError(
            "the address of the storage holds a password",
            f"leave it out, and set {PASSWORD_ENV} (or PGPASSWORD, PGPASSFILE) in the environment",
        )


def _file(parts: SplitResult) -> Path:
    if parts.netloc or parts.query or len(parts.path) < 2:
        raise UserError("the address of the SQLite file is not understood", _KINDS)
    # Three slashes and a name: relative, as SQLAlchemy has it; four: absolute.
    return Path(unquote(parts.path)[1:]).expanduser().absolute()


def _database(parts: SplitResult) -> StorageUrl:
    user, _, _ = parts.netloc.rpartition("@")
    database = unquote(parts.path.removeprefix("/"))
    options = tuple(parse_qsl(parts.query))
    strange = sorted({name for name, _ in options} - OPTIONS)
    if strange:
        raise UserError(
            f"the address of the storage has a parameter that is not known: {strange[0]}",
            f"known are: {', '.join(sorted(OPTIONS))}",
        )
    if not _NAME.fullmatch(database):
        raise UserError("the address of the storage names no database", _KINDS)
    try:
        port = parts.port
    except ValueError:
        raise UserError("the port in the address of the storage is no port", _KINDS) from None
    return StorageUrl(
        database=database,
        host=parts.hostname or "",
        port=port,
        user=unquote(user),
        options=options,
    )
