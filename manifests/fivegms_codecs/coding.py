"""What a weight codec is: the verbs that the table in `weights` gathers, and their types.

A payload is side information (scales, code tables, raw numbers), then Zstandard frames; either may
be empty. The frames carry checksums of their own, and the unit's header one over all that is not
in frames, so that no damaged unit decodes to wrong numbers.

A codec is a module with the five functions of `Packing`. It knows arrays and payloads, and neither
names, units nor its own place in the table. Its reader trusts nothing: `check` compares lengths
and frame headers with the shape before anything is allocated, `decode` refuses every number that
no writer writes. Arrays are C-contiguous and little-endian, of at least the rank that `grant` asks.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.dtypes import DType
from fivegms_codecs.errors import BaseMissing

Array = NDArray[np.generic]
Part = bytes | memoryview
Shape = Sequence[int]


class Precision(StrEnum):
    """The number format asked for. `fp32` means the graph's own formats, exactly."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    INT4 = "int4"
    CODEBOOK = "codebook"


class Packing(Protocol):
    """One weight codec: arrays to payloads and back."""

    def suits(self, dtype: DType, stored: DType) -> bool:
        """Whether a unit may hold a tensor of `dtype` as numbers of type `stored`."""

    def grant(self, array: Array, dtype: DType, precision: Precision) -> DType | None:
        """The type to store the numbers of `array` in; None where they had better stay exact."""

    def encode(self, array: Array, stored: DType) -> Iterator[Part]:
        """Yield the payload in parts: first all side information (even if empty), then frames.

        The same array gives the same bytes.
        """

    def check(self, payload: memoryview, shape: Shape, stored: DType) -> int:
        """Hold the payload's lengths and frame headers against the shape; decode nothing.

        Returns how many bytes at the start of the payload are side information. Allocates no more
        than a small part of the payload's length. Raises PayloadCorrupt.
        """

    def decode(self, payload: memoryview, out: Array, stored: DType) -> None:
        """Fill `out`, of the graph's type and shape, from a payload that `check` accepted.

        Works in blocks that release the interpreter. Raises PayloadCorrupt, and leaves `out`
        undefined then.
        """


@dataclass(frozen=True, slots=True)
class Refinement:
    """The `Packing` of a payload that says only how a tensor differs from another one.

    A unit of it is described and checked like any other, but no variant asks for it, and only what
    made it decodes it: `layers` or `deltas`.
    """

    suits: Callable[[DType, DType], bool]
    check: Callable[[memoryview, Shape, DType], int]

    def grant(self, array: Array, dtype: DType, precision: Precision) -> DType | None:
        """Never: a tensor by itself does not differ from anything."""
        return None

    def encode(self, array: Array, stored: DType) -> Iterator[Part]:
        """Refused. Raises BaseMissing."""
        raise BaseMissing("a refinement is written against what it refines")

    def decode(self, payload: memoryview, out: Array, stored: DType) -> None:
        """Refused. Raises BaseMissing."""
        raise BaseMissing("a refinement is decoded with what it refines")
