"""Which paths a session has, and which bytes they stand for: pure bookkeeping, no disk.

Bytes are stored once per digest, however many paths and sessions name them; a digest that no path
names any longer is dead. Readers see a session's mapping before a change or after it, never in
between.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from pydantic import AwareDatetime, TypeAdapter

from fivegms_as.errors import StoreDamaged, UnknownProvisioningSession

Namespace = Mapping[str, "StoredObject"]
_UNATTRIBUTED = b'"prepared":true'


@dataclass(frozen=True, slots=True)
class PulledFrom:
    """Where the bytes of a path were fetched, and the entity tag that the origin gave them."""

    url: str
    etag: str | None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The content of one path: bytes by SHA-256 in hex, and what a reader is told of them.

    `modified` is UTC in whole seconds. `templates` are the Content Preparation Templates that made
    it; what has none was ingested, and `pulled` says from where if it was not pushed.
    """

    path: str
    sha256: str
    size_bytes: int
    content_type: str
    modified: AwareDatetime
    templates: tuple[str, ...] = ()
    pulled: PulledFrom | None = None

    @property
    def prepared(self) -> bool:
        """Whether a preparation put it there."""
        return bool(self.templates)

    @property
    def etag(self) -> str:
        """The strong entity tag, quoted (RFC 9110 8.8.3)."""
        return f'"{self.sha256}"'


class Namespaces:
    """The paths of all sessions, and how often each digest is named."""

    def __init__(self, sessions: Mapping[str, Iterable[StoredObject]]) -> None:
        self._sessions = {name: _frozen(objects) for name, objects in sessions.items()}
        self._names = Counter(
            stored.sha256 for space in self._sessions.values() for stored in space.values()
        )

    def __contains__(self, session: str) -> bool:
        return session in self._sessions

    def sessions(self) -> tuple[str, ...]:
        """Every session's id, in order."""
        return tuple(sorted(self._sessions))

    def find(self, session: str, path: str) -> StoredObject | None:
        """The object at a path, if there is one."""
        space = self._sessions.get(session)
        return None if space is None else space.get(path)

    def objects(self, session: str) -> Namespace:
        """A session's paths as they are now. Raises UnknownProvisioningSession."""
        try:
            return self._sessions[session]
        except KeyError:
            raise UnknownProvisioningSession(session) from None

    def names(self, sha256: str) -> int:
        """How many paths stand for these bytes."""
        return self._names[sha256]

    def changed(
        self, session: str, additions: Iterable[StoredObject], removals: Iterable[str]
    ) -> Namespace:
        """What a session's paths would be; an addition wins over a removal of the same path.

        Raises UnknownProvisioningSession.
        """
        gone = frozenset(removals)
        kept = (stored for path, stored in self.objects(session).items() if path not in gone)
        return _frozen((*kept, *additions))

    def apply(self, session: str, space: Namespace | None) -> frozenset[str]:
        """Replace a session's paths (None: drop the session); returns the digests that died."""
        before = self._sessions.get(session, {})
        self._names.update(stored.sha256 for stored in (space or {}).values())
        self._names.subtract(stored.sha256 for stored in before.values())
        if space is None:
            self._sessions.pop(session, None)
        else:
            self._sessions[session] = space
        dead = {o.sha256 for o in before.values() if self._names[o.sha256] == 0}
        for sha256 in dead:
            del self._names[sha256]
        return frozenset(dead)


def write_namespace(space: Namespace) -> bytes:
    """The JSON document of a session's paths, in order of path."""
    return _OBJECTS.dump_json([space[path] for path in sorted(space)])


def read_namespace(document: bytes) -> list[StoredObject]:
    """The inverse of `write_namespace`. Raises StoreDamaged.

    Prepared paths were once marked without their template; they are left out, to be made again.
    """
    try:
        if _UNATTRIBUTED in document:
            entries = [entry for entry in json.loads(document) if not entry.get("prepared")]
            document = json.dumps(entries).encode()
        return _OBJECTS.validate_json(document)
    except ValueError as error:
        raise StoreDamaged(f"a session's list of paths is unreadable: {error}") from error


def whole_seconds(moment: datetime) -> datetime:
    """The moment without its fraction, which an HTTP date cannot carry."""
    return moment.replace(microsecond=0)


_OBJECTS = TypeAdapter(list[StoredObject])


def _frozen(objects: Iterable[StoredObject]) -> Namespace:
    return MappingProxyType({stored.path: stored for stored in objects})
