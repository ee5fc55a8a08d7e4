"""An ONNX file without its large constants: the same ModelProto, small enough to be parsed.

In the outline, `raw_data` of LEFT_BYTES or more is what ONNX calls external data: `location` is
the model file's own name, `offset` and `length` say where in it the bytes lie. Every other field
is there byte for byte. So a model of any size is parsed in the memory of its graph, and a constant
is read when it is wanted, as one in a file beside the model is. Where a field is there twice, the
last one counts, as in protobuf; a message that holds constants and is there twice is refused,
because protobuf would merge the two.
"""

from collections.abc import Iterator, Mapping

from fivegms_prepare.model_file import ModelFile
from fivegms_prepare.wire_format import LENGTH, VARINT, Field, WireError, WireReader, varint

LEFT_BYTES = 4096
"""Constants from here on stay in the file."""

_MOST_NESTED = 100  # protobuf's own bound

_MODEL = "ModelProto"
_TENSOR = "TensorProto"
_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 9, 13, 14
_IS_EXTERNAL = 1

INSIDE: Mapping[str, Mapping[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
}
"""Where constants lie: by message, the numbers of the fields that lead to them, and to what."""

SINGLE: Mapping[str, frozenset[int]] = {
    "ModelProto": frozenset({7}),
    "AttributeProto": frozenset({5, 6, 22}),
    "SparseTensorProto": frozenset({1, 2}),
    "TrainingInfoProto": frozenset({1, 2}),
}
"""Those of them that a message has once."""


def outline(file: ModelFile) -> bytes:
    """The serialized ModelProto. Raises WireError, and FieldCutOff where the file ends too early.

    What it does not look into is left for protobuf to refuse.
    """
    return b"".join(_Outline(file).message(_MODEL, 0, file.size_bytes, _MOST_NESTED))


class _Outline:
    """Copies messages of one file, in pieces, without what is left in it."""

    def __init__(self, file: ModelFile) -> None:
        self._file = file
        self._reader = WireReader(file.read)

    def message(self, kind: str, start: int, end: int, depth: int) -> list[bytes]:
        """The message from `start` to before `end`."""
        if end - start < LEFT_BYTES:
            return [self._file.read(start, end)]
        if not depth:
            raise WireError(f"messages are nested more than {_MOST_NESTED} deep")
        if kind == _TENSOR:
            return self._tensor(start, end)
        pieces = []
        for field, inside in self._large(kind, start, end):
            pieces.append(self._file.read(start, field.start))
            nested = self.message(inside, field.value, field.end, depth - 1)
            pieces += [_header(field.field, sum(map(len, nested))), *nested]
            start = field.end
        return [*pieces, self._file.read(start, end)]

    def _large(self, kind: str, start: int, end: int) -> Iterator[tuple[Field, str]]:
        """The fields in which constants to leave out may lie, and what kind of message each is."""
        seen: set[int] = set()
        for field in self._reader.fields(start, end):
            inside = INSIDE[kind].get(field.field) if field.wire_type == LENGTH else None
            if inside is None:
                continue
            if field.field in seen:
                raise WireError(f"a {kind} has its field {field.field} twice")
            if field.field in SINGLE.get(kind, ()):
                seen.add(field.field)
            if field.size_bytes >= LEFT_BYTES:
                yield field, inside

    def _tensor(self, start: int, end: int) -> list[bytes]:
        raw = location = None
        for field in self._reader.fields(start, end):
            if (field.field, field.wire_type) == (_RAW_DATA, LENGTH):
                raw = field
            elif (field.field, field.wire_type) == (_DATA_LOCATION, VARINT):
                location = field
        if raw is None or raw.size_bytes < LEFT_BYTES:
            return [self._file.read(start, end)]
        if location is not None and location.number == _IS_EXTERNAL:
            # Its data lies in another file, and nothing ever reads what it has of its own.
            return list(self._without({_RAW_DATA}, start, end))
        rest = self._without({_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION}, start, end)
        return [*rest, _reference(self._file.name, raw)]

    def _without(self, left_out: set[int], start: int, end: int) -> Iterator[bytes]:
        for field in self._reader.fields(start, end):
            if field.field in left_out:
                yield self._file.read(start, field.start)
                start = field.end
        yield self._file.read(start, end)


def _reference(name: str, raw: Field) -> bytes:
    """The fields `external_data` and `data_location` that point at a tensor's bytes."""
    entries = {"location": name, "offset": str(raw.value), "length": str(raw.size_bytes)}
    pairs = [_text(1, key) + _text(2, value) for key, value in entries.items()]
    external = b"".join(_header(_EXTERNAL_DATA, len(pair)) + pair for pair in pairs)
    return external + varint(_DATA_LOCATION << 3 | VARINT) + varint(_IS_EXTERNAL)


def _text(field: int, text: str) -> bytes:
    encoded = text.encode()
    return _header(field, len(encoded)) + encoded


def _header(field: int, size_bytes: int) -> bytes:
    return varint(field << 3 | LENGTH) + varint(size_bytes)
