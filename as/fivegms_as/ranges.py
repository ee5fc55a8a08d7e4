"""The Range field and the multipart/byteranges body that answers it (RFC 9110 14).

A field that is malformed or has another unit is ignored, as the RFC asks. One whose ranges all lie
behind the end is not satisfiable; one with very many ranges is refused for its cost. Ranges that
overlap or touch are sent as one, so an answer is never longer than the object and its part headers.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fivegms_as.errors import RangeNotSatisfiable

MAX_RANGES = 16
_MAX_FIELD = 1024
_SPEC = re.compile(r"[ \t]*(?:(\d{1,19})-(\d{0,19})|-(\d{1,19}))[ \t]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size_bytes(self) -> int:
        """How many bytes these are."""
        return self.last - self.first + 1

    def content_range(self, complete_bytes: int) -> str:
        """The Content-Range value, of an object of `complete_bytes`."""
        return f"bytes {self.first}-{self.last}/{complete_bytes}"


def read_range(value: str, size_bytes: int) -> tuple[ByteRange, ...] | None:
    """What a Range field asks of an object; None when the field is to be ignored.

    Raises RangeNotSatisfiable.
    """
    specs = _specs(value)
    if specs is None:
        return None
    if len(specs) > MAX_RANGES:
        raise RangeNotSatisfiable(f"at most {MAX_RANGES} ranges in one request", size_bytes)
    found = [resolved for spec in specs if (resolved := _resolve(spec, size_bytes))]
    if not found:
        raise RangeNotSatisfiable(f"the object has {size_bytes} bytes", size_bytes)
    return _joined(found)


def _specs(value: str) -> list[tuple[str, str, str]] | None:
    unit, separator, rest = value.partition("=")
    if len(value) > _MAX_FIELD or not separator or unit.strip().lower() != "bytes":
        return None
    matches = [_SPEC.fullmatch(part) for part in rest.split(",") if part.strip(" \t")]
    specs = [(m[1] or "", m[2] or "", m[3] or "") for m in matches if m]
    if not specs or len(specs) != len(matches):
        return None
    if any(first and last and int(last) < int(first) for first, last, _ in specs):
        return None
    return specs


def _resolve(spec: tuple[str, str, str], size_bytes: int) -> ByteRange | None:
    first, last, suffix = spec
    if suffix:
        wanted = min(int(suffix), size_bytes)
        return ByteRange(size_bytes - wanted, size_bytes - 1) if wanted else None
    if int(first) >= size_bytes:
        return None
    return ByteRange(int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1)


def _joined(ranges: Sequence[ByteRange]) -> tuple[ByteRange, ...]:
    """The same bytes without overlap; in the order asked for where nothing had to be joined."""
    merged: list[ByteRange] = []
    for part in sorted(ranges, key=lambda part: part.first):
        if merged and part.first <= merged[-1].last + 1:
            merged[-1] = ByteRange(merged[-1].first, max(merged[-1].last, part.last))
        else:
            merged.append(part)
    return tuple(ranges) if len(merged) == len(ranges) else tuple(merged)


@dataclass(frozen=True, slots=True)
class MultipartRanges:
    """A multipart/byteranges body: what comes before each range, and after the last one."""

    ranges: tuple[ByteRange, ...]
    media_type: str
    complete_bytes: int
    boundary: str

    @property
    def content_type(self) -> str:
        """The Content-Type of the whole answer."""
        return f"multipart/byteranges; boundary={self.boundary}"

    @property
    def size_bytes(self) -> int:
        """The Content-Length of the whole answer."""
        return sum(len(h) + r.size_bytes for h, r in self.parts()) + len(self.trailer)

    @property
    def trailer(self) -> bytes:
        """The closing boundary."""
        return f"\r\n--{self.boundary}--\r\n".encode()

    def parts(self) -> Iterator[tuple[bytes, ByteRange]]:
        """Each part's header, then the range that follows it."""
        for part in self.ranges:
            header = (
                f"\r\n--{self.boundary}\r\nContent-Type: {self.media_type}\r\n"
                f"Content-Range: {part.content_range(self.complete_bytes)}\r\n\r\n"
            )
            yield header.encode(), part
