"""A look at a file sees what it reads; the whole hash is taken anew when anything speaks for it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import MachineError, UserError
from autotune.nightly.sampled_hash import RACY_NS, FileSample, HashCache, Sampling, sample

SMALL = Sampling(header_bytes=16, blocks=4, block_bytes=8)
LONG_AGO_NS = 1_700_000_000 * 10**9


def look(folder: Path, data: bytes, sampling: Sampling = SMALL) -> FileSample:
    path = folder / "file"
    path.write_bytes(data)
    return sample(path, sampling)


def covered(size: int) -> set[int]:
    """Every byte that a look of `SMALL` reads."""
    read = set(range(min(size, SMALL.header_bytes)))
    for offset, length in SMALL.spans(size):
        read |= set(range(offset, offset + length))
    return read


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@given(size=st.integers(1, 300), data=st.data())
def test_a_changed_byte_in_a_sampled_place_is_seen(
    folder: Path, size: int, data: st.DataObject
) -> None:
    content = os.urandom(size)
    at = data.draw(st.sampled_from(sorted(covered(size))))
    assert look(folder, content) != look(folder, flipped(content, at))


@given(size=st.integers(1, 300), more=st.integers(1, 5))
def test_another_size_is_seen(folder: Path, size: int, more: int) -> None:
    content = bytes(size)
    assert look(folder, content) != look(folder, content + bytes(more))
    assert look(folder, content) == look(folder, content)


@given(size=st.integers(17, 300), at=st.integers(0, 15))
def test_a_changed_header_is_seen_as_one(folder: Path, size: int, at: int) -> None:
    before, after = look(folder, bytes(size)), look(folder, flipped(bytes(size), at))
    assert before.header_sha256 != after.header_sha256
    assert before.blocks_sha256 == after.blocks_sha256


@given(size=st.integers(0, 300))
def test_a_small_file_is_read_whole_and_the_last_byte_always(size: int) -> None:
    read = covered(size)
    assert max(read, default=0) == max(0, size - 1)
    assert len(read) == size if size <= 48 else len(read) <= 48


def test_blocks_are_spread_evenly_to_the_end() -> None:
    # After a header of 16: 84 bytes, 4 blocks of 8, from 16 to 92.
    assert SMALL.spans(100) == ((16, 8), (41, 8), (66, 8), (92, 8))
    assert SMALL.spans(48) == ((16, 32),)
    assert SMALL.spans(10) == ()


def test_a_look_at_a_large_file_reads_little_of_it() -> None:
    usual = Sampling()
    read = usual.header_bytes + sum(length for _, length in usual.spans(40 << 30))
    assert read == (8 << 20) + 64 * (64 << 10)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        sample(tmp_path / "none")
    with pytest.raises(UserError, match="No such file"):
        HashCache(tmp_path / "hashes.json").hashed(tmp_path / "none")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    written(path, bytes(200))
    return path


def written(path: Path, data: bytes, at_ns: int = LONG_AGO_NS) -> None:
    """`data` in place, with a time of change of one's own."""
    with path.open("r+b" if path.exists() else "wb") as stream:
        stream.truncate()
        stream.write(data)
    os.utime(path, ns=(at_ns, at_ns))


@pytest.fixture
def cache(tmp_path: Path) -> HashCache:
    return HashCache(tmp_path / "cache" / "hashes.json", SMALL)


def test_the_whole_hash_is_remembered(cache: HashCache, model: Path) -> None:
    first, second = cache.hashed(model), cache.hashed(model)
    assert first.sha256 == second.sha256 == hashlib.sha256(bytes(200)).hexdigest()
    assert (first.remembered, second.remembered) == (False, True)


def test_a_file_that_was_moved_is_still_known(cache: HashCache, model: Path) -> None:
    cache.hashed(model)
    assert cache.hashed(model.rename(model.with_name("moved.gguf"))).remembered


@pytest.mark.parametrize("at_ns", [LONG_AGO_NS, LONG_AGO_NS + 1])
def test_a_byte_changed_in_place_is_seen_where_the_look_reads_or_the_time_changed(
    cache: HashCache, model: Path, at_ns: int
) -> None:
    before = cache.hashed(model)
    at = 20 if at_ns == LONG_AGO_NS else 30  # 30 lies between two blocks, so only the time tells
    assert (at in covered(200)) is (at_ns == LONG_AGO_NS)
    written(model, flipped(bytes(200), at), at_ns)
    after = cache.hashed(model)
    assert not after.remembered
    assert after.sha256 != before.sha256


def test_what_was_only_touched_is_the_same_file(cache: HashCache, model: Path) -> None:
    before = cache.hashed(model)
    written(model, bytes(200), LONG_AGO_NS + 5)
    after = cache.hashed(model)
    assert (after.sha256, after.remembered) == (before.sha256, False)


def test_a_file_changed_a_moment_ago_is_hashed_again(tmp_path: Path, model: Path) -> None:
    now = LONG_AGO_NS + RACY_NS - 1
    young = HashCache(tmp_path / "h.json", SMALL, now_ns=lambda: now)
    assert not young.hashed(model).remembered
    assert not young.hashed(model).remembered
    old = HashCache(tmp_path / "h.json", SMALL, now_ns=lambda: now + 1)
    assert not old.hashed(model).remembered
    assert old.hashed(model).remembered


def test_a_file_that_is_still_copied_is_no_model_yet(
    cache: HashCache, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = hashlib.file_digest

    def while_it_grows(stream: object, name: str) -> object:
        with model.open("ab") as more:
            more.write(b"more")
        return real(stream, name)  # type: ignore[arg-type]

    monkeypatch.setattr("autotune.nightly.sampled_hash.hashlib.file_digest", while_it_grows)
    with pytest.raises(MachineError, match="changed while it was read"):
        cache.hashed(model)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"schema_version": "file-hashes/0"}', '{"schema_version": '
                '"file-hashes/1", "files": {"1:2": {"size": 1}}}'],
)  # fmt: skip
def test_a_damaged_cache_is_as_good_as_none(cache: HashCache, model: Path, content: str) -> None:
    cache.path.parent.mkdir()
    cache.path.write_text(content)
    assert not cache.hashed(model).remembered
    assert cache.hashed(model).remembered


def test_a_cache_that_cannot_be_written_is_no_reason_to_end(tmp_path: Path, model: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    blocked = HashCache(tmp_path / "file" / "hashes.json", SMALL)
    assert not blocked.hashed(model).remembered


def test_the_oldest_are_forgotten(
    cache: HashCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autotune.nightly.sampled_hash.KEPT", 2)
    files = [tmp_path / f"{n}.gguf" for n in range(3)]
    for path in files:
        written(path, path.name.encode())
        cache.hashed(path)
    assert [cache.hashed(path).remembered for path in files[::-1]] == [True, True, False]
