"""Which variants build on which, and what of them is still to be fetched: pure rules.

An enhancement layer is a variant that `depends_on` the one below it. To have it means to have all
layers below; nothing of them is sent twice. A reader of manifests has checked that each dependency
is a variant before it, so no chain closes on itself.
"""

from collections.abc import Callable, Iterable, Sequence

from fivegms_manifests.model import SegmentRef, Variant

LAYERED = "layered"
"""The codec of an enhancement layer in a manifest."""

Held = Callable[[SegmentRef], bool]
"""Whether a part is on this device already."""


def nothing_held(part: SegmentRef) -> bool:
    """A device without a cache."""
    return False


def layers_of(variant: Variant, variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """`variant` and all that it builds on, lowest first. Raises KeyError for a layer not there."""
    by_id = {one.id: one for one in variants}
    layers = [variant]
    while (below := layers[0].depends_on) is not None:
        layers.insert(0, by_id[below])
    return tuple(layers)


def layers_above(variant: Variant, variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """The variants that build on `variant`, nearest first; the first one where several do."""
    above: list[Variant] = []
    while True:
        top = above[-1] if above else variant
        upper = next((one for one in variants if one.depends_on == top.id), None)
        if upper is None:
            return tuple(above)
        above.append(upper)


def parts_of(layers: Iterable[Variant]) -> tuple[SegmentRef, ...]:
    """Every part of `layers` once, in order; equal digests are one part."""
    first: dict[str, SegmentRef] = {}
    for layer in layers:
        for part in layer.parts():
            first.setdefault(part.sha256, part)
    return tuple(first.values())


def missing_bytes(layers: Iterable[Variant], held: Held = nothing_held) -> int:
    """What has to be fetched so that all of `layers` are here."""
    return sum(part.size_bytes for part in parts_of(layers) if not held(part))
