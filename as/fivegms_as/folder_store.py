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
    write_namespace,
)
from fivegms_as.quarantine import Quarantine
from fivegms_as.store import Addition, Draft, UploadTerms, finished


@dataclass(frozen=True)
class _PartialUpload:
    session: str
    path: str
    terms: UploadTerms


_PARTIAL = TypeAdapter(_PartialUpload)


class FolderStore:
    """The store below `root`, which is made if need be; one process at a time may use it.

    What cannot be read is set aside: a session whose paths are unreadable starts empty, a path
    whose bytes are missing is gone.
    """

    def __init__(self, root: Path, quarantine: Quarantine | None = None) -> None:
        self._quarantine = quarantine or Quarantine(root / "quarantine")
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
        with self._writing, self._undone_on_error(arriving):
            objects = [
                addition.stored(sha256, self.find(session, addition.path), now)
                for addition, sha256 in arriving
            ]
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

    def sweep_uploads(self, before: datetime) -> int:
        """Remove partial uploads by the time that their files were last written."""
        swept = 0
        with self._writing:
            for companion, _ in list(self._uploads()):
                part = companion.with_suffix(".part")
                newest = part if part.exists() else companion
                if newest.stat().st_mtime < before.timestamp():
                    _remove_partial(companion)
                    swept += 1
        return swept

    def _load(self) -> dict[str, list[StoredObject]]:
        documents = [file for file in self._documents.iterdir() if not is_temporary(file)]
        return {file.stem: self._load_session(file) for file in documents}

    def _load_session(self, document: Path) -> list[StoredObject]:
        """The paths of a session that have their bytes; the document goes where any is lost."""
        try:
            objects = read_namespace(document.read_bytes())
        except StoreDamaged as error:
            self._replace_damaged(document, [], str(error))
            return []
        whole = [stored for stored in objects if self._is_whole(stored)]
        if len(whole) < len(objects):
            lost = [stored.path for stored in objects if not self._is_whole(stored)]
            reason = f"{len(lost)} paths have lost their bytes, {lost[0]} the first"
            self._replace_damaged(document, whole, reason)
        return whole

    def _replace_damaged(self, document: Path, whole: list[StoredObject], reason: str) -> None:
        self._quarantine.set_aside(document, reason)
        replace_file(document, write_namespace({stored.path: stored for stored in whole}))

    def _is_whole(self, stored: StoredObject) -> bool:
        blob = self._blob(stored.sha256)
        return blob.is_file() and blob.stat().st_size == stored.size_bytes

    def _sweep(self) -> None:
        """Remove what a crash left: temporary files, drafts, blobs that no path names."""
        for folder in (self._documents, self._partials, self._drafts):
            for file in folder.iterdir():
                if folder == self._drafts or is_temporary(file):
                    file.unlink()
        for blob in self._blobs.glob("*/*"):
            if not self._spaces.names(blob.name):
                blob.unlink()
        for companion in self._partials.glob("[!.]*.json"):
            try:
                upload = _read_upload(companion)
            except StoreDamaged as error:
                self._quarantine.set_aside(companion, str(error))
                continue
            if upload is not None and upload.session not in self._spaces:
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
