from __future__ import annotations

from collections.abc import Callable

from autotune.workload.redaction.marks import digest
from autotune.workload.redaction.options import Knowledge, RedactionOptions, full_scanner
from autotune.workload.redaction.rules import Rule, Style, by_pattern
from autotune.workload.redaction.scanner import Scanner, is_data_url

Options = Callable[..., RedactionOptions]


def rule(name: str, pattern: str) -> Rule:
    return Rule(name, by_pattern(pattern), style=Style.NAME)


def spans(scanner: Scanner, text: str, **more: bool) -> list[tuple[str, str]]:
    return [(s.rule, text[s.start : s.end]) for s in scanner.find(text, **more)]


def test_the_first_rule_has_the_whole_value_and_the_rest_goes_too() -> None:
    scanner = Scanner([rule("inner", "bbb"), rule("outer", "a+b+c+")])
    assert spans(scanner, "x aabbbcc y") == [("outer", "aa"), ("inner", "bbb"), ("outer", "cc")]
    scanner = Scanner([rule("outer", "a+b+c+"), rule("inner", "bbb")])
    assert spans(scanner, "x aabbbcc y") == [("outer", "aabbbcc")]


def test_marks_that_are_left_over_stay() -> None:
    scanner = Scanner([rule("inner", "bbb"), rule("outer", "-b+-")])
    assert spans(scanner, "-bbb-") == [("inner", "bbb")]


def test_escapes_of_json_stay_whole() -> None:
    scanner = Scanner([rule("name", "nick")])
    assert spans(scanner, "a\\nick", is_json=True) == [("name", "ick")]
    assert spans(scanner, "a\\\\nick", is_json=True) == [("name", "nick")]
    assert spans(scanner, "a\\nick") == [("name", "nick")]
    scanner = Scanner([rule("name", "u00fcx")])
    assert spans(scanner, "\\u00fcx", is_json=True) == [("name", "x")]


def test_what_may_stay(options: Options) -> None:
    known = Knowledge(names={"ada": None})
    text = "/home/ada/x eve@corp.io Ada"

    def left(**given: object) -> list[str]:
        scanner = full_scanner(options(**given), known)
        return [value for _, value in spans(scanner, text)]

    assert left() == ["ada", "eve", "corp", "Ada"]
    assert left(allow=frozenset({"ADA"})) == ["eve", "corp"]
    assert left(allow=frozenset({"corp.io"})) == ["ada", "Ada"]
    assert left(allow=frozenset({"eve@corp.io"})) == ["ada", "Ada"]
    assert left(without=frozenset({"email"})) == ["ada", "Ada"]
    assert left(words=("eve",), allow=frozenset({"eve"})) == ["ada", "eve", "corp", "Ada"]


def test_pseudonyms_of_an_earlier_redaction_stay(options: Options) -> None:
    known = Knowledge(issued={digest("ada")})
    scanner = full_scanner(options(), known)
    assert spans(scanner, "/home/ada/x /home/eve/x") == [("home-path", "eve")]


def test_only_whole_data_urls_are_passed_over(secrets: dict[str, str], options: Options) -> None:
    scanner = full_scanner(options(), Knowledge())
    assert is_data_url("data:image/png;base64,AAAA")
    assert scanner.find("data:image/png;base64,AAAA") == []
    event = f'data: {{"key": "{secrets["github-token"]}"}}'
    assert [s.rule for s in scanner.find(event)] == ["github-token"]
