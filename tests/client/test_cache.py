import os
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from fivegms_client.cache import SegmentCache, default_cache_folder, write_atomically
from fivegms_client.errors import CacheUnusable
from fivegms_manifests.model import SegmentRef


def part(data: bytes) -> SegmentRef:
    digest = sha256(data).hexdigest()
    return SegmentRef(f"segments/{digest}.m4s", digest, len(data))


def stored(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


DATA = [bytes([number]) * 100 for number in range(5)]


def test_what_was_put_is_given_back(tmp_path: Path) -> None:
    cache = SegmentCache(tmp_path)
    assert cache.get(part(DATA[0])) is None
    cache.put(part(DATA[0]), DATA[0])
    assert cache.get(part(DATA[0])) == DATA[0]
    assert SegmentCache(tmp_path).get(part(DATA[0])) == DATA[0]


@pytest.mark.parametrize("damage", [b"", b"\1" * 100, b"\0" * 99, b"\0" * 101])
def test_a_damaged_file_is_not_given_back_and_is_removed(tmp_path: Path, damage: bytes) -> None:
    cache = SegmentCache(tmp_path)
    cache.put(part(DATA[0]), DATA[0])
    (file,) = stored(tmp_path)
    file.write_bytes(damage)
    assert cache.get(part(DATA[0])) is None
    assert not stored(tmp_path)


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = SegmentCache(tmp_path, max_bytes=300)
    for age, data in enumerate(DATA[:3]):
        cache.put(part(data), data)
        os.utime(tmp_path / part(data).sha256[:2] / part(data).sha256, (age, age))
    assert cache.get(part(DATA[0])) == DATA[0]  # used now, so no longer the oldest
    cache.put(part(DATA[3]), DATA[3])
    kept = [data for data in DATA if cache.get(part(data)) is not None]
    assert kept == [DATA[0], DATA[2], DATA[3]]
    assert cache.size_bytes() == 300


def test_what_does_not_fit_at_all_is_not_kept(tmp_path: Path) -> None:
    cache = SegmentCache(tmp_path, max_bytes=99)
    cache.put(part(DATA[0]), DATA[0])
    assert not stored(tmp_path)


def test_two_caches_share_a_folder(tmp_path: Path) -> None:
    one, other = SegmentCache(tmp_path, max_bytes=200), SegmentCache(tmp_path, max_bytes=200)
    for index, data in enumerate(DATA):
        (one if index % 2 else other).put(part(data), data)
    assert one.size_bytes() <= 300
    one.put(part(b"last" * 25), b"last" * 25)
    one.put(part(b"more" * 25), b"more" * 25)
    assert one.size_bytes() == 200


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CacheUnusable, match="cannot take "):
        SegmentCache(tmp_path / "file").put(part(DATA[0]), DATA[0])


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    blocked = tmp_path / part(DATA[0]).sha256[:2] / part(DATA[0]).sha256
    blocked.mkdir(parents=True)
    with pytest.raises(CacheUnusable):
        SegmentCache(tmp_path).put(part(DATA[0]), DATA[0])
    assert not stored(tmp_path)


def test_what_stands_where_a_segment_belongs_stops_writing_not_reading(tmp_path: Path) -> None:
    blocked = tmp_path / part(DATA[0]).sha256[:2] / part(DATA[0]).sha256
    blocked.mkdir(parents=True)
    cache = SegmentCache(tmp_path)
    assert cache.get(part(DATA[0])) is None
    with pytest.raises(CacheUnusable):
        cache.put(part(DATA[0]), DATA[0])


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    cache = SegmentCache(tmp_path)
    path = tmp_path / part(DATA[0]).sha256[:2] / part(DATA[0]).sha256
    path.mkdir(parents=True)
    size = path.stat().st_size
    assert stat.S_ISDIR(path.stat().st_mode)
    odd = SegmentRef("x", part(DATA[0]).sha256, size)
    with pytest.raises(CacheUnusable, match="cannot be read"):
        cache.get(odd)


def test_the_default_folder_is_the_users() -> None:
    assert default_cache_folder().is_absolute()


def test_who_may_read_what_is_kept_is_the_users_matter(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    kept = tmp_path / "kept"
    write_atomically(kept, b"model")
    assert stat.S_IMODE(kept.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    assert sorted(tmp_path.iterdir()) == [kept, plain]
