from __future__ import annotations

from collections.abc import Callable

import pytest

from autotune.workload.redaction.options import RedactionOptions, base_scanner

Options = Callable[..., RedactionOptions]

AROUND = ("{}", "use {} now", '{{"k": "{}"}}', "x={};", "\\n{}", "\x1b[32m{}\x1b[0m", "a%20{}&b")
"""How a secret stands in a text: alone, in prose, in JSON, behind an escape, in colour."""


def found(text: str, options: RedactionOptions) -> dict[str, str]:
    return {text[s.start : s.end]: s.rule for s in base_scanner(options).find(text)}


def test_every_secret_is_found_wherever_it_stands(
    secrets: dict[str, str], options: Options
) -> None:
    for rule, secret in secrets.items():
        for around in AROUND:
            got = found(around.format(secret), options())
            inner = secret.split("-----")[2] if rule == "private-key" else secret
            assert got == {inner: rule}, (rule, around)


@pytest.mark.parametrize(
    "text",
    [
        "task-runner-for-all-the-things is a risk-averse disk-usage-helper-tool",
        "sk-learn-contrib-and-other-words",
        "the npm_config_registry variable, hf_hub_download, AIza",
        "AKIA is a prefix; github_pat_ as well",
        "eyJ starts a token",
        "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK\n-----END PUBLIC KEY-----",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "call_abcdefghijklmnop toolu_01ABCDEFGHIJKL msg_01XYZ",
    ],
)
def test_what_is_no_secret(text: str, options: Options) -> None:
    assert found(text, options()) == {}


@pytest.mark.parametrize("rule", ["github-token", "anthropic-key", "gitlab-token", "google-key"])
def test_secrets_behind_a_word(rule: str, secrets: dict[str, str], options: Options) -> None:
    text = f"path{secrets[rule]}"
    ((value, _),) = found(text, options()).items()
    assert value == secrets[rule]


def test_a_private_key_whose_end_is_cut_off(secrets: dict[str, str], options: Options) -> None:
    cut = secrets["private-key"].partition("-----END")[0]
    assert list(found(cut, options()).values()) == ["private-key"]
    escaped = cut.replace("\n", "\\n")
    assert list(found(escaped, options()).values()) == ["private-key"]


def test_long_texts_take_time_in_proportion(options: Options) -> None:
    scanner = base_scanner(options(hosts=True))
    for piece in (
        "sk-",
        "eyJa.",
        "-----BEGIN PRIVATE KEY-----",
        "password=",
        "://a:",
        "@a.",
        "fd0:",
    ):
        assert len(scanner.find(piece * 4000)) <= 4000
