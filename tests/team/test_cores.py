"""A host divided: no core in two hands, threads of a core together, equal parts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autotune.hardware.cpu import allowed_processors
from autotune.team.cores import WHOLE, divide, divide_host

FOUR = tuple(frozenset({n, n + 4}) for n in range(4))
"""Four cores of two threads, numbered as Linux does."""


def test_neighbouring_cores_stay_together_with_their_threads() -> None:
    division = divide(2, FOUR, None, 1000)
    assert [share.processors for share in division.shares] == [{0, 4, 1, 5}, {2, 6, 3, 7}]
    assert [share.memory_bytes for share in division.shares] == [500, 500]
    assert division.note is None


def test_what_does_not_divide_is_left_to_the_system() -> None:
    division = divide(3, FOUR, None, 1000)
    assert [share.processors for share in division.shares] == [{0, 4}, {1, 5}, {2, 6}]


def test_a_quota_is_divided_and_not_the_cores_that_it_never_reaches() -> None:
    division = divide(2, FOUR, 4.5, 1000)
    assert [share.processors for share in division.shares] == [{0, 4}, {1, 5}]


def test_too_few_cores_are_shared_and_that_is_said() -> None:
    division = divide(3, FOUR[:2], None, 900)
    assert [share.processors for share in division.shares] == [None, None, None]
    assert [share.memory_bytes for share in division.shares] == [300, 300, 300]
    assert division.note is not None
    assert "2 cores are too few to be divided among 3 workers" in division.note


@given(
    workers=st.integers(1, 9),
    cores=st.lists(st.integers(1, 4), max_size=40),
    quota=st.none() | st.floats(0.1, 100),
)
def test_no_processor_is_in_two_hands(workers: int, cores: list[int], quota: float | None) -> None:
    numbers = iter(range(1000))
    made = [frozenset(next(numbers) for _ in range(threads)) for threads in cores]
    shares = divide(workers, made, quota, 1 << 30).shares
    assert len(shares) == workers
    given_out = [n for share in shares for n in share.processors or ()]
    assert len(given_out) == len(set(given_out))
    if quota is not None:
        assert len(given_out) <= quota
    sizes = {0 if s.processors is None else sum(s.processors >= c for c in made) for s in shares}
    assert len(sizes) == 1
    assert sum(share.memory_bytes or 0 for share in shares) <= 1 << 30


def test_one_worker_has_the_whole_host() -> None:
    assert divide_host(1).shares == (WHOLE,)


def test_this_host_is_divided_within_what_this_process_may_use() -> None:
    shares = divide_host(2).shares
    mine = allowed_processors()
    assert all((share.processors or mine) <= mine for share in shares)
    assert all(share.memory_bytes for share in shares)
