from __future__ import annotations

from collections.abc import Callable

import pytest

from autotune.workload.redaction.options import RedactionOptions, base_scanner

Options = Callable[..., RedactionOptions]


def values(text: str, options: RedactionOptions) -> list[str]:
    return [text[s.start : s.end] for s in base_scanner(options).find(text)]


@pytest.mark.parametrize(
    "text",
    [
        "/home/ada/x",
        "/Users/ada",
        "file:///home/ada/x.py:3",
        "C:\\Users\\ada\\x",
        "C:\\\\Users\\\\ada\\\\x",
        "c:/users/ada/x",
        "/mnt/c/Users/ada/x",
        ".claude/projects/-home-ada-work-x",
        "projects/-Users-ada-x/session.jsonl",
        "sessions/--home-ada-work--/1.jsonl",
        "C--Users-ada-work",
        "~ada/x",
        "%2Fhome%2Fada%2Fx",
        "\\/home\\/ada\\/x",
        "USER=ada",
        "uid=1000(ada) gid=1000",
        "cwd: /home/ada.",
    ],
)
def test_names_in_home_paths(text: str, options: Options) -> None:
    assert values(text, options()) == ["ada"]


@pytest.mark.parametrize(
    "text",
    [
        "/home/user/x and /home/runner/work, /Users/Shared",
        "~/x and ~ada, a~ada/x",
        "--home-dir x --users-file y",
        "/home/$USER/x /home/<name> /home/{name}",
        "git@github.com:a/b ada@example.com no-reply@corp.example",
        "logo@2x.png @pytest.mark.parametrize x@1.2.3",
    ],
)
def test_names_of_nobody(text: str, options: Options) -> None:
    assert values(text, options()) == []


def test_a_windows_name_of_two_words(options: Options) -> None:
    assert values("C:\\Users\\Ada Love\\x", options()) == ["Ada Love"]


def test_an_address_goes_in_two_parts_and_keeps_its_end(options: Options) -> None:
    assert values("mail ada.l@mail.corp.io!", options()) == ["ada.l", "mail.corp"]
    assert values("mail ada.l@gmail.com!", options()) == ["ada.l"]
    assert values("x=ada%40corp.io", options()) == ["ada", "corp"]
    assert values("a\\nada@corp.io", options()) == ["ada", "corp"]


def test_whose_an_address_is(options: Options) -> None:
    text = "Author: Ada Love <ada@corp.io>\nCo-Authored-By: Bot <noreply@corp.io>"
    assert values(text, options()) == ["Ada Love", "ada", "corp"]


def test_hosts_are_asked_for(options: Options) -> None:
    text = "10.1.2.3 192.168.7.9 172.20.0.5 fd12:3456::1 db-1.corp 8.8.8.8 127.0.0.1 1.10.2.3.4"
    assert values(text, options()) == []
    got = values(text, options(hosts=True))
    assert got == ["1.2.3", "7.9", "0.5", ":3456::1", "db-1"]
    assert values("threading.local() self.local settings.local.json", options(hosts=True)) == []
