"""A bucket is opened with keys from the environment alone, and says in two lines what it lacks.

Reading and writing are tried on an S3 server in ``tests/scale/test_bucket_store_served.py``.
"""

from __future__ import annotations

import importlib.util

import optuna
import pytest

from autotune.errors import UserError
from autotune.team.artefacts import open_artefacts
from autotune.team.artifacts_url import parse_artifacts
from autotune.team.bucket_store import BucketStore

has_boto3 = importlib.util.find_spec("boto3") is not None


@pytest.mark.skipif(has_boto3, reason="boto3 is installed here")
def test_without_boto3_the_extra_is_named() -> None:
    study = optuna.create_study(study_name="team")
    with pytest.raises(UserError, match="boto3") as caught:
        open_artefacts("s3://lab/a", study, {})
    assert "autotune-serving[s3]" in caught.value.hint


@pytest.mark.skipif(not has_boto3, reason="boto3 is not installed here")
@pytest.mark.parametrize("env", [{}, {"AWS_ACCESS_KEY_ID": "hushhush"}])
def test_without_keys_their_variables_are_named(env: dict[str, str]) -> None:
    with pytest.raises(UserError, match="no keys") as caught:
        BucketStore(parse_artifacts("s3://lab/a"), env)
    assert "AWS_SECRET_ACCESS_KEY" in caught.value.hint
    assert "hushhush" not in caught.value.message + caught.value.hint


@pytest.mark.skipif(not has_boto3, reason="boto3 is not installed here")
def test_an_endpoint_that_is_no_address_is_not_repeated() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    with pytest.raises(UserError, match="cannot be reached") as caught:
        BucketStore(parse_artifacts("s3://lab/a"), {**keys, "AWS_ENDPOINT_URL_S3": "hushhush"})
    assert "hushhush" not in caught.value.message + caught.value.hint
