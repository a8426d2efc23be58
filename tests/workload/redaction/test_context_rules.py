from __future__ import annotations

from collections.abc import Callable

import pytest

from autotune.workload.redaction.context_rules import SECRET_KEYS, is_placeholder, is_random_like
from autotune.workload.redaction.options import RedactionOptions, base_scanner

Options = Callable[..., RedactionOptions]


def found(text: str, options: RedactionOptions) -> list[tuple[str, str]]:
    return [(s.rule, text[s.start : s.end]) for s in base_scanner(options).find(text)]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password=hunter2", "hunter2"),
        ("DB_PASSWORD=correcthorse", "correcthorse"),
        ("export PGPASSWORD='s3cr-et!'", "s3cr-et!"),
        ("password: hunter2", "hunter2"),
        ('"api_key": "abcd1234"', "abcd1234"),
        ('{\\"client_secret\\":\\"abcd1234\\"}', "abcd1234"),
        ("password = 'two words'", "two words"),
        ("Server=db;User=sa;Password=xY12zz;", "xY12zz"),
        ("AccountKey=a1b2c3d4e5f6g7h8==;", "a1b2c3d4e5f6g7h8"),
        ("aws_secret_access_key = wJa1rXUtnFEMIK7MDENGbPxRfiCYzzKEYzzKEY12", None),
        ("tool --token a1b2c3d4", "a1b2c3d4"),
        ("curl -u ada:s3same https://x.example", "s3same"),
        ("os['API_TOKEN']='a1b2c3d4'", "a1b2c3d4"),
    ],
)
def test_assignments(text: str, secret: str | None, options: Options) -> None:
    ((rule, value),) = found(text, options())
    assert rule == "assignment"
    assert secret is None or value.rstrip("=") == secret


@pytest.mark.parametrize(
    "text",
    [
        "password: str",
        "def login(password, token=None):",
        "token = self.next_token()",
        "password=password_field.text",
        "api_key = os.environ['API_KEY']",
        "api_key=${API_KEY}",
        "password = '****'",
        '"token": "<your token>"',
        "max_tokens=4096, token: 12",
        "PRIVATE_KEY=/etc/ssl/key.pem",
        "if token == other:",
        "basic authentication and bearer tokens",
        "Authorization: Bearer ${TOKEN}",
        "https://user@example.com/path and ssh://git@host/x",
        "see https://host.example/?page=2&sort=name",
        "postgres://user:password@localhost/db",
    ],
)
def test_code_and_placeholders_stay(text: str, options: Options) -> None:
    assert found(text, options()) == []


@pytest.mark.parametrize(
    ("text", "rule", "secret"),
    [
        ("Authorization: Bearer a1B2c3D4e5F6", "authorization", "a1B2c3D4e5F6"),
        ("authorization: Basic dXNlcjpwYXNz", "authorization", "dXNlcjpwYXNz"),
        ('"Authorization": "Token 9f3c2b1a0d"', "authorization", "9f3c2b1a0d"),
        ("Set-Cookie: sid=abc123def; Path=/", "authorization", "sid=abc123def; Path=/"),
        ("postgres://app:s3cret9@db/x", "url-credentials", "s3cret9"),
        ("https://x.example/a?token=a1b2c3d4", "url-credentials", "a1b2c3d4"),
    ],
)
def test_headers_and_urls(text: str, rule: str, secret: str, options: Options) -> None:
    assert (rule, secret) in found(text, options())


def test_both_parts_of_a_url_go(options: Options) -> None:
    text = "redis://ada:pa55word@cache:6379"
    assert [value for _, value in found(text, options())] == ["ada", "pa55word"]


@pytest.mark.parametrize("key", ["password", "API_KEY", "apiKey", "x-api-key", "accessToken"])
def test_keys_of_secrets(key: str) -> None:
    assert SECRET_KEYS.fullmatch(key)


@pytest.mark.parametrize("key", ["max_tokens", "tokenizer", "prompt_tokens", "keyboard", "keys"])
def test_keys_of_no_secrets(key: str) -> None:
    assert not SECRET_KEYS.fullmatch(key)


def test_placeholders_and_random_looks() -> None:
    assert is_placeholder("xxxx")
    assert is_placeholder("${A}")
    assert not is_placeholder("hunter2")
    assert is_random_like("hunter2")
    assert is_random_like("dXNlcjpwYXNz")
    assert not is_random_like("Authentication")
