"""Where sliding windows fall: the arithmetic that convolutions and pools share.

No padding given means that as many windows are placed as strides fit in, and that what they need
beyond the input is added evenly, the odd element behind (NNEF 1.0, "Sliding-window operations").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fivegms_codecs.nnef.errors import ArgumentInvalid, ShapeInvalid
from fivegms_codecs.nnef.graph import Shape

Padding = tuple[tuple[int, int], ...]

BORDERS = ("constant", "ignore", "replicate", "reflect", "reflect-even")


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows over some axes, everything explicit: `fine` is larger than `coarse`.

    A convolution or a pool leads from `fine` to `coarse`, its transposition back.
    """

    size: Shape
    stride: Shape
    dilation: Shape
    padding: Padding
    fine: Shape
    coarse: Shape

    def dilated(self) -> Shape:
        """What a window spans along each axis."""
        return _dilated(self.size, self.dilation)


def windows(
    fine: Shape,
    size: Shape,
    padding: Sequence[tuple[int, int]] = (),
    stride: Sequence[int] = (),
    dilation: Sequence[int] = (),
) -> Windows:
    """The windows over an input of these extents. Raises ArgumentInvalid and ShapeInvalid."""
    stride, dilation = _checked(size, padding, stride, dilation)
    spans = _dilated(size, dilation)
    if padding:
        room = [i + p + q - k for i, (p, q), k in zip(fine, padding, spans, strict=True)]
        if min(room, default=0) < 0:
            raise ShapeInvalid(f"a window of {list(spans)} does not fit in {list(fine)}")
        coarse = tuple(r // s + 1 for r, s in zip(room, stride, strict=True))
        return Windows(size, stride, dilation, tuple(padding), fine, coarse)
    coarse = tuple(-(-i // s) for i, s in zip(fine, stride, strict=True))
    return Windows(size, stride, dilation, _even(coarse, stride, spans, fine), fine, coarse)


def transposed_windows(
    coarse: Shape,
    size: Shape,
    padding: Sequence[tuple[int, int]] = (),
    stride: Sequence[int] = (),
    dilation: Sequence[int] = (),
    fine: Shape = (),
) -> Windows:
    """The windows of a transposed operation with an input of these extents.

    `fine` is its output shape where that is given. Raises ArgumentInvalid and ShapeInvalid.
    """
    stride, dilation = _checked(size, padding, stride, dilation)
    if fine:
        found = windows(fine, size, padding, stride, dilation)
        if found.coarse != coarse:
            raise ShapeInvalid(
                f"an output of {list(fine)} has {list(found.coarse)} windows, not {list(coarse)}"
            )
        return found
    spans = _dilated(size, dilation)
    if not padding:
        fine = tuple(i * s for i, s in zip(coarse, stride, strict=True))
        return Windows(size, stride, dilation, _even(coarse, stride, spans, fine), fine, coarse)
    zipped = zip(coarse, stride, spans, padding, strict=True)
    fine = tuple((i - 1) * s + k - p - q for i, s, k, (p, q) in zipped)
    if min(fine, default=0) < 0:
        raise ShapeInvalid(f"the padding {list(padding)} is larger than the output")
    return Windows(size, stride, dilation, tuple(padding), fine, coarse)


def offsets(size: Shape) -> Iterator[tuple[int, ...]]:
    """Every place of a window, in the order in which NNEF numbers them (the last axis fastest)."""
    if not size:
        yield ()
        return
    for place in range(size[0]):
        for rest in offsets(size[1:]):
            yield (place, *rest)


def _dilated(size: Shape, dilation: Shape) -> Shape:
    return tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))


def _even(coarse: Shape, stride: Shape, spans: Shape, fine: Shape) -> Padding:
    zipped = zip(coarse, stride, spans, fine, strict=True)
    totals = [max((o - 1) * s + k - i, 0) for o, s, k, i in zipped]
    return tuple((total // 2, total - total // 2) for total in totals)


def _checked(
    size: Shape, padding: Sequence[tuple[int, int]], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[Shape, Shape]:
    rank = len(size)
    for what, given in (("padding", padding), ("stride", stride), ("dilation", dilation)):
        if given and len(given) != rank:
            raise ArgumentInvalid(f"{what!r} has {len(given)} items, {rank} axes slide")
    for what, counts in (("size", size), ("stride", stride), ("dilation", dilation)):
        if min(counts, default=1) < 1:
            raise ArgumentInvalid(f"{what!r} {list(counts)} has an item below 1")
    return tuple(stride) or (1,) * rank, tuple(dilation) or (1,) * rank
