"""The server that is recorded: its address, and how a request's target is put behind it."""

from __future__ import annotations

from dataclasses import dataclass

from autotune.errors import UserError

_LAST_PORT = 65535
_EXAMPLE = "give its base address, for example http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Upstream:
    """``scheme://host[:port][/prefix]``. `port` is ``None`` for the scheme's own."""

    scheme: str
    host: str
    port: int | None = None
    prefix: str = ""

    @property
    def netloc(self) -> str:
        """The value of ``Host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """``scheme://host[:port]``."""
        return f"{self.scheme}://{self.netloc}"

    def __str__(self) -> str:
        return self.origin + self.prefix

    def target(self, path: bytes, query: bytes) -> bytes:
        """The request target for the upstream, percent-encoding and query as the client sent them.

        The prefix comes first. A prefix that ends in ``/v1`` and a path that begins with it are
        the same ``/v1``: agents differ in whether it belongs to the base URL.
        """
        prefix = self.prefix.encode("ascii")
        path = _origin_form(path)
        if prefix.endswith(b"/v1") and (path == b"/v1" or path.startswith(b"/v1/")):
            path = path[len(b"/v1") :]
        whole = prefix + path or b"/"
        return whole + b"?" + query if query else whole


def _origin_form(path: bytes) -> bytes:
    """A path from the absolute form that clients of forward proxies send."""
    for scheme in (b"http://", b"https://"):
        if path.lower().startswith(scheme):
            _, slash, rest = path[len(scheme) :].partition(b"/")
            return slash + rest or b"/"
    return path


def parse_upstream(text: str) -> Upstream:
    """The address in `text`.

    Raises:
        UserError: it is no http(s) address, or it holds credentials or a query.
    """
    import httpx

    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL as error:
        raise UserError(f"{text!r} is not an address: {error}", _EXAMPLE) from error
    if url.userinfo or url.query or url.fragment:
        hint = "leave that out: the agent sends its own credentials, and they pass through"
        raise UserError("the upstream's address holds credentials or a query", hint)
    known = url.scheme in ("http", "https") and bool(url.host)
    if not known or (url.port or 1) > _LAST_PORT:
        raise UserError(f"{text!r} is not an http address", _EXAMPLE)
    prefix = url.raw_path.decode("ascii").rstrip("/")
    return Upstream(url.scheme, url.raw_host.decode("ascii"), url.port, prefix)
