"""One suite for both content stores."""

import hashlib
from datetime import UTC, datetime

import pytest

from fivegms_as.errors import UnknownContent, UnknownProvisioningSession, UploadWithdrawn
from fivegms_as.folder_store import FolderStore
from fivegms_as.memory_store import MemoryStore
from fivegms_as.store import Addition, ContentStore, UploadTerms

NOW = datetime(2026, 11, 1, 12, 0, 0, 999, tzinfo=UTC)
TERMS = UploadTerms("text/plain", total_bytes=3, sha256="00" * 32)


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path) -> ContentStore:
    made = FolderStore(tmp_path / "store") if request.param == "folder" else MemoryStore()
    made.create_session("s1")
    return made


def upload(store, path, data, session="s1"):
    draft = store.begin(session, path, UploadTerms("text/plain"))
    draft.append(data)
    return Addition(path, draft, "text/plain")


def put(store, path, data, session="s1"):
    store.publish(session, [upload(store, path, data, session)], [], NOW)


def read(store, path, session="s1"):
    stored = store.find(session, path)
    assert stored is not None
    with store.open(stored) as file:
        return file.read()


def test_what_was_published_is_found_and_read(store):
    put(store, "a/b.txt", b"abc")
    stored = store.find("s1", "a/b.txt")
    assert stored.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert (stored.size_bytes, stored.content_type) == (3, "text/plain")
    assert stored.modified == NOW.replace(microsecond=0)
    assert stored.etag == f'"{stored.sha256}"'
    assert read(store, "a/b.txt") == b"abc"


def test_names_keep_their_case(store):
    put(store, "A", b"1")
    put(store, "a", b"2")
    assert (read(store, "A"), read(store, "a")) == (b"1", b"2")


def test_a_draft_is_invisible_until_it_is_published(store):
    upload(store, "a", b"abc")
    assert store.find("s1", "a") is None
    assert store.partial_bytes("s1", "a") == 3


def test_a_publication_adds_and_removes_at_once(store):
    put(store, "old", b"old")
    put(store, "kept", b"kept")
    store.publish("s1", [upload(store, "x", b"1"), upload(store, "y", b"2")], ["old"], NOW)
    assert sorted(store.objects("s1")) == ["kept", "x", "y"]


def test_a_reader_keeps_what_it_opened(store):
    put(store, "a", b"old")
    with store.open(store.find("s1", "a")) as file:
        put(store, "a", b"new")
        assert file.read() == b"old"
    assert read(store, "a") == b"new"


def test_bytes_go_with_their_last_name(store):
    put(store, "a", b"same")
    put(store, "b", b"same")
    stored = store.find("s1", "a")
    store.publish("s1", [], ["a"], NOW)
    assert read(store, "b") == b"same"
    store.publish("s1", [], ["b"], NOW)
    with pytest.raises(UnknownContent):
        store.open(stored)


def test_the_same_bytes_again_stay_readable(store):
    put(store, "a", b"same")
    put(store, "a", b"same")
    assert read(store, "a") == b"same"


def test_deleting_a_session_leaves_other_sessions_alone(store):
    store.create_session("s2")
    put(store, "a", b"shared")
    put(store, "a", b"shared", session="s2")
    upload(store, "partial", b"x")
    store.delete_session("s1")
    assert store.sessions() == ("s2",)
    assert read(store, "a", session="s2") == b"shared"
    assert store.partial_bytes("s1", "partial") is None
    with pytest.raises(UnknownProvisioningSession):
        store.objects("s1")


def test_a_session_that_is_deleted_in_the_meantime_gets_nothing(store):
    addition = upload(store, "a", b"abc")
    store.delete_session("s1")
    with pytest.raises(UnknownProvisioningSession):
        store.publish("s1", [addition], [], NOW)
    store.create_session("s1")
    assert store.find("s1", "a") is None
    with pytest.raises(UnknownProvisioningSession):
        store.begin("s2", "a", TERMS)


def test_an_upload_does_not_go_on_in_a_session_that_was_made_anew(store):
    draft = store.begin("s1", "a", UploadTerms("text/plain"))
    draft.append(b"abc")
    store.delete_session("s1")
    store.create_session("s1")
    with pytest.raises(UploadWithdrawn):
        draft.append(b"def")
    with pytest.raises(UploadWithdrawn):
        draft.suspend()
    with pytest.raises(UploadWithdrawn):
        store.publish("s1", [Addition("a", draft, "text/plain")], [], NOW)
    draft.discard()
    assert store.find("s1", "a") is None
    assert store.partial_bytes("s1", "a") is None


def test_of_drafts_that_cannot_all_be_finished_none_is_kept(store):
    withdrawn = upload(store, "a", b"abc", "s1")
    store.abandon("s1", "a")
    other = upload(store, "b", b"other")
    with pytest.raises(UploadWithdrawn):
        store.publish("s1", [other, withdrawn], [], NOW)
    assert store.find("s1", "b") is None
    assert store.partial_bytes("s1", "b") is None


def test_the_digest_of_a_draft_is_that_of_what_came_so_far(store):
    draft = store.begin("s1", "a", TERMS)
    for size_bytes, data in enumerate((b"a", b"b", b"c"), 1):
        draft.append(data)
        assert draft.sha256 == hashlib.sha256(b"abc"[:size_bytes]).hexdigest()
    assert store.resume("s1", "a").sha256 == draft.finish() == draft.sha256


def test_a_suspended_upload_is_resumed(store):
    draft = store.begin("s1", "a", TERMS)
    draft.append(b"ab")
    draft.suspend()
    again = store.resume("s1", "a")
    assert (again.size_bytes, again.terms) == (2, TERMS)
    again.append(b"c")
    assert again.finish() == hashlib.sha256(b"abc").hexdigest()
    store.publish("s1", [Addition("a", again, "text/plain")], [], NOW)
    assert read(store, "a") == b"abc"
    assert store.resume("s1", "a") is None
    assert store.partial_bytes("s1", "a") is None


def test_a_discarded_upload_is_gone(store):
    draft = store.begin("s1", "a", TERMS)
    draft.append(b"ab")
    draft.discard()
    assert store.resume("s1", "a") is None


def test_an_abandoned_upload_is_gone(store):
    draft = upload(store, "a", b"abc").draft
    put(store, "b", b"abc")
    assert store.abandon("s1", "a") is True
    assert (store.partial_bytes("s1", "a"), store.resume("s1", "a")) == (None, None)
    assert store.abandon("s1", "a") is False
    assert read(store, "b") == b"abc"
    with pytest.raises(UploadWithdrawn):
        draft.append(b"d")


def test_a_new_upload_replaces_a_partial_one(store):
    store.begin("s1", "a", TERMS).append(b"old")
    fresh = store.begin("s1", "a", TERMS)
    assert (fresh.size_bytes, store.partial_bytes("s1", "a")) == (0, 0)


def test_a_staged_file_is_taken_over(store, tmp_path):
    source = tmp_path / "made"
    source.write_bytes(b"abc")
    draft = store.stage(source)
    store.publish("s1", [Addition("a", draft, "text/plain", template="t1")], [], NOW)
    assert read(store, "a") == b"abc"
    assert store.find("s1", "a").templates == ("t1",)
    assert not source.exists()


def test_content_is_placed_as_a_file(store, tmp_path):
    put(store, "a", b"abc")
    stored = store.find("s1", "a")
    store.place(stored, tmp_path / "deep" / "file")
    assert (tmp_path / "deep" / "file").read_bytes() == b"abc"
    store.publish("s1", [], ["a"], NOW)
    with pytest.raises(UnknownContent):
        store.place(stored, tmp_path / "other")
