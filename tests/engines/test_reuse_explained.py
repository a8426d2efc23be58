"""Why real engines reuse less than they could: checkpoints, templates, slots, blocks."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from reuse_run import Found, edited, explained, session, system, turn, user

from autotune.candidate import Setting
from autotune.launchers.llama_server import LlamaServerLauncher
from autotune.launchers.vllm import VllmLauncher
from autotune.replay.plan import History
from autotune.workload.model import Message, Session

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]

WINDOWS = "random-mimo2-128-r2.gguf"
"""A random model with windows on half of its layers."""
RECURRENT = "random-mamba-128-r2.gguf"

ONE: dict[str, Setting] = {"ctx-size": 8192, "parallel": 1, "cache-ram": 0, "threads": 1}
TWO: dict[str, Setting] = {**ONE, "ctx-size": 16384, "parallel": 2}


def in_cache(name: str) -> Path:
    """A model that `make models` puts into the cache; skips where it is absent."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = cache / "autotune" / "models" / name
    if not path.is_file():
        pytest.skip(f"no model at {path}; run: make models")
    return path


def assert_counted(found: Found) -> None:
    """Every prompt was tokenized to what the engine counted, and found in its log."""
    assert found.summary["counted_by"] == "engine"
    assert found.summary["engine_notes"] == len(found.records)
    for row in found.rows.values():
        assert row["counted_tokens"] == row["depth_tokens"]


@pytest.mark.parametrize(("model", "checkpoints"), [(WINDOWS, 0), (WINDOWS, 8), (RECURRENT, 8)])
def test_an_edit_goes_back_to_a_checkpoint(
    llama_server: Path, tmp_path: Path, model: str, checkpoints: int
) -> None:
    """The window, or the state, has moved on: only saved states can be gone back to."""
    settings: dict[str, Setting] = {
        **ONE, "ctx-checkpoints": checkpoints, "checkpoint-min-step": 64, "ubatch-size": 128,
    }  # fmt: skip
    launcher = LlamaServerLauncher(llama_server)
    found = explained(launcher, in_cache(model), tmp_path, [edited("c", 1500, keep=3)], settings)
    assert_counted(found)
    row = found.rows["c", 2]
    edit, lost = row["losses"]
    assert edit["cause"] == "context-edit"
    assert edit["tokens"] == row["before_tokens"] - row["ideal_tokens"]
    assert lost["cause"] == "checkpoint-distance"
    # The engine's own words: what the slot shared with the prompt, and what it went back to.
    shared = int(re.findall(r"checking sim = \S+ \((\d+)/", found.log)[-1])
    begun = found.log[found.log.rindex("new prompt, n_ctx_slot") :]
    cached = int(re.findall(r"cached n_tokens = (\d+), memory_seq_rm", begun)[0])
    assert row["ideal_tokens"] == shared
    assert (row["reused_tokens"], lost["tokens"]) == (cached, shared - cached)
    assert lost["tokens"] > 0
    if checkpoints:
        assert row["checkpoint_tokens"] == cached > 0
        assert lost["detail"] == f"back to the checkpoint at token {cached:,}"
    else:
        assert cached == 0
        assert lost["detail"] == "no checkpoint was left, so all was read again"


def test_a_session_that_begins_alike_takes_the_slot_and_leaves_the_other_free(
    llama_server: Path, deep_model: Path, tmp_path: Path
) -> None:
    both = [
        session("a", (300, 60), head="agent", head_words=900),
        session("b", (300, 60), head="agent", head_words=900, begins_ms=500.0),
    ]
    launcher = LlamaServerLauncher(llama_server)
    found = explained(launcher, deep_model, tmp_path / "alike", both, TWO)
    assert_counted(found)
    assert found.rows["a", 1]["losses"][0]["cause"] == "slot-taken-by-likeness"
    apart = {**TWO, "slot-prompt-similarity": 0.85}
    cleared = explained(launcher, deep_model, tmp_path / "apart", both, apart)
    assert "slot-taken-by-likeness" not in cleared.causes()
    assert cleared.rows["a", 1]["reused_tokens"] >= cleared.rows["a", 0]["depth_tokens"]


def test_host_memory_that_is_too_small_for_two(
    llama_server: Path, deep_model: Path, tmp_path: Path
) -> None:
    """A token of this model takes 512 bytes: 1 MiB holds 2048 of them, each prompt has 1500."""
    three = [session(name, (1500, 60), begins_ms=300.0 * at) for at, name in enumerate("abc")]
    launcher = LlamaServerLauncher(llama_server)
    small = {**ONE, "cache-ram": 1}
    found = explained(launcher, deep_model, tmp_path / "small", three, small)
    assert_counted(found)
    assert found.rows["a", 1]["losses"][0]["cause"] == "over-capacity"
    large = explained(launcher, deep_model, tmp_path / "large", three, {**ONE, "cache-ram": 64})
    assert "over-capacity" not in large.causes()
    assert large.rows["a", 1]["reused_tokens"] >= large.rows["a", 0]["depth_tokens"]


DROPS_REASONING = """\
{%- set last = namespace(user=0) -%}
{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set last.user = loop.index0 -%}{%- endif -%}
{%- endfor -%}
{%- for m in messages -%}
<|im_start|>{{ m.role }}
{% if m.reasoning_content and loop.index0 > last.user -%}
<think>{{ m.reasoning_content }}</think>
{% endif -%}
{{ m.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}
"""
"""As many do: reasoning stays while an agent works, and goes when its user speaks again."""


def thoughtful() -> Session:
    """A user, three thoughtful steps of an agent, and the user again."""
    messages: list[Message] = [system("t", 40), user("task", 400)]
    turns = [turn("t", 0, messages, timestamp_ms=0.0)]
    for at in range(1, 4):
        thought = str(user(f"thought {at}", 150)["content"])
        messages.append(
            {"role": "assistant", "content": f"step {at}", "reasoning_content": thought}
        )
        messages.append({"role": "tool", "content": str(user(f"result {at}", 100)["content"])})
        turns.append(turn("t", at, messages, timestamp_ms=1000.0 * at))
    messages += [{"role": "assistant", "content": "done"}, user("more", 50)]
    turns.append(turn("t", 4, messages, timestamp_ms=4000.0))
    return Session("t", tuple(turns))


def test_a_template_that_drops_reasoning(
    llama_server: Path, deep_model: Path, tmp_path: Path
) -> None:
    template = tmp_path / "template.jinja"
    template.write_text(DROPS_REASONING, encoding="utf-8")
    settings = {**ONE, "chat-template-file": str(template)}
    found = explained(
        LlamaServerLauncher(llama_server), deep_model, tmp_path, [thoughtful()], settings,
        history=History.RECORDED,
    )  # fmt: skip
    assert_counted(found)
    for at in (1, 2, 3):
        assert "template-rewrote-history" not in [c["cause"] for c in found.rows["t", at]["losses"]]
    row = found.rows["t", 4]
    (loss,) = row["losses"]
    assert loss["cause"] == "template-rewrote-history"
    assert loss["tokens"] == row["before_tokens"] - row["reused_tokens"]
    # Three results of 100 words are read again with what is around them; the thoughts are gone.
    assert 300 < loss["tokens"] < 500
    assert f"from token {row['ideal_tokens']:,} on" in loss["detail"]


def test_vllm_keeps_whole_blocks(vllm: Path, tiny_hf: Path, tmp_path: Path) -> None:
    settings: dict[str, Setting] = {
        "max-model-len": 4096,
        "max-num-seqs": 4,
        "enforce-eager": True,
        "block-size": 32,
        "kv-cache-memory-bytes": 256 * 1024**2,
    }
    found = explained(
        VllmLauncher(vllm), tiny_hf, tmp_path, [session("v", (600, 90, 90))], settings,
        start_timeout_s=300.0,
    )  # fmt: skip
    assert found.summary["counted_by"] == "engine"
    for row in found.rows.values():
        assert row["counted_tokens"] == row["depth_tokens"]
    for at in (1, 2):
        row = found.rows["v", at]
        assert row["reused_tokens"] % 32 == 0
        blocks = [loss for loss in row["losses"] if loss["cause"] == "block-alignment"]
        assert all(loss["tokens"] <= 32 for loss in blocks)
        assert {loss["cause"] for loss in row["losses"]} <= {
            "block-alignment",
            "reply-came-back-changed",
        }
        assert sum(loss["tokens"] for loss in row["losses"]) == (
            row["before_tokens"] - row["reused_tokens"]
        )
    assert "block-alignment" in found.causes()
