"""Secrets that are told by what stands before them: headers, URLs, assignments, flags."""

from __future__ import annotations

import re

from autotune.workload.redaction.rules import (
    ASSIGNMENT,
    Rule,
    at_words,
    by_pattern,
    several,
    value_group,
)

_PASS = r"passw(?:or)?d|passphrase|passwd|pwd"  # noqa: S105 - names of fields
_KEY = (
    rf"(?:(?P<strong>{_PASS})"
    r"|api[_-]?key|secret(?:[_-]?(?:access[_-]?)?(?:key|token))?|access[_-]?key|account[_-]?key"
    r"|auth[_-]?key|private[_-]?key|encryption[_-]?key|signing[_-]?key|master[_-]?key"
    r"|token|credentials?)"
)
_BEGINNINGS = """
passw passphrase pwd api secret access account auth private encryption signing master token
credential
"""
_KEY_STARTS = tuple(_BEGINNINGS.split())
"""What `_KEY` begins with."""

_QUOTE = r"\\{0,8}[\"'`]"
_NEXT = rf"(?:{_QUOTE})?\]?[ \t]{{0,3}}(?P<op>:=|=>|=|:)(?!=)[ \t]{{0,3}}"
_QUOTED = rf"(?P<open>{_QUOTE})(?P<quoted>(?:(?!(?P=open))(?:\\.|[^\r\n])){{3,512}})(?=(?P=open))"
_BARE = r"(?P<value>[^\s\"'`\\,;&|<>(){}\[\]$=:][^\s\"'`\\,;&|<>(){}\[\]$]{2,511}+)(?![(\[{])"

_LISTED = """
none null true false undefined nil string str text bytes boolean bool int number object any
optional required password passwd passphrase secret token apikey api_key api-key key value self
this input prompt env hidden empty unset default cancel bearer basic
"""
_NO_SECRETS = frozenset(_LISTED.split())
_USERS = "git user username root postgres admin anonymous hg oauth2 x-access-token x-token-auth"
_URL_USERS = frozenset(_USERS.split())
_TEMPLATE = re.compile(r"\$\{|\{\{|\$\(|<[a-zA-Z_ -]+>|%\(|process\.env|os\.environ|^[$%{<]")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_.?!-]*(?:->[A-Za-z_.]+)*")
_KEY_WORD = re.compile(_KEY, re.IGNORECASE)


def is_placeholder(value: str) -> bool:
    """Whether `value` only stands for a secret: a word, a variable, ``****``."""
    bare = value.strip().casefold()
    if bare in _NO_SECRETS or _TEMPLATE.search(value):
        return True
    return len({char for char in bare if char not in " .-"}) <= 1


def is_random_like(value: str) -> bool:
    """Whether `value` looks drawn, not written: letters and digits mixed, or case within."""
    letters = any(char.isalpha() for char in value)
    if letters and any(char.isdigit() for char in value):
        return True
    return value[1:] != value[1:].lower() and value != value.upper()


def _assigned(match: re.Match[str]) -> bool:
    value = match[value_group(match)]
    if is_placeholder(value) or not any(char.isalnum() for char in value):
        return False
    if match["quoted"] is not None:
        return _quoted_secret(match, value)
    return _bare_secret(match, value)


def _quoted_secret(match: re.Match[str], value: str) -> bool:
    """A literal in quotes. Only passwords have spaces in them, and then few."""
    if " " in value:
        return match["strong"] is not None and value.count(" ") <= 5 and match["op"] != ":"
    return len(value) >= 4


def _bare_secret(match: re.Match[str], value: str) -> bool:
    """What stands without quotes may be code: a name, a type, a path, a call's result."""
    if value.startswith(("/", "./", "../", "~", "@", "#", "*")) or "://" in value:
        return False
    if _IDENTIFIER.fullmatch(value):
        return _spelled_password(match, value)
    if value.isdigit() or not is_random_like(value):
        return match["strong"] is not None and len(value) >= 4
    return len(value) >= 6


def _spelled_password(match: re.Match[str], value: str) -> bool:
    """``PASSWORD=correcthorse`` is a password, ``password=password_field`` is code."""
    attached = match["op"] == "=" and " " not in match.group()
    plain = value.isalpha() and not _KEY_WORD.search(value)
    return attached and plain and match["strong"] is not None


def _random_value(match: re.Match[str]) -> bool:
    return not is_placeholder(match["value"]) and is_random_like(match["value"])


_ASSIGNMENT = Rule(
    ASSIGNMENT,
    several(
        at_words(
            _KEY_STARTS,
            rf"{_KEY}(?:[_-][A-Za-z0-9_-]{{1,24}})?{_NEXT}(?:{_QUOTED}|{_BARE})",
            _assigned,
        ),
        by_pattern(
            r"--?(?:password|passwd|pass|token|api[-_]?key|secret|auth)[ \t]{1,3}"
            rf"(?:{_QUOTE})?(?P<value>[^\s\"'`\\$<>(){{}}\[\]-][^\s\"'`\\]{{5,255}})",
            _random_value,
            flags=re.IGNORECASE,
        ),
        by_pattern(
            rf"(?:[ \t]-u|--user|--proxy-user)[ =]{{1,3}}(?:{_QUOTE})?[^\s:\"'`\\$]{{1,64}}:"
            r"(?P<value>[^\s\"'`\\$<{][^\s\"'`\\]{2,255})",
            lambda match: not is_placeholder(match["value"]) and "//" not in match["value"],
        ),
    ),
    ("passw", "passphrase", "pwd", "key", "secret", "token", "credential", "-u", "--user"),
)

_AUTHORIZATION = Rule(
    "authorization",
    several(
        at_words(
            ("bearer", "basic", "digest"),
            r"(?:bearer|basic|digest)[ \t]+(?P<value>[A-Za-z0-9._~+/-]{8,}+={0,2})",
            _random_value,
        ),
        at_words(
            ("authorization",),
            rf"authorization(?:{_QUOTE})?[ \t]*[:=][ \t]*(?:{_QUOTE})?(?:[A-Za-z]+[ \t]+)?"
            r"(?P<value>[A-Za-z0-9._~+/=:-]{6,}+)",
            _random_value,
        ),
        at_words(
            ("cookie",),
            rf"cookie(?:{_QUOTE})?[ \t]*:[ \t]*(?:{_QUOTE})?(?P<value>[^\s\"'`\\=;]{{1,128}}="
            r"[^\r\n\"'`\\]{4,4096})",
        ),
    ),
    ("bearer", "basic", "digest", "authorization", "cookie"),
)

_URL = Rule(
    "url-credentials",
    several(
        by_pattern(
            r"://[^\s/:@\"'`<>\\${}]{0,128}:(?P<value>[^\s/@\"'`<>\\${}]{2,256})@",
            lambda match: not is_placeholder(match["value"]),
        ),
        by_pattern(
            r"://(?P<value>[^\s/:@\"'`<>\\${}]{2,128})(?::[^\s/@\"'`<>\\]{1,256})?@",
            lambda match: match["value"].casefold() not in _URL_USERS,
        ),
        by_pattern(
            r"[?&](?:sig|signature|token|key|auth|code|secret|password|pwd"
            r"|x-amz-signature|x-amz-security-token|x-amz-credential|x-goog-signature"
            r"|(?:access|refresh|id)[_-]token|api[_-]?key|client[_-]secret)="
            r"(?P<value>[^\s&\"'`<>\\#${}]{6,2048})",
            _random_value,
            flags=re.IGNORECASE,
        ),
    ),
    ("://", "?", "&"),
)

CONTEXT_RULES: tuple[Rule, ...] = (_AUTHORIZATION, _URL, _ASSIGNMENT)
"""In the order in which they go before one another."""

SECRET_KEYS = re.compile(
    rf"[a-z0-9_.-]*?(?:{_PASS}|api[_-]?key|apikey|secret|secret[_-]?(?:access[_-]?)?key"
    r"|access[_-]?key|private[_-]?key|token|(?:access|auth|refresh|id|session|bearer|client)token"
    r"|client[_-]?secret|authorization|cookie|set-cookie|credentials?)",
    re.IGNORECASE,
)
"""Names of fields whose value is a secret whatever it looks like: matched as a whole."""
