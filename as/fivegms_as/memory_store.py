"""A content store in memory with a capacity: for tests, and for servers that may forget."""

import hashlib
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from fivegms_as.errors import (
    StoreFull,
    UnknownContent,
    UnknownProvisioningSession,
    UploadWithdrawn,
)
from fivegms_as.namespace import Namespace, Namespaces, StoredObject
from fivegms_as.store import Addition, UploadTerms, finished

UploadKey = tuple[str, str]


class MemoryDraft:
    """Bytes on their way into a `MemoryStore`; `key` is the upload's session and path."""

    def __init__(self, store: "MemoryStore", terms: UploadTerms, key: UploadKey | None) -> None:
        self._store = store
        self._terms = terms
        self._key = key
        self._withdrawn = False
        self._hash = hashlib.sha256()
        self.data = bytearray()
        self.touched = datetime.now(UTC)

    @property
    def size_bytes(self) -> int:
        """How many bytes came so far."""
        return len(self.data)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes that came so far, in hex."""
        return self._hash.hexdigest()

    @property
    def terms(self) -> UploadTerms:
        """What was announced."""
        return self._terms

    def append(self, data: bytes | bytearray) -> None:
        """Add bytes. Raises StoreFull, UploadWithdrawn."""
        self._check()
        self._store.take(len(data))
        self.data += data
        self.touched = datetime.now(UTC)
        self._hash.update(data)

    def finish(self) -> str:
        """The SHA-256 in hex. Raises UploadWithdrawn."""
        self._check()
        return self.sha256

    def suspend(self) -> None:
        """The store holds on to the drafts of uploads. Raises UploadWithdrawn."""
        self._check()

    def discard(self) -> None:
        """Give the room back."""
        self._withdrawn = True
        self._store.give(len(self.data))
        self.data = bytearray()
        if self._key is not None:
            self._store.forget(self._key)

    def _check(self) -> None:
        if self._withdrawn:
            raise UploadWithdrawn


class MemoryStore:
    """A store of `capacity_bytes`, blobs and drafts together."""

    def __init__(self, capacity_bytes: int = 2**30) -> None:
        self._free = capacity_bytes
        self._blobs: dict[str, bytes] = {}
        self._uploads: dict[UploadKey, MemoryDraft] = {}
        self._spaces = Namespaces({})
        self._writing = threading.RLock()

    def sessions(self) -> tuple[str, ...]:
        """Every session, in order."""
        return self._spaces.sessions()

    def find(self, session: str, path: str) -> StoredObject | None:
        """The object at a path, if there is one."""
        return self._spaces.find(session, path)

    def objects(self, session: str) -> Namespace:
        """All paths of a session. Raises UnknownProvisioningSession."""
        return self._spaces.objects(session)

    def open(self, stored: StoredObject) -> BinaryIO:
        """The bytes as a stream. Raises UnknownContent."""
        return BytesIO(self._bytes(stored))

    def place(self, stored: StoredObject, target: Path) -> None:
        """Write the bytes to `target`. Raises UnknownContent."""
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self._bytes(stored))

    def begin(self, session: str, path: str, terms: UploadTerms) -> MemoryDraft:
        """Start an upload, in place of a partial one of that path."""
        if session not in self._spaces:
            raise UnknownProvisioningSession(session)
        with self._writing:
            if earlier := self._uploads.get((session, path)):
                earlier.discard()
            draft = self._uploads[session, path] = MemoryDraft(self, terms, (session, path))
        return draft

    def resume(self, session: str, path: str) -> MemoryDraft | None:
        """Continue the partial upload of that path, if there is one."""
        return self._uploads.get((session, path))

    def partial_bytes(self, session: str, path: str) -> int | None:
        """How much a partial upload of that path has; None where there is none."""
        draft = self._uploads.get((session, path))
        return None if draft is None else draft.size_bytes

    def abandon(self, session: str, path: str) -> bool:
        """Discard the partial upload of that path; whether there was one."""
        with self._writing:
            draft = self._uploads.get((session, path))
            if draft is None:
                return False
            draft.discard()
        return True

    def sweep_uploads(self, before: datetime) -> int:
        """Discard the partial uploads that nobody continued since then; returns how many."""
        with self._writing:
            old = [draft for draft in self._uploads.values() if draft.touched < before]
            for draft in old:
                draft.discard()
        return len(old)

    def stage(self, source: Path) -> MemoryDraft:
        """Read a whole file and remove it."""
        draft = MemoryDraft(self, UploadTerms("application/octet-stream"), None)
        draft.append(source.read_bytes())
        source.unlink()
        return draft

    def publish(
        self,
        session: str,
        additions: Iterable[Addition],
        removals: Iterable[str],
        now: datetime,
    ) -> None:
        """Give drafts their paths and take other paths away, all at once."""
        arriving = list(additions)
        with self._writing:
            if session not in self._spaces:
                for addition in arriving:
                    addition.draft.discard()
                raise UnknownProvisioningSession(session)
            objects = [self._move_in(session, *one, now) for one in finished(arriving)]
            space = self._spaces.changed(session, objects, removals)
            self._remove_blobs(self._spaces.apply(session, space))

    def create_session(self, session: str) -> None:
        """Make room for a session, if there is none."""
        with self._writing:
            if session not in self._spaces:
                self._spaces.apply(session, {})

    def delete_session(self, session: str) -> None:
        """Remove a session, its partial uploads and the bytes that nothing else names."""
        with self._writing:
            self._remove_blobs(self._spaces.apply(session, None))
            for key in [key for key in self._uploads if key[0] == session]:
                self._uploads[key].discard()

    def take(self, size_bytes: int) -> None:
        """Claim room. Raises StoreFull."""
        with self._writing:
            if size_bytes > self._free:
                raise StoreFull(f"the store has room for {self._free} more bytes only")
            self._free -= size_bytes

    def give(self, size_bytes: int) -> None:
        """Return room."""
        with self._writing:
            self._free += size_bytes

    def forget(self, key: UploadKey) -> None:
        """Drop the record of an upload."""
        self._uploads.pop(key, None)

    def _move_in(
        self, session: str, addition: Addition, sha256: str, now: datetime
    ) -> StoredObject:
        stored = addition.stored(sha256, self.find(session, addition.path), now)
        data = _own(addition).data
        addition.draft.discard()  # its room is what the blob takes
        if sha256 not in self._blobs:
            self.take(len(data))
            self._blobs[sha256] = bytes(data)
        return stored

    def _remove_blobs(self, digests: Iterable[str]) -> None:
        for sha256 in digests:
            self.give(len(self._blobs.pop(sha256)))

    def _bytes(self, stored: StoredObject) -> bytes:
        try:
            return self._blobs[stored.sha256]
        except KeyError:
            raise UnknownContent(stored.path) from None


def _own(addition: Addition) -> MemoryDraft:
    if not isinstance(addition.draft, MemoryDraft):
        raise TypeError("a memory store publishes its own drafts only")
    return addition.draft
