"""What only a store on a disk can show: restarts, leftovers, damage, and a disk without room."""

import hashlib
import json
import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from fivegms_as.documents import FolderDocuments
from fivegms_as.errors import StoreFull
from fivegms_as.file_draft import FileDraft
from fivegms_as.folder_store import FolderStore
from fivegms_as.memory_store import MemoryStore
from fivegms_as.quarantine import Quarantine
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


def quarantined(root):
    return sorted(file.name for file in (root / "quarantine").iterdir())


@pytest.mark.parametrize("damage", ["lost", "short"])
def test_a_path_whose_bytes_are_missing_is_gone_and_the_others_stay(root, damage):
    put(FolderStore(root), "b", b"intact")
    (blob,) = (root / "blobs").glob(f"*/{hashlib.sha256(b'abc').hexdigest()}")
    blob.unlink() if damage == "lost" else blob.write_bytes(b"ab")
    for _ in range(2):
        assert sorted(FolderStore(root).objects("s1")) == ["b"]
        assert quarantined(root) == ["sessions-s1.json"]


@pytest.mark.parametrize("document", [b"", b"[", b'[{"path": 1}]', b'"prepared":true'])
def test_an_unreadable_list_of_paths_is_set_aside(root, document):
    (root / "sessions" / "s1.json").write_bytes(document)
    assert FolderStore(root).objects("s1") == {}
    assert quarantined(root) == ["sessions-s1.json"]
    assert (root / "quarantine" / "sessions-s1.json").read_bytes() == document


def test_an_unreadable_partial_upload_is_set_aside(root):
    (root / "partials" / "x.json").write_bytes(b"{")
    (root / "partials" / "x.part").write_bytes(b"12")
    FolderStore(root)
    assert quarantined(root) == ["partials-x.json"]
    assert list((root / "partials").iterdir()) == []


def test_nothing_set_aside_takes_the_place_of_what_was_before_it(tmp_path):
    quarantine = Quarantine(tmp_path / "quarantine")
    for number in range(3):
        (tmp_path / "x.json").write_bytes(bytes([number]))
        quarantine.set_aside(tmp_path / "x.json", "why not")
    kept = sorted((tmp_path / "quarantine").iterdir())
    assert [file.read_bytes() for file in kept] == [b"\0", b"\1", b"\2"]
    assert quarantine.count == 3


def test_prepared_paths_of_no_known_template_are_made_again(root):
    document = root / "sessions" / "s1.json"
    (entry,) = json.loads(document.read_bytes())
    entries = [entry, entry | {"path": "made", "prepared": True}]
    document.write_bytes(json.dumps(entries, separators=(",", ":")).encode())
    assert sorted(FolderStore(root).objects("s1")) == ["a"]


@pytest.mark.parametrize("store_of", [FolderStore, lambda _: MemoryStore()])
def test_uploads_that_nobody_continues_are_swept(tmp_path, store_of):
    store = store_of(tmp_path)
    store.create_session("s1")
    store.begin("s1", "part", TERMS).append(b"12")
    assert store.sweep_uploads(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert store.partial_bytes("s1", "part") == 2
    assert store.sweep_uploads(datetime.now(UTC) + timedelta(hours=1)) == 1
    assert store.partial_bytes("s1", "part") is None


def test_documents_survive_and_half_written_ones_do_not(tmp_path):
    quarantine = Quarantine(tmp_path.parent / "quarantine")
    documents = FolderDocuments(tmp_path, quarantine)
    documents.save("a", b"1")
    documents.save("a", b"2")
    documents.save("b", b"3")
    documents.remove("b")
    (tmp_path / ".a.json.0").write_bytes(b"half")
    assert FolderDocuments(tmp_path, quarantine).load() == {"a": b"2"}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").stat().st_mode & 0o077 == 0


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
