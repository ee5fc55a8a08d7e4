"""Damaged and forged units, made from the golden vectors, and what a reader makes of them.

Damage is what links, disks and careless software do: it knows nothing of the format, and a reader
must refuse it or still see the very tensor. A forger knows the format: checksums hold, in the
header and in every frame, so a reader may be given other numbers, but nothing else.
"""

import json
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from backports import zstd

from fivegms_codecs import (
    CodecError,
    TopologyUnit,
    UnitLimits,
    apply_delta,
    decode_layers,
    decode_tensor,
    frames,
    read_unit,
    weights,
)
from fivegms_codecs.units import TensorUnit, read_tensor
from fivegms_codecs.weights import Coding
from support.units import resealed

LIMITS = UnitLimits(max_tensor_bytes=1 << 20, max_graph_bytes=1 << 20)
SAME, OTHER = "the same tensor", "another tensor"

Units = Sequence[bytes]
Mutation = Callable[[bytes, Random], bytes]


@dataclass(frozen=True)
class Subject:
    """Units that are decoded together, and all that decoding tells, as bytes."""

    title: str
    units: Units
    decode: Callable[[Units], bytes]

    def outcome(self, units: Units) -> str:
        """SAME, OTHER, or the name of the error that refused these units in place of its own."""
        try:
            found = self.decode(units)
        except CodecError as error:
            return type(error).__name__
        return SAME if found == self.decode(self.units) else OTHER


@dataclass
class Tally:
    """What became of mutated units, and the most memory that reading one of them took."""

    outcomes: Counter[str] = field(default_factory=Counter)
    peak_bytes: int = 0


def subjects(vectors: Path) -> list[Subject]:
    """The golden vectors of units below that folder."""
    tensors, layers, deltas = (
        json.loads((vectors / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("tensor_units", "layers", "deltas")
    )
    topology = json.loads((vectors / "topology_unit.json").read_text(encoding="utf-8"))
    return [
        Subject("topology", [bytes.fromhex(topology["unit"])], _whole),
        *(Subject(v["title"], [bytes.fromhex(v["unit"])], _whole) for v in tensors),
        *(
            Subject(v["title"], [bytes.fromhex(unit) for unit in v["units"]], _layers)
            for v in layers
        ),
        *(Subject(v["title"], [bytes.fromhex(v["unit"])], _onto(v)) for v in deltas),
    ]


def tally(subject: Subject, mutate: Mutation, count: int, random: Random) -> Tally:
    """Read the subject with one of its units mutated, `count` times."""
    result = Tally()
    subject.decode(subject.units)
    tracemalloc.start()
    try:
        for units in _mutated(subject, mutate, count, random):
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            result.outcomes[subject.outcome(units)] += 1
            result.peak_bytes = max(result.peak_bytes, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    return result


def damaged(unit: bytes, random: Random) -> bytes:
    """The unit with bits flipped, bytes overwritten, or a piece lost, repeated or moved."""
    return random.choice(_DAMAGES)(unit, random)


def forged(unit: bytes, random: Random) -> bytes:
    """The unit with other side information, header or content of a frame, under true checksums."""
    start = len(unit) - _frames_bytes(unit)
    spans = list(_frame_spans(unit, start))
    if spans and random.random() < 0.5:
        return _with_frame(unit, random.choice(spans), random)
    head = random.choice((_flip, _overwrite))(unit[:start], random)
    return resealed(head + unit[start:], len(unit) - start)


def _mutated(
    subject: Subject, mutate: Mutation, count: int, random: Random
) -> Iterator[list[bytes]]:
    for _ in range(count):
        units = list(subject.units)
        index = random.randrange(len(units))
        units[index] = mutate(units[index], random)
        yield units


def _flip(unit: bytes, random: Random) -> bytes:
    flipped = bytearray(unit)
    for _ in range(random.choice((1, 1, 2, 8))):
        flipped[random.randrange(len(unit))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def _overwrite(unit: bytes, random: Random) -> bytes:
    size = min(random.choice((1, 2, 4, 8)), len(unit))
    start = random.randrange(len(unit) - size + 1)
    written = random.choice((bytes(size), b"\xff" * size, random.randbytes(size)))
    return unit[:start] + written + unit[start + size :]


def _lose(unit: bytes, random: Random) -> bytes:
    start, stop = _span(unit, random)
    return unit[:start] + unit[stop:]


def _cut(unit: bytes, random: Random) -> bytes:
    return unit[: random.randrange(len(unit))]


def _repeat(unit: bytes, random: Random) -> bytes:
    start, stop = _span(unit, random)
    return unit[:stop] + unit[start:]


def _move(unit: bytes, random: Random) -> bytes:
    start, stop = _span(unit, random)
    rest = unit[:start] + unit[stop:]
    place = random.randrange(len(rest) + 1)
    return rest[:place] + unit[start:stop] + rest[place:]


_DAMAGES: Sequence[Mutation] = (_flip, _flip, _flip, _overwrite, _lose, _cut, _repeat, _move)


def _span(unit: bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(unit))
    return start, min(start + random.choice((1, 4, 40, 400)), len(unit))


def _with_frame(unit: bytes, span: tuple[int, int], random: Random) -> bytes:
    """The unit with other content in the frame there, of the same size."""
    content = zstd.decompress(unit[span[0] : span[1]])
    changed = random.choice((_flip, _overwrite))(content, random)
    return unit[: span[0]] + frames.write(changed) + unit[span[1] :]


def _frame_spans(unit: bytes, start: int) -> Iterator[tuple[int, int]]:
    while start < len(unit):
        stop = start + zstd.get_frame_size(unit[start:])
        yield start, stop
        start = stop


def _frames_bytes(unit: bytes) -> int:
    """How many bytes at the end of a sound unit are frames."""
    read = read_unit(unit)
    if isinstance(read, TopologyUnit):
        return len(unit) - 14
    coding = Coding(read.stored, read.codec)
    return len(read.payload) - weights.check(read.payload, read.shape, coding)


def _whole(units: Units) -> bytes:
    unit = read_unit(units[0], LIMITS)
    if isinstance(unit, TopologyUnit):
        return unit.graph
    return _told(unit, decode_tensor(unit))


def _layers(units: Units) -> bytes:
    read = [read_tensor(unit, LIMITS) for unit in units]
    return _told(read[0], decode_layers(read))


def _onto(vector: dict[str, Any]) -> Callable[[Units], bytes]:
    base = np.frombuffer(bytes.fromhex(vector["base"]), vector["dtype"]).reshape(vector["shape"])

    def apply(units: Units) -> bytes:
        unit = read_tensor(units[0], LIMITS)
        return _told(unit, apply_delta(unit, base))

    return apply


def _told(unit: TensorUnit, tensor: np.ndarray[Any, Any]) -> bytes:
    return f"{unit.name} {unit.dtype.name} {unit.shape} ".encode() + tensor.tobytes()
