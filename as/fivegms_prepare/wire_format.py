"""Protobuf's wire format, walked in a file: where each field lies, and nothing of what it holds.

A message is a run of fields: a tag (field number and wire type), then a number or a length and as
many bytes. Every length is held against the end of the message around it before anything is read,
so a file of any size costs one small window of memory here. Which fields mean what is for
`fivegms_prepare.outline` to know.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""The wire types; 3 and 4 (groups) have no place in ONNX."""

_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
_MAX_VARINT_BYTES = 10
_MAX_FIELD_NUMBER = 2**29 - 1
_WINDOW_BYTES = 2**14


ReadBytes: TypeAlias = Callable[[int, int], bytes]
"""The bytes from the first position to before the second; fewer where they end."""


class WireError(Exception):
    """The bytes are no protobuf message."""


class FieldCutOff(WireError):
    """A field goes on beyond the end of its message; `field` is its number, 0 where not known."""

    def __init__(self, message: str, field: int = 0) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: the tag is at `start`, the value from `value` to before `end`.

    `number` is the value of a VARINT field, and 0 in others.
    """

    field: int
    wire_type: int
    start: int
    value: int
    end: int
    number: int = 0

    @property
    def size_bytes(self) -> int:
        """The bytes of the value."""
        return self.end - self.value


class WireReader:
    """Walks messages in one file, a window of it in memory at a time."""

    def __init__(self, read: ReadBytes) -> None:
        self._read = read
        self._window = b""
        self._window_start = 0

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """The fields of the message from `start` to before `end`.

        Raises FieldCutOff, and WireError for a tag, wire type or number that cannot be.
        """
        while start < end:
            field = self._field(start, end)
            yield field
            start = field.end

    def _field(self, start: int, end: int) -> Field:
        tag, value = self.varint(start, end)
        field, wire_type = tag >> 3, tag & 7
        if not 0 < field <= _MAX_FIELD_NUMBER:
            raise WireError(f"there is no field {field}")
        if wire_type == VARINT:
            number, after = self.varint(value, end)
            return Field(field, wire_type, start, value, after, number)
        if wire_type == LENGTH:
            size_bytes, value = self.varint(value, end)
        elif wire_type in _FIXED_BYTES:
            size_bytes = _FIXED_BYTES[wire_type]
        else:
            raise WireError(f"there is no wire type {wire_type}")
        if size_bytes > end - value:
            raise FieldCutOff(
                f"field {field} has {size_bytes} bytes where {end - value} are left of its message",
                field,
            )
        return Field(field, wire_type, start, value, value + size_bytes)

    def varint(self, position: int, end: int) -> tuple[int, int]:
        """The number at `position` and the position after it. Raises FieldCutOff and WireError."""
        value = 0
        data = self._bytes_at(position, min(end, position + _MAX_VARINT_BYTES))
        for index, byte in enumerate(data):
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value, position + index + 1
        if len(data) < _MAX_VARINT_BYTES:
            raise FieldCutOff("the message ends within a number")
        raise WireError("a number has more than ten bytes")

    def _bytes_at(self, start: int, end: int) -> bytes:
        window_end = self._window_start + len(self._window)
        if not self._window_start <= start <= end <= window_end:
            self._window = self._read(start, start + _WINDOW_BYTES)
            self._window_start = start
        return self._window[start - self._window_start : end - self._window_start]


def varint(number: int) -> bytes:
    """A number of at least 0 as protobuf writes it."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
