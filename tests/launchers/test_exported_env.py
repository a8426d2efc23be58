"""The variables of a manifest as they are exported."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.launchers.exported_env import (
    exported_variables,
    names_a_secret,
    wanted_variables,
)
from autotune.launchers.manifest import Manifest

VALUES = {"port": "8080", "work_dir": "/w"}


def manifest(**tables: Any) -> Manifest:
    command = {"argv": ["mine", "{settings}"], **tables.pop("command", {})}
    head = {"schema_version": "engine-manifest/1", "name": "mine", "address": {"port": "free"}}
    return Manifest.model_validate({**head, "command": command, **tables})


def test_a_launchs_variables_without_what_is_private_to_it() -> None:
    env = {"MINE_THREADS": "4", "MINE_URL": "http://x:{port}", "MINE_CACHE": "{work_dir}/cache"}
    found = exported_variables(manifest(command={"env": env}), VALUES)
    assert found == {"MINE_THREADS": "4", "MINE_URL": "http://x:8080"}


def test_the_export_form_has_its_own() -> None:
    tables = {"command": {"env": {"DEBUG": "1"}}, "export": {"env": {"MINE_THREADS": "4"}}}
    assert exported_variables(manifest(**tables), VALUES) == {"MINE_THREADS": "4"}
    only_argv = {**tables, "export": {"argv": ["mine", "serve", "{settings}"]}}
    assert exported_variables(manifest(**only_argv), VALUES) == {"DEBUG": "1"}


def test_secrets_are_named_and_never_written() -> None:
    command = {"env": {"MINE_API_KEY": "abc", "MINE_MODE": "fast"}, "inherit": ["MINE_LICENSE"]}
    described = manifest(command=command)
    assert exported_variables(described, VALUES) == {"MINE_MODE": "fast"}
    assert wanted_variables(described) == ("MINE_LICENSE", "MINE_API_KEY")


@pytest.mark.parametrize(
    ("name", "secret"),
    [("HF_TOKEN", True), ("APIKEY", True), ("db_password", True), ("MAX_TOKENS", False)],
)
def test_what_names_a_secret(name: str, secret: bool) -> None:
    assert names_a_secret(name) is secret
