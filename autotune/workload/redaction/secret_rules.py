"""Keys and tokens that are told by how they look, provider by provider.

The prefixes are those that the providers document, and that gitleaks and promptreplay look for.
A pseudonym replaces the prefix too, so what was replaced is never found again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from autotune.workload.redaction.rules import Finder, Hit, Rule, bounded, by_pattern, several

_WORD = "[A-Za-z0-9_-]"
_ALNUM = "[A-Za-z0-9]"


_WORDLIKE = frozenset(("sk-ant-", "sk-or-", "SG.", "key-", "fc-"))
"""Prefixes that end words as well: ``risk-or-``, ``monkey-``."""


def _token(name: str, *shapes: tuple[str, str]) -> Rule:
    """A rule of ``(prefix, pattern of the rest)``."""
    hints = tuple(prefix.lower() for prefix, _ in shapes)
    return Rule(name, several(*(_shape(prefix, rest) for prefix, rest in shapes)), hints)


def _shape(prefix: str, rest: str) -> Finder:
    """Looked for only where the prefix is: most texts hold none of them.

    A prefix that no word ends with is one in the middle of a word too: ``pathghp_...``.
    """
    start = bounded(prefix) if prefix in _WORDLIKE else re.escape(prefix)
    inner = by_pattern(start + rest)

    def find(text: str) -> Iterator[Hit]:
        if prefix in text:
            yield from inner(text)

    return find


def _has_digit(match: re.Match[str]) -> bool:
    return any(char.isdigit() for char in match.group())


def _is_drawn(match: re.Match[str]) -> bool:
    text = match.group()
    return _has_digit(match) and text != text.lower()


_IN_A_WORD = by_pattern(rf"sk-(?:ant|or|proj|svcacct|admin)-{_WORD}{{20,}}", _is_drawn)
"""Keys behind something that they do not belong to; by their look alone."""


_OPENAI = Rule(
    "openai-key",
    several(
        by_pattern(bounded("sk-") + rf"(?:proj|svcacct|admin)-{_WORD}{{8,}}"),
        # Without a digit it is some hyphenated word.
        by_pattern(bounded("sk-") + rf"{_WORD}{{20,}}", _has_digit),
        _IN_A_WORD,
    ),
    ("sk-",),
)

_AWS = Rule(
    "aws-key",
    several(
        *(
            by_pattern(bounded(prefix) + r"[A-Z0-9]{16}")
            for prefix in ("AKIA", "ASIA", "ABIA", "ACCA", "AROA", "AIDA")
        )
    ),
    ("akia", "asia", "abia", "acca", "aroa", "aida"),
)

_JWT = Rule(
    "jwt",
    by_pattern(bounded("eyJ") + rf"{_WORD}{{8,}}\.{_WORD}{{8,}}(?:\.{_WORD}+)*"),
    ("eyj",),
)

_PRIVATE_KEY = Rule(
    "private-key",
    several(
        by_pattern(
            r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
            r"(?P<value>(?:[^-]|-(?!----)){1,40000}+)(?=-----END)",
        ),
        # Cut off: a block whose end is not there.
        by_pattern(
            r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
            r"(?P<value>(?:[A-Za-z0-9+/=]|\\+[nr]|\s){16,}+)(?!-----END)"
        ),
        by_pattern(bounded("AGE-SECRET-KEY-1") + "[A-Z0-9]{20,}"),
    ),
    ("private key", "age-secret-key-1"),
)

_OTHERS = _token(
    "other-key",
    ("gsk_", rf"{_ALNUM}{{20,}}"),  # Groq
    ("xai-", rf"{_ALNUM}{{20,}}"),  # xAI
    ("pplx-", rf"{_ALNUM}{{20,}}"),  # Perplexity
    ("r8_", rf"{_ALNUM}{{20,}}"),  # Replicate
    ("nvapi-", rf"{_WORD}{{20,}}"),  # NVIDIA
    ("tvly-", rf"{_WORD}{{16,}}"),  # Tavily
    ("jina_", rf"{_WORD}{{20,}}"),
    ("fc-", r"[0-9a-f]{32}"),  # Firecrawl
    ("csk-", rf"{_ALNUM}{{20,}}"),  # Cerebras
    ("sk_live_", rf"{_ALNUM}{{10,}}"),  # Stripe
    ("sk_test_", rf"{_ALNUM}{{10,}}"),
    ("rk_live_", rf"{_ALNUM}{{10,}}"),
    ("rk_test_", rf"{_ALNUM}{{10,}}"),
    ("whsec_", r"[A-Za-z0-9+/=]{16,}"),
    ("SG.", rf"{_WORD}{{16,}}\.{_WORD}{{16,}}"),  # SendGrid
    ("shpat_", r"[0-9a-fA-F]{32}"),  # Shopify
    ("dop_v1_", r"[0-9a-f]{40,}"),  # DigitalOcean
    ("dckr_pat_", rf"{_WORD}{{20,}}"),
    ("hvs.", rf"{_WORD}{{20,}}"),  # Vault
    ("ATATT3", r"[A-Za-z0-9_=-]{20,}"),  # Atlassian
    ("lin_api_", rf"{_ALNUM}{{20,}}"),  # Linear
    ("ntn_", rf"{_ALNUM}{{20,}}"),  # Notion
    ("figd_", rf"{_WORD}{{20,}}"),  # Figma
    ("tskey-", rf"{_WORD}{{16,}}"),  # Tailscale
    ("sbp_", r"[0-9a-f]{32,}"),  # Supabase
    ("pul-", r"[0-9a-f]{40}"),  # Pulumi
    ("PMAK-", r"[0-9a-f]{24}-[0-9a-f]{34}"),  # Postman
    ("rubygems_", r"[0-9a-f]{40,}"),
    ("glsa_", rf"{_WORD}{{20,}}"),  # Grafana
    ("glc_", r"[A-Za-z0-9+/=]{32,}"),
    ("NRAK-", r"[A-Z0-9]{27}"),  # New Relic
    ("sntrys_", r"[A-Za-z0-9_=+/-]{20,}"),  # Sentry
    ("dapi", r"[0-9a-f]{32}"),  # Databricks
    ("key-", r"[0-9a-f]{32}"),  # Mailgun
    ("cfut_", rf"{_ALNUM}{{20,}}"),  # Cloudflare
    ("vcp_", rf"{_ALNUM}{{20,}}"),  # Vercel
    ("AKCp", rf"{_ALNUM}{{40,}}"),  # Artifactory
)

SECRET_RULES: tuple[Rule, ...] = (
    _PRIVATE_KEY,
    _JWT,
    _token("anthropic-key", ("sk-ant-", rf"{_WORD}{{8,}}")),
    _token("openrouter-key", ("sk-or-", rf"{_WORD}{{8,}}")),
    _OPENAI,
    _AWS,
    _token(
        "github-token",
        *((f"gh{kind}_", rf"{_ALNUM}{{16,}}") for kind in "pousr"),
        ("github_pat_", r"[A-Za-z0-9_]{16,}"),
    ),
    _token(
        "gitlab-token",
        *(
            (f"gl{kind}-", rf"{_WORD}{{16,}}")
            for kind in ("pat", "dt", "rt", "cbt", "ptt", "ft", "imt", "agent", "oas", "soat")
        ),
    ),
    _token(
        "slack-token",
        *(
            (f"xox{kind}", rf"{_WORD}{{10,}}")
            for kind in ("a-", "b-", "e-", "o-", "p-", "r-", "s-")
        ),
        ("xoxe.", r"[A-Za-z0-9_.-]{10,}"),
        ("xapp-", rf"{_WORD}{{10,}}"),
        ("hooks.slack.com/", r"(?:services|workflows|triggers)/(?P<value>[A-Za-z0-9_/-]{16,})"),
    ),
    _token("huggingface-token", ("hf_", rf"{_ALNUM}{{20,}}"), ("api_org_", rf"{_ALNUM}{{20,}}")),
    _token(
        "google-key",
        ("AIza", rf"{_WORD}{{30,}}"),
        ("ya29.", r"[A-Za-z0-9_.-]{20,}"),
        ("GOCSPX-", rf"{_WORD}{{16,}}"),
    ),
    _token("npm-token", ("npm_", rf"{_ALNUM}{{30,}}")),
    _token("pypi-token", ("pypi-AgE", rf"{_WORD}{{16,}}"), ("pypi-", rf"{_WORD}{{50,}}")),
    _OTHERS,
)
"""In the order in which they go before one another."""
