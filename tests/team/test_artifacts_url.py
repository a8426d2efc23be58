"""Where artefacts are kept: what is a place, and that a secret in an address is never repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.team.artifacts_url import ArtifactsUrl, parse_artifacts


def test_a_path_is_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_artifacts("shared/a") == ArtifactsUrl(folder=tmp_path / "shared" / "a")
    assert str(parse_artifacts("/mnt/shared")) == "/mnt/shared"


@pytest.mark.parametrize("text", ["file:///mnt/a", "file://localhost/mnt/a"])
def test_a_file_address_is_a_folder(text: str) -> None:
    assert parse_artifacts(text) == ArtifactsUrl(folder=Path("/mnt/a"))


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("s3://lab", "lab", ""),
        ("s3://lab/", "lab", ""),
        ("S3://my.lab-1/a/b_2", "my.lab-1", "a/b_2"),
    ],
)
def test_a_bucket_and_its_prefix(text: str, bucket: str, prefix: str) -> None:
    url = parse_artifacts(text)
    assert (url.bucket, url.prefix, url.folder) == (bucket, prefix, None)
    assert parse_artifacts(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "gs://bucket/a",
        "http://host/a",
        "file://other-host/a",
        "s3://",
        "s3://UPPER/a",
        "s3://lab/../a",
        "s3://lab/a//b",
        "s3://lab/.hidden",
    ],
)
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_artifacts(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text", ["s3://KEY:hushhush@lab/a", "s3://lab/a?secret=hushhush", "file://u:hushhush@/mnt"]
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_artifacts(text)
    assert "hushhush" not in caught.value.message + caught.value.hint
    assert "environment" in caught.value.hint
