"""Pulled objects in order of use, and which of them have to go: bookkeeping, without the bytes."""

from collections import OrderedDict
from collections.abc import Container, Mapping

Key = tuple[str, str]
"""A session and a content path."""


class PullCache:
    """At most `capacity_bytes` of objects; the least recently used goes first."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity = capacity_bytes
        self._size = 0
        self._sizes: OrderedDict[Key, int] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._sizes

    @property
    def size_bytes(self) -> int:
        """What the objects take; bytes that two paths share count twice."""
        return self._size

    def use(self, key: Key) -> None:
        """Note that an object, if it is in here, was asked for."""
        if key in self._sizes:
            self._sizes.move_to_end(key)

    def put(self, key: Key, size_bytes: int) -> None:
        """Take an object in, as the one that was asked for last, or its new size."""
        self.drop(key)
        self._sizes[key] = size_bytes
        self._size += size_bytes

    def drop(self, key: Key) -> None:
        """Leave an object out, if it is in here."""
        self._size -= self._sizes.pop(key, 0)

    def follow(self, session_id: str, sizes: Mapping[str, int]) -> None:
        """Hold exactly these paths of a session; those that were in here keep their place."""
        for key in [key for key in self._sizes if key[0] == session_id and key[1] not in sizes]:
            self.drop(key)
        for path, size_bytes in sizes.items():
            if (session_id, path) not in self._sizes:
                self.put((session_id, path), size_bytes)

    def shed(self, kept: Container[Key]) -> list[Key]:
        """Drop what does not fit, in order of use; returns it. What is `kept` stays."""
        surplus = self._size - self._capacity
        gone = []
        for key, size_bytes in self._sizes.items():
            if surplus <= 0:
                break
            if key not in kept:
                gone.append(key)
                surplus -= size_bytes
        for key in gone:
            self.drop(key)
        return gone
