"""The most recently read small objects, held in memory with their response fields ready."""

from collections import OrderedDict
from dataclasses import dataclass

from multidict import CIMultiDict

from fivegms_as.distribution import Distribution
from fivegms_as.namespace import StoredObject

ENTRY_BYTES = 2048
"""What an entry takes beside body and path: above all its fields."""


@dataclass(frozen=True, slots=True)
class ReadyObject:
    """An object's bytes and the fields of the 200 that carries them; `fields` is never changed."""

    stored: StoredObject
    body: bytes
    fields: CIMultiDict[str]


class SmallObjects:
    """At most `capacity_bytes`, counted generously; the least recently used goes first.

    An object is held per distribution and path that it is asked for by, since both decide on its
    fields. A distribution that was configured anew is another one. Rewriting lets UEs ask for one
    object by any number of paths, so that what an entry takes beside its body counts, too.
    """

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity = capacity_bytes
        self._size = 0
        self._objects: OrderedDict[tuple[Distribution, str], ReadyObject] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        """What all entries take."""
        return self._size

    def get(
        self, distribution: Distribution, path: str, stored: StoredObject
    ) -> ReadyObject | None:
        """The object, if it is held as it is stored now; a replaced one is not."""
        key = distribution, path
        ready = self._objects.get(key)
        if ready is None or ready.stored is not stored:
            return None
        self._objects.move_to_end(key)
        return ready

    def put(self, distribution: Distribution, path: str, ready: ReadyObject) -> None:
        """Hold an object, in place of an older one of its path, if it fits at all."""
        key = distribution, path
        if earlier := self._objects.pop(key, None):
            self._size -= _size_bytes(path, earlier)
        if _size_bytes(path, ready) > self._capacity:
            return
        self._objects[key] = ready
        self._size += _size_bytes(path, ready)
        while self._size > self._capacity:
            (_, oldest_path), oldest = self._objects.popitem(last=False)
            self._size -= _size_bytes(oldest_path, oldest)


def _size_bytes(path: str, ready: ReadyObject) -> int:
    return len(ready.body) + len(path) + ENTRY_BYTES
