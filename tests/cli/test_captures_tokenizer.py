"""An engine that is started to count only, and is gone when it is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.cli.captures_tokenizer import serving
from autotune.errors import MachineError, UserError


def test_it_counts_and_is_stopped(
    fake_engine_manifest: Callable[..., Path], fake_model: Path
) -> None:
    with serving(str(fake_engine_manifest()), fake_model) as (launcher, server):
        messages = ({"role": "user", "content": "one two three"},)
        assert (launcher.count_tokens(server, messages, ()) or 0) > 0
        assert server.process.poll() is None
    assert server.process.poll() is not None


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model at"), serving("reference", tmp_path / "gone"):
        pass


def test_an_engine_that_does_not_start(
    fake_engine_manifest: Callable[..., Path], fake_model: Path
) -> None:
    manifest = str(fake_engine_manifest("die-during-load"))
    with pytest.raises(MachineError, match="cannot load"), serving(manifest, fake_model):
        pass
