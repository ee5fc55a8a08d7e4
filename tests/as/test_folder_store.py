"""What only a store on a disk can show: restarts, leftovers, damage, and a disk without room."""

import os
import subprocess
from datetime import UTC, datetime

import pytest

from fivegms_as.documents import FolderDocuments
from fivegms_as.errors import StoreDamaged, StoreFull
from fivegms_as.file_draft import FileDraft
from fivegms_as.folder_store import FolderStore
from fivegms_as.memory_store import MemoryStore
from fivegms_as.store import Addition, UploadTerms

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
TERMS = UploadTerms("text/plain")


def put(store, path, data):
    draft = store.begin("s1", path, TERMS)
    draft.append(data)
    store.publish("s1", [Addition(path, draft, "text/plain")], [], NOW)


@pytest.fixture
def root(tmp_path):
    store = FolderStore(tmp_path)
    store.create_session("s1")
    put(store, "a", b"abc")
    return tmp_path


def test_everything_survives_a_restart(root):
    draft = FolderStore(root).begin("s1", "part", UploadTerms("x/y", 9, "11" * 32))
    draft.append(b"12")
    again = FolderStore(root)
    with again.open(again.find("s1", "a")) as file:
        assert file.read() == b"abc"
    resumed = again.resume("s1", "part")
    assert (resumed.size_bytes, resumed.terms) == (2, UploadTerms("x/y", 9, "11" * 32))


def test_leftovers_of_a_crash_are_swept_at_start(root):
    orphan = root / "blobs" / "00" / ("00" * 32)
    orphan.parent.mkdir()
    strays = [
        orphan,
        root / "drafts" / "x",
        root / "sessions" / ".s1.json.0",
        root / "partials" / ("0" * 64 + ".part"),
    ]
    for stray in strays:
        stray.write_bytes(b"half")
    store = FolderStore(root)
    assert not any(stray.exists() for stray in strays)
    assert store.find("s1", "a") is not None


def test_an_upload_whose_bytes_a_crash_took_has_none(root):
    store = FolderStore(root)
    store.begin("s1", "part", TERMS).file.unlink()
    assert store.partial_bytes("s1", "part") == 0
    assert store.partial_bytes("s1", "other") is None


def test_a_partial_upload_of_a_session_that_is_gone_is_swept(root):
    FolderStore(root).begin("s1", "part", TERMS).append(b"12")
    (root / "sessions" / "s1.json").unlink()
    FolderStore(root)
    assert list((root / "partials").iterdir()) == []


@pytest.mark.parametrize("damage", ["lost", "short"])
def test_missing_bytes_are_told_at_start(root, damage):
    (blob,) = (root / "blobs").glob("*/*")
    blob.unlink() if damage == "lost" else blob.write_bytes(b"ab")
    with pytest.raises(StoreDamaged, match=blob.name):
        FolderStore(root)


@pytest.mark.parametrize("document", [b"", b"[", b'[{"path": 1}]'])
def test_an_unreadable_list_of_paths_is_told_at_start(root, document):
    (root / "sessions" / "s1.json").write_bytes(document)
    with pytest.raises(StoreDamaged):
        FolderStore(root)


def test_an_unreadable_partial_upload_is_told_at_start(root):
    (root / "partials" / "x.json").write_bytes(b"{")
    with pytest.raises(StoreDamaged):
        FolderStore(root)


def test_documents_survive_and_half_written_ones_do_not(tmp_path):
    documents = FolderDocuments(tmp_path)
    documents.save("a", b"1")
    documents.save("a", b"2")
    documents.save("b", b"3")
    documents.remove("b")
    (tmp_path / ".a.json.0").write_bytes(b"half")
    assert FolderDocuments(tmp_path).load() == {"a": b"2"}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_device_without_room_is_a_full_store(tmp_path):
    file = tmp_path / "draft"
    file.symlink_to("/dev/full")
    draft = FileDraft(file, TERMS)
    with pytest.raises(StoreFull):
        draft.append(b"x")
    draft.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_store(tmp_path):
    """A store with room for 256 KiB: on a disk of its own where we may mount one."""
    if os.geteuid() != 0:
        yield MemoryStore(capacity_bytes=256 * 1024)
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        yield MemoryStore(capacity_bytes=256 * 1024)
        return
    yield FolderStore(tmp_path)
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_disk_loses_nothing_and_takes_more_once_there_is_room(small_store):
    store = small_store
    store.create_session("s1")
    put(store, "a", b"a" * 100_000)
    draft = store.begin("s1", "b", TERMS)
    draft.append(b"b" * 100_000)
    with pytest.raises(StoreFull):
        draft.append(b"b" * 100_000)
    draft.discard()
    with store.open(store.find("s1", "a")) as file:
        assert file.read() == b"a" * 100_000
    assert sorted(store.objects("s1")) == ["a"]
    put(store, "c", b"c" * 50_000)
    store.publish("s1", [], ["a"], NOW)
    put(store, "b", b"b" * 150_000)
    assert sorted(store.objects("s1")) == ["b", "c"]
