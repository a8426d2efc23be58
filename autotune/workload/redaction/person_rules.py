"""Who and where: names of accounts in home paths, e-mail addresses, hosts of a private network."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autotune.workload.redaction.rules import USER_NAME, Hit, Rule, Style, by_pattern, several

_GENERIC = """
user users root ubuntu runner runneradmin node app vscode codespace admin administrator test
shared public default guest debian centos fedora opc azureuser ec2-user me you username name your-
name yourname your_name builder build docker jenkins git www-data nobody linuxbrew homebrew
vagrant pi home foo bar example coder workspace project openhands claude agent sandbox postgres
gitpod circleci travis jovyan johndoe user1 myuser dev developer someone noreply no-reply support
info hello contact
"""

GENERIC_NAMES = frozenset(_GENERIC.split())
"""Names that tell of nobody: those of images, runners and examples."""

_SLASH = r"(?:\\{0,8}/|%2[Ff])"
_NAME = r"(?P<value>[^\W_](?:[\w.-]{0,62}\w)?)"


def _not_generic(match: re.Match[str]) -> bool:
    return match["value"].casefold() not in GENERIC_NAMES


def _absolute(match: re.Match[str]) -> bool:
    """``/home/x`` at the start of a path; in the middle of a URL it is a page."""
    before = match.string[: match.start()][-1:]
    return not (before.isalnum() or before in ("_", ".", "-"))


HOME_PATH = Rule(
    "home-path",
    several(
        by_pattern(rf"{_SLASH}(?:home|Users|export/home){_SLASH}{_NAME}", _not_generic, _absolute),
        by_pattern(
            r"[A-Za-z]:(?:\\{1,8}|/)(?:Users|Documents and Settings)(?:\\{1,8}|/)"
            r"(?P<value>[^\W_][\w.-]{0,62}(?:(?: [\w.-]{1,32}){1,3}(?=[\\/]))?)",
            _not_generic,
            _not_generic,
            re.IGNORECASE,
        ),
        # How Claude Code and pi name the folder of a project: its path with other separators.
        by_pattern(
            r"(?:(?<=[/\\])-{1,2}(?:home|Users)-(?P<value>[^\W_][\w.]{0,63}))", _not_generic
        ),
        by_pattern(
            r"(?:(?<![^\W_])-|--)(?:home|Users)-(?P<value>[^\W_][\w.]{0,63})(?=-)", _not_generic
        ),
        by_pattern(r"(?<![\w/.~=:)\]-])~(?P<value>[a-z_][a-z0-9_.-]{1,31})(?=/)", _not_generic),
        by_pattern(r"/var/folders/(?P<value>[^/\s\"'\\]{2}/[^/\s\"'\\]{8,64})"),
    ),
    ("home", "users", "documents and settings", "~", "/var/folders/"),
    Style.NAME,
    secret=False,
)

ACCOUNT = Rule(
    USER_NAME,
    several(
        by_pattern(
            rf"(?<![^\W_])(?:USER|LOGNAME|USERNAME|SUDO_USER)={_NAME}", _not_generic, _not_generic
        ),
        by_pattern(r"\buid=\d+\((?P<value>[^)\s\\]{1,64})\)", _not_generic, _not_generic),
    ),
    ("user=", "logname=", "username=", "uid="),
    Style.NAME,
    secret=False,
)

_DOMAIN = re.compile(
    r"(?:@|%40)((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8})([A-Za-z]{2,24})(?![\w-])"
)
_LOCAL = re.compile(r"[\w.%+'-]{1,64}\Z")
_ENDINGS = """
png jpg jpeg gif svg webp ico py js ts tsx jsx mjs json md html css sh rs go c h cpp toml yaml yml
txt lock whl tar gz zip tgz value get set setter mark
"""

_NO_TLDS = frozenset(_ENDINGS.split())
"""What stands behind the dot of a file name or of code, and is no top-level domain."""

_PROVIDERS = """
gmail.com googlemail.com outlook.com hotmail.com live.com yahoo.com icloud.com me.com gmx.de
gmx.net web.de proton.me protonmail.com qq.com 163.com users.noreply.github.com github.com
gitlab.com anthropic.com openai.com
"""

_PUBLIC_DOMAINS = frozenset(_PROVIDERS.split())
"""Domains that tell of nobody; only what is before the ``@`` goes."""

_RESERVED = ("example.com", "example.org", "example.net", "example", "test", "invalid", "localhost")
"""Set apart for documentation (RFC 2606)."""


def _emails(text: str) -> Iterator[Hit]:
    """Addresses, from their ``@``: its left side is looked at only where the right one fits."""
    for match in _DOMAIN.finditer(text):
        local = _LOCAL.search(text[max(0, match.start() - 64) : match.start()])
        if local is None or match[2].casefold() in _NO_TLDS:
            continue
        start = match.start() - len(local.group())
        yield from _email_parts(text, start, match)


def _email_parts(text: str, start: int, match: re.Match[str]) -> Iterator[Hit]:
    """What is before the ``@``, and the domain without its last label, each on its own."""
    domain = (match[1] + match[2]).casefold()
    whole = text[start : match.end()]
    if any(f".{domain}".endswith(f".{name}") for name in _RESERVED):
        return
    if text[start : match.start()].casefold() in GENERIC_NAMES:
        return
    yield Hit(_behind_escape(text, start), match.start(), whole)
    if domain not in _PUBLIC_DOMAINS:
        yield Hit(match.start(1), match.end(1) - 1, whole)


def _behind_escape(text: str, start: int) -> int:
    """`start`, or the place behind the letter of an escape such as ``\\n`` that stands there."""
    if text[start - 1 : start] != "\\":
        return start
    return start + 1 if text[start] in "nrtbf" else start


_SHOWN_NAME = re.compile(r"[^\W\d_a-z][\w'.-]{0,40}(?: [^\W\d_a-z][\w'.-]{0,40}){0,3}(?= ?<\Z)")


def _shown_names(text: str) -> Iterator[Hit]:
    """Whose an address is: ``Ada Example <ada@...>``, as git and mail write it."""
    for match in _DOMAIN.finditer(text):
        start = max(0, match.start() - 64)
        local = _LOCAL.search(text[start : match.start()])
        if local is None or local.group().casefold() in GENERIC_NAMES:
            continue
        at = match.start() - len(local.group())
        begin = max(0, at - 128)
        shown = _SHOWN_NAME.search(text[begin:at])
        if shown is not None:
            first = _behind_escape(text, begin + shown.start())
            name = text[first : begin + shown.end()]
            yield Hit(first, begin + shown.end(), name, " " in name)


PERSON = Rule("person", _shown_names, ("<",), Style.NAME, secret=False)

EMAIL = Rule("email", _emails, ("@", "%40"), Style.NAME, secret=False)

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_NET_END = r"(?![\w.]*\d)"
_PRIVATE_V4 = (
    rf"(?<![\w.])(?:10\.(?P<value>{_OCTET}\.{_OCTET}\.{_OCTET})"
    rf"|(?:192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))"
    rf"\.(?P<quoted>{_OCTET}\.{_OCTET})){_NET_END}"
)
_PRIVATE_V6 = (
    r"(?<![\w:])(?:f[cd][0-9a-f]{2}|fe[89ab][0-9a-f])"
    r"(?P<value>(?::[0-9a-f]{0,4}){2,7})(?![\w:])"
)
_INTERNAL = (
    r"(?:internal|local|lan|corp|intranet|home\.arpa|localdomain|svc\.cluster\.local|ts\.net)"
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

HOST_RULES: tuple[Rule, ...] = (
    Rule(
        "host",
        several(by_pattern(_PRIVATE_V4), by_pattern(_PRIVATE_V6, flags=re.IGNORECASE)),
        ("10.", "192.168.", "172.", "169.254.", "100.", "fc", "fd", "fe"),
        Style.ADDRESS,
        secret=False,
    ),
    Rule(
        "host",
        by_pattern(
            rf"(?<![\w.-])(?P<value>{_LABEL}(?:\.{_LABEL}){{0,6}}?)\.{_INTERNAL}(?![\w(\[-]|\.\w)",
            lambda match: match["value"].casefold() not in ("self", "this", "threading", "cls"),
        ),
        (".internal", ".local", ".lan", ".corp", ".intranet", ".home.arpa", ".ts.net"),
        Style.NAME,
        secret=False,
    ),
)
"""Addresses of private networks (RFC 1918, 3927, 4193, 4291, 6598) and names in them."""

PERSON_RULES: tuple[Rule, ...] = (EMAIL, PERSON, HOME_PATH, ACCOUNT)
"""In the order in which they go before one another; `HOST_RULES` are asked for."""
