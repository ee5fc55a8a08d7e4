"""The content store: bytes named by digest, paths named by session. Two implementations keep to it.

`find` and `objects` answer from memory and may be called on the event loop; everything else may
wait for a disk and belongs on a thread. A `Draft` is bytes on their way in, invisible until
`publish` gives them a path; `publish` is all or nothing, also across a power failure.

Raises, from every method that writes: StoreFull.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from fivegms_as.namespace import Namespace, PulledFrom, StoredObject, whole_seconds


@dataclass(frozen=True, slots=True)
class UploadTerms:
    """What the first request of an upload said: the type, and size and SHA-256 where announced."""

    content_type: str
    total_bytes: int | None = None
    sha256: str | None = None


class Draft(Protocol):
    """Bytes on their way in. One thread at a time."""

    @property
    def size_bytes(self) -> int:
        """How many bytes came so far."""

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes that came so far, in hex."""

    @property
    def terms(self) -> UploadTerms:
        """What was announced."""

    def append(self, data: bytes | bytearray) -> None:
        """Add bytes. Raises StoreFull; the draft is then good for `discard` only.

        Raises UploadWithdrawn once the upload's session was deleted, as `finish` and `suspend` do.
        """

    def finish(self) -> str:
        """Make the bytes durable; returns their SHA-256 in hex."""

    def suspend(self) -> None:
        """Keep what came, to be resumed under its path later."""

    def discard(self) -> None:
        """Forget everything that came."""


@dataclass(frozen=True, slots=True)
class Addition:
    """A draft that has all its bytes, and the path it is to have.

    `template` is the one that made it, `pulled` where it was fetched; what has neither was pushed.
    """

    path: str
    draft: Draft
    content_type: str
    template: str | None = None
    pulled: PulledFrom | None = None

    def stored(self, sha256: str, earlier: StoredObject | None, now: datetime) -> StoredObject:
        """The object that the path stands for from now on.

        Templates may share a path, such as a segment named by its digest: it remembers them all.
        """
        others = earlier.templates if earlier is not None else ()
        made_by = {self.template, *others} if self.template is not None else ()
        return StoredObject(
            path=self.path,
            sha256=sha256,
            size_bytes=self.draft.size_bytes,
            content_type=self.content_type,
            modified=whole_seconds(now),
            templates=tuple(sorted(template for template in made_by if template is not None)),
            pulled=self.pulled,
        )


def finished(additions: Sequence[Addition]) -> list[tuple[Addition, str]]:
    """Every addition with the SHA-256 of its draft; where one cannot be finished, none is kept."""
    try:
        return [(addition, addition.draft.finish()) for addition in additions]
    except BaseException:
        for addition in additions:
            addition.draft.discard()
        raise


class ContentStore(Protocol):
    """Where an Application Server keeps content."""

    def sessions(self) -> tuple[str, ...]:
        """Every session, in order."""

    def find(self, session: str, path: str) -> StoredObject | None:
        """The object at a path, if there is one."""

    def objects(self, session: str) -> Namespace:
        """All paths of a session. Raises UnknownProvisioningSession."""

    def open(self, stored: StoredObject) -> BinaryIO:
        """The bytes, to be closed by the caller. Raises UnknownContent when they are gone."""

    def place(self, stored: StoredObject, target: Path) -> None:
        """Put the bytes at `target`, for reading. Raises UnknownContent when they are gone."""

    def begin(self, session: str, path: str, terms: UploadTerms) -> Draft:
        """Start an upload, in place of a partial one of that path."""

    def resume(self, session: str, path: str) -> Draft | None:
        """Continue the partial upload of that path, if there is one."""

    def partial_bytes(self, session: str, path: str) -> int | None:
        """How much a partial upload of that path has; None where there is none."""

    def abandon(self, session: str, path: str) -> bool:
        """Forget the partial upload of that path, unread; whether there was one."""

    def sweep_uploads(self, before: datetime) -> int:
        """Forget the partial uploads that nobody continued since then; returns how many."""

    def stage(self, source: Path) -> Draft:
        """Take over a whole file; it is gone from `source` when published."""

    def publish(
        self,
        session: str,
        additions: Iterable[Addition],
        removals: Iterable[str],
        now: datetime,
    ) -> None:
        """Finish drafts and give them their paths, and take other paths away, all at once.

        Raises UnknownProvisioningSession, UploadWithdrawn; the drafts are discarded with any error.
        """

    def create_session(self, session: str) -> None:
        """Make room for a session, if there is none."""

    def delete_session(self, session: str) -> None:
        """Remove a session, its partial uploads and the bytes that nothing else names."""
