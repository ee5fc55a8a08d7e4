"""A content store in a local folder, safe against `kill -9` and power failure at any moment.

    blobs/ab/abcdef...      bytes, named by their SHA-256, written once
    sessions/ID.json        a session's paths; replaced atomically, so a publication is one rename
    partials/KEY.part|json  uploads that broke; KEY is a digest of session and path
    drafts/                 bytes on their way in; emptied at start

A blob is durable before a path names it, and a path is gone before its blob is: after a crash there
can be blobs too many, never too few. Those are swept at start.
"""

import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from fivegms_as.errors import StoreDamaged, UnknownContent, UnknownProvisioningSession
from fivegms_as.file_draft import FileDraft
from fivegms_as.files import disk_errors, is_temporary, remove_file, replace_file, sync_folder
from fivegms_as.namespace import (
    Namespace,
    Namespaces,
    StoredObject,
    read_namespace,
    whole_seconds,
    write_namespace,
)
from fivegms_as.store import Addition, Draft, UploadTerms, finished


@dataclass(frozen=True)
class _PartialUpload:
    session: str
    path: str
    terms: UploadTerms


_PARTIAL = TypeAdapter(_PartialUpload)


class FolderStore:
    """The store below `root`, which is made if need be; one process at a time may use it.

    Raises StoreDamaged when a path's bytes are missing.
    """

    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs"
        self._documents = root / "sessions"
        self._partials = root / "partials"
        self._drafts = root / "drafts"
        for folder in (self._blobs, self._documents, self._partials, self._drafts):
            folder.mkdir(parents=True, exist_ok=True)
        self._writing = threading.Lock()
        self._spaces = Namespaces(self._load())
        self._sweep()

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
        """The blob's file; it stays readable while open, even when the last path goes."""
        try:
            return self._blob(stored.sha256).open("rb")
        except FileNotFoundError:
            raise UnknownContent(stored.path) from None

    def place(self, stored: StoredObject, target: Path) -> None:
        """Link or, on another file system, copy the blob to `target`."""
        target.parent.mkdir(parents=True, exist_ok=True)
        blob = self._blob(stored.sha256)
        try:
            with disk_errors():
                _link_or_copy(blob, target)
        except FileNotFoundError:
            raise UnknownContent(stored.path) from None

    def begin(self, session: str, path: str, terms: UploadTerms) -> FileDraft:
        """Start an upload whose bytes survive a crash as a partial upload."""
        file = self._partial(session, path)
        companion = file.with_suffix(".json")
        with self._writing, disk_errors():
            if session not in self._spaces:
                raise UnknownProvisioningSession(session)
            file.unlink(missing_ok=True)
            replace_file(companion, _PARTIAL.dump_json(_PartialUpload(session, path, terms)))
            file.touch()
        return FileDraft(file, terms, companion=companion)

    def resume(self, session: str, path: str) -> FileDraft | None:
        """Continue a partial upload; reads what is there once, for its digest."""
        file = self._partial(session, path)
        companion = file.with_suffix(".json")
        with self._writing, disk_errors():
            upload = _read_upload(companion)
            if upload is None:
                return None
            file.touch()  # a crash may have come between the two files
        draft = FileDraft(file, upload.terms, companion=companion)
        draft.load()
        return draft

    def partial_bytes(self, session: str, path: str) -> int | None:
        """The size of the partial upload's file."""
        file = self._partial(session, path)
        try:
            size_bytes = file.stat().st_size
        except FileNotFoundError:  # a crash may have come between the two files
            size_bytes = 0
        return size_bytes if file.with_suffix(".json").exists() else None

    def abandon(self, session: str, path: str) -> bool:
        """Remove the partial upload's files; whether there were any."""
        companion = self._partial(session, path).with_suffix(".json")
        with self._writing:
            if not companion.exists():
                return False
            _remove_partial(companion)
        return True

    def stage(self, source: Path) -> FileDraft:
        """Take over a file by renaming it; from another file system, by copying."""
        target = self._drafts / secrets.token_hex(16)
        with disk_errors():
            shutil.move(source, target)
        draft = FileDraft(target, UploadTerms("application/octet-stream"))
        draft.load()
        return draft

    def publish(
        self,
        session: str,
        additions: Iterable[Addition],
        removals: Iterable[str],
        now: datetime,
    ) -> None:
        """Move drafts to blobs, then replace the session's document: the one visible step."""
        pending = list(additions)
        if session not in self._spaces:
            for addition in pending:
                addition.draft.discard()
            raise UnknownProvisioningSession(session)
        arriving = finished(pending)
        objects = [_stored(addition, sha256, now) for addition, sha256 in arriving]
        with self._writing, self._undone_on_error(arriving):
            space = self._spaces.changed(session, objects, removals)
            with disk_errors():
                self._move_in(arriving)
                replace_file(self._document(session), write_namespace(space))
            self._remove_blobs(self._spaces.apply(session, space))

    def create_session(self, session: str) -> None:
        """Write an empty document for the session, if it has none."""
        with self._writing:
            if session not in self._spaces:
                replace_file(self._document(session), write_namespace({}))
                self._spaces.apply(session, {})

    def delete_session(self, session: str) -> None:
        """Remove the session's document first, so that its paths are gone whatever follows."""
        with self._writing:
            remove_file(self._document(session))
            self._remove_blobs(self._spaces.apply(session, None))
            for companion, upload in self._uploads():
                if upload.session == session:
                    _remove_partial(companion)

    def _load(self) -> dict[str, list[StoredObject]]:
        documents = [file for file in self._documents.iterdir() if not is_temporary(file)]
        sessions = {file.stem: read_namespace(file.read_bytes()) for file in documents}
        for stored in (stored for objects in sessions.values() for stored in objects):
            blob = self._blob(stored.sha256)
            if not blob.is_file() or blob.stat().st_size != stored.size_bytes:
                raise StoreDamaged(f"{blob} should hold the {stored.size_bytes} bytes of a path")
        return sessions

    def _sweep(self) -> None:
        """Remove what a crash left: temporary files, drafts, blobs that no path names."""
        for folder in (self._documents, self._partials, self._drafts):
            for file in folder.iterdir():
                if folder == self._drafts or is_temporary(file):
                    file.unlink()
        for blob in self._blobs.glob("*/*"):
            if not self._spaces.names(blob.name):
                blob.unlink()
        for companion, upload in self._uploads():
            if upload.session not in self._spaces:
                _remove_partial(companion)
        for file in self._partials.glob("*.part"):
            if not file.with_suffix(".json").exists():
                file.unlink()

    def _uploads(self) -> Iterator[tuple[Path, _PartialUpload]]:
        for companion in self._partials.glob("[!.]*.json"):
            if (upload := _read_upload(companion)) is not None:
                yield companion, upload

    def _move_in(self, arriving: Sequence[tuple[Addition, str]]) -> None:
        folders = set()
        for addition, sha256 in arriving:
            blob = self._blob(sha256)
            draft = _own(addition.draft)
            if blob.exists():
                draft.discard()
                continue
            if not blob.parent.exists():
                blob.parent.mkdir()
                folders.add(self._blobs)
            draft.file.rename(blob)
            draft.release()
            folders.add(blob.parent)
        for folder in folders:
            sync_folder(folder)

    @contextmanager
    def _undone_on_error(self, arriving: Sequence[tuple[Addition, str]]) -> Iterator[None]:
        try:
            yield
        except BaseException:
            for addition, _ in arriving:
                addition.draft.discard()
            self._remove_blobs(sha256 for _, sha256 in arriving if not self._spaces.names(sha256))
            raise

    def _remove_blobs(self, digests: Iterable[str]) -> None:
        for sha256 in digests:
            self._blob(sha256).unlink(missing_ok=True)

    def _blob(self, sha256: str) -> Path:
        return self._blobs / sha256[:2] / sha256

    def _document(self, session: str) -> Path:
        return self._documents / f"{session}.json"

    def _partial(self, session: str, path: str) -> Path:
        key = hashlib.sha256(f"{session}\0{path}".encode()).hexdigest()
        return self._partials / f"{key}.part"


def _stored(addition: Addition, sha256: str, now: datetime) -> StoredObject:
    return StoredObject(
        path=addition.path,
        sha256=sha256,
        size_bytes=addition.draft.size_bytes,
        content_type=addition.content_type,
        modified=whole_seconds(now),
        prepared=addition.prepared,
    )


def _own(draft: Draft) -> FileDraft:
    if not isinstance(draft, FileDraft):
        raise TypeError("a folder store publishes its own drafts only")
    return draft


def _read_upload(companion: Path) -> _PartialUpload | None:
    try:
        return _PARTIAL.validate_json(companion.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise StoreDamaged(f"{companion} is unreadable: {error}") from error


def _remove_partial(companion: Path) -> None:
    companion.with_suffix(".part").unlink(missing_ok=True)
    companion.unlink(missing_ok=True)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)  # another file system, or one without links
