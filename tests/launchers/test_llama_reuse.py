"""What llama.cpp's log says of requests. The lines are of a real run of b11434, shortened."""

from __future__ import annotations

from autotune.launchers.llama_reuse import cache_shape, reuse_notes
from autotune.scoring.reuse_model import EngineNote, Holder

FIRST = """\
0.00.149.487 I slot get_availabl: id  0 | task -1 |  - skipping, slot is empty
0.00.149.488 I slot get_availabl: id  3 | task -1 | selected slot by LRU, t_last = -1
0.00.149.569 I slot launch_slot_: id  0 | task 1 | processing task, is_child = 0
0.00.149.745 I slot   operator(): id  0 | task 1 | new prompt, n_ctx_slot = 8192, n_keep = 0, \
task.n_tokens = 1933
0.00.149.824 I slot   operator(): id  0 | task 1 | cached n_tokens = 0, memory_seq_rm [0, end)
"""

ALIKE = """\
0.00.340.735 I slot get_availabl: id  0 | task -1 |  - checking sim = 0.909 (1768/1944) > 0.100
0.00.340.736 I slot get_availabl: id  1 | task -1 |  - checking sim = 0.051 (100/1944) > 0.100
0.00.340.737 I slot get_availabl: id  0 | task -1 | selected slot by LCP similarity, \
f_sim_best = 0.909 (> 0.100 thold), f_keep = 0.860
0.00.340.809 I slot launch_slot_: id  0 | task 136 | processing task, is_child = 0
0.00.340.993 I slot   operator(): id  0 | task 136 | new prompt, n_ctx_slot = 8192, n_keep = 0, \
task.n_tokens = 1944
0.00.341.000 I slot   operator(): id  0 | task 136 | restored context checkpoint (pos_min = 1003, \
pos_max = 1514, n_tokens = 1515, n_past = 1514, size = 5.823 MiB)
0.00.341.506 I slot   operator(): id  0 | task 136 | cached n_tokens = 1514, memory_seq_rm [1514, \
end)
"""

LOADED = """\
0.10.340.735 I slot get_availabl: id  0 | task -1 |  - checking sim = 0.002 (3/2000) > 0.100
0.10.340.737 I slot get_availabl: id  0 | task -1 | selected slot by LRU, t_last = 5
0.10.340.740 I srv          load:  - looking for better prompt, base f_keep = 0.001, f_sim = 0.002
0.10.340.741 I srv          load:    - prompt with length     900, lcp =       3, f_keep = 0.003, \
f_sim = 0.002
0.10.340.742 I srv          load:    - prompt with length    1800, lcp =    1790, f_keep = 0.994, \
f_sim = 0.895
0.10.340.743 I srv          load:  - found better prompt with f_keep = 0.994, f_sim = 0.895
0.10.340.809 I slot launch_slot_: id  0 | task 200 | processing task, is_child = 0
0.10.340.993 I slot   operator(): id  0 | task 200 | new prompt, n_ctx_slot = 8192, n_keep = 0, \
task.n_tokens = 2000
0.10.340.995 I slot   operator(): id  0 | task 200 | forcing full prompt re-processing due to lack \
of cache data (likely due to SWA or hybrid/recurrent memory)
0.10.341.506 I slot   operator(): id  0 | task 200 | cached n_tokens = 0, memory_seq_rm [0, end)
0.10.341.606 I slot   operator(): id  0 | task 200 | cached n_tokens = 512, memory_seq_rm [512, end)
"""


def test_a_cold_slot() -> None:
    assert reuse_notes(FIRST) == (
        EngineNote(prompt_tokens=1933, cached_tokens=0, slot=0, slot_shared=0),
    )


def test_a_checkpoint_and_what_the_slot_held() -> None:
    _, note = reuse_notes(FIRST + ALIKE)
    assert note == EngineNote(
        prompt_tokens=1944,
        cached_tokens=1514,
        slot=0,
        slot_shared=1768,
        other_shared=100,
        checkpoint_tokens=1514,
    )
    assert note.held_tokens == 1768


def test_a_prompt_from_host_memory_and_no_checkpoint() -> None:
    (note,) = reuse_notes(LOADED)
    assert (note.slot_shared, note.loaded_shared, note.held_tokens) == (3, 1790, 1790)
    assert note.restarted
    assert note.cached_tokens == 0


def test_a_log_of_another_level_says_nothing() -> None:
    assert reuse_notes("I srv  update_slots: all slots are idle\n") == ()


def test_the_cache_by_the_settings() -> None:
    settings = {"parallel": 4, "ctx-size": 65536, "cache-ram": 0, "kv-unified": False}
    shape = cache_shape(settings, "")
    assert (shape.holder, shape.slots, shape.host_cache, shape.saves_idle) == (
        Holder.SLOTS, 4, False, False,
    )  # fmt: skip
    assert shape.similarity == 0.1
    assert shape.rolls_back is None


def test_the_cache_by_the_log() -> None:
    log = (
        "I srv load_model: initializing, n_slots = 4, n_ctx_slot = 4096, kv_unified = 'true'\n"
        "I print_info: n_swa                 = 512\n"
        "I srv prompt_save:  - saving prompt with length 1000, total state size = 4.000 MiB\n"
    )
    shape = cache_shape({"parallel": -1, "cache-ram": 100, "kv-unified": True}, log)
    assert (shape.slots, shape.unified, shape.host_tokens) == (4, True, 25_000)
    assert shape.rolls_back is False
    assert cache_shape({"swa-full": True}, log).rolls_back is True
    assert cache_shape({"cache-ram": -1}, log).host_tokens is None
    assert cache_shape({"cache-prompt": False}, log).enabled is False
