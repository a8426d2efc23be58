"""An address is a place and nothing else: a password in it is refused, and never repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.team.storage_url import PASSWORD_ENV, StorageUrl, parse_storage


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://tuner@db.lan/tuning", "postgresql://tuner@db.lan/tuning"),
        ("postgres://db:5433/tuning", "postgresql://db:5433/tuning"),
        ("postgresql+psycopg://[::1]:5432/t", "postgresql://[::1]:5432/t"),
        ("postgresql:///t?host=%2Frun%2Fpg", "postgresql:///t?host=%2Frun%2Fpg"),
        ("postgresql://a%40b@db/t?sslmode=require", "postgresql://a%40b@db/t?sslmode=require"),
        ("sqlite:////srv/at/s.db", "sqlite:////srv/at/s.db"),
    ],
)
def test_an_address_comes_back_as_it_was_meant(text: str, shown: str) -> None:
    assert str(parse_storage(text)) == shown
    assert parse_storage(str(parse_storage(text))) == parse_storage(text)


def test_the_driver_is_named_for_sqlalchemy_only() -> None:
    url = parse_storage("postgresql://tuner@db/tuning")
    assert url.address == "postgresql+psycopg://tuner@db/tuning"
    assert not url.is_of_one_host


def test_a_relative_file_is_below_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = parse_storage("sqlite:///s.db")
    assert url == StorageUrl(path=tmp_path / "s.db")
    assert url.is_of_one_host


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://tuner:geheim@db/tuning",
        "postgresql://:geheim@db/tuning",
        "postgresql://tuner@db/tuning?password=geheim",
        "postgresql://tuner@db/tuning?sslpassword=geheim",
        "postgresql://tuner@db/tuning#geheim",
        "mysql://tuner:geheim@db/tuning",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_storage(text)
    assert "geheim" not in f"{caught.value.message} {caught.value.hint}"
    assert PASSWORD_ENV in caught.value.hint


@pytest.mark.parametrize(
    "text",
    ["", "tuning", "mysql://db/tuning", "postgresql://db", "postgresql://db/", "sqlite://",
     "sqlite://host/s.db", "postgresql://db:x/t", "postgresql://db/t?options=-c"],
)  # fmt: skip
def test_what_is_no_place_for_a_study_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        parse_storage(text)


def test_the_password_is_taken_from_the_environment_at_connecting() -> None:
    url = parse_storage("postgresql://tuner@db/tuning")
    assert url.connect_args({PASSWORD_ENV: "geheim"})["password"] == "geheim"
    assert "password" not in url.connect_args({"PGPASSWORD": "left to libpq"})
    assert "geheim" not in repr(url)
