"""Artefacts in an S3-compatible bucket, through Optuna's ``Boto3ArtifactStore``.

Keys are taken from the environment alone: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, where it
is a passing one, AWS_SESSION_TOKEN. AWS_REGION (or AWS_DEFAULT_REGION) and AWS_ENDPOINT_URL_S3
(or AWS_ENDPOINT_URL) say where the bucket is. Files and instance roles are not looked at, so that
what a worker may reach is what it was started with. Nothing of this is ever printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from autotune.errors import AutotuneError, MachineError, UserError
from autotune.team.artefact_stores import GuardedBody
from autotune.team.artifacts_url import ArtifactsUrl

if TYPE_CHECKING:
    from optuna.artifacts import Boto3ArtifactStore

EXTRA = "pip install 'autotune-serving[s3]'"

_CONNECT_S, _READ_S, _ATTEMPTS = 10, 60, 5
_REFUSED = {
    "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken",
    "InvalidToken", "InvalidClientTokenId", "RequestTimeTooSkewed",
}  # fmt: skip


class BucketStore:
    """The objects below a prefix of one bucket. An object is whole or not there: S3 sees to it.

    Every fault is a `UserError` or a `MachineError` that names the bucket and S3's error code, and
    nothing that a message of the server may hold.
    """

    def __init__(self, url: ArtifactsUrl, env: Mapping[str, str]) -> None:
        self._url = url
        self._prefix = f"{url.prefix}/" if url.prefix else ""
        self._inner = _boto3_store(url, env)

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The artefact, open for reading. Raises Optuna's ``ArtifactNotFound``."""
        with _faults(self._url):
            body = self._inner.open_reader(self._prefix + artifact_id)
        return cast("BinaryIO", GuardedBody(body, lambda: _faults(self._url)))

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Put the artefact there."""
        with _faults(self._url):
            self._inner.write(self._prefix + artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        """Take the artefact away; one that is not there is no error."""
        with _faults(self._url):
            self._inner.remove(self._prefix + artifact_id)


def _boto3_store(url: ArtifactsUrl, env: Mapping[str, str]) -> Boto3ArtifactStore:
    try:
        from boto3.session import Session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise UserError("artefacts in a bucket need boto3, which is not installed", EXTRA) from None
    from optuna.artifacts import Boto3ArtifactStore

    endpoint = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL")
    config = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        retries={"mode": "standard", "max_attempts": _ATTEMPTS},
        # A server of one's own rarely has a name for each bucket, nor Amazon's newer checksums;
        # every artefact is held to a digest of ours.
        s3={"addressing_style": "path"} if endpoint else {},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        client = Session(**_keys(url, env)).client("s3", endpoint_url=endpoint, config=config)
    except (ValueError, BotoCoreError):
        raise UserError(
            f"{url} cannot be reached as the environment says",
            "check AWS_ENDPOINT_URL_S3 (http://HOST:PORT) and AWS_REGION in the environment",
        ) from None
    # The copy that it makes otherwise holds the whole file in memory.
    return Boto3ArtifactStore(url.bucket, client, avoid_buf_copy=True)


def _keys(url: ArtifactsUrl, env: Mapping[str, str]) -> dict[str, str | None]:
    """What a session is made with. Raises `UserError` where the environment has no keys."""
    key, secret = env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        raise UserError(
            f"there are no keys for {url} in the environment",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY on every host that works on the study",
        )
    return {
        "aws_access_key_id": key,
        "aws_secret_access_key": secret,
        "aws_session_token": env.get("AWS_SESSION_TOKEN") or None,
        "region_name": env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
    }


@contextmanager
def _faults(url: ArtifactsUrl) -> Iterator[None]:
    """Faults of S3, of the way to it and of the file that is sent, in two lines."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refusal(url, error.response) from None
    except (BotoCoreError, Boto3Error) as error:
        raise MachineError(
            f"{url} does not answer ({type(error).__name__})",
            "check the network and AWS_ENDPOINT_URL_S3; the same command goes on",
        ) from None
    except OSError as error:
        raise MachineError(
            f"the connection to {url} broke: {error.strerror or type(error).__name__}",
            "check the network; the same command goes on",
        ) from None


def _refusal(url: ArtifactsUrl, response: Mapping[str, Any]) -> AutotuneError:
    code = str(response.get("Error", {}).get("Code", "no code"))
    if code in ("NoSuchBucket", "404"):
        return UserError(
            f"there is no bucket {url.bucket}",
            "make it first, or check --artifacts and AWS_ENDPOINT_URL_S3",
        )
    if code in _REFUSED:
        return UserError(
            f"{url} refuses the keys of the environment ({code})",
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they may do there",
        )
    return MachineError(
        f"{url} refuses ({code})", "see what its server says of this; the same command goes on"
    )
