"""From a detector's maps to `boxes`, `scores` and `labels`: what all of them end in.

Boxes are corners in pixels of the input, the best first. Overlaps are not suppressed: that is left
to whoever uses them, as it is where these networks were published.
"""

import json

import numpy as np

from fivegms_testbed.catalogue.layers import concatenate
from fivegms_testbed.catalogue.network import Network, Value

DETECTIONS = 100
"""How many boxes a detector gives: the K of its outputs."""

PREDICTION_GAIN = 0.02
"""Of what predicts boxes: they stay near their anchors."""


def detector(name: str, side: int, *, batch: int | None = None) -> tuple[Network, Value]:
    """A network that takes `images` float32 [N, 3, side, side], and that input."""
    processing = {
        "layout": "NCHW",
        "color": "RGB",
        "mean": [0.0, 0.0, 0.0],
        "std": [1.0, 1.0, 1.0],
        "resize": "stretch",
    }
    metadata = {"fivegms.task": "object-detection", "fivegms.input": json.dumps(processing)}
    net = Network(name, batch, metadata)
    return net, net.input("images", 3, side, side)


def per_anchor(net: Network, x: Value, numbers: int, name: str) -> Value:
    """A head's map [A * numbers, H, W] as a list [H * W * A, numbers]."""
    channels, height, width = x.shape
    y = net.node("Transpose", [x], f"{name}.last", (height, width, channels), perm=[0, 2, 3, 1])
    return reshape(net, y, (height * width * channels // numbers, numbers), name)


def reshape(net: Network, x: Value, shape: tuple[int, ...], name: str) -> Value:
    """The same numbers in another shape; the batch stays."""
    sizes = net.constant(f"{name}.shape", np.array([0, *shape]))
    return net.node("Reshape", [x, sizes], name, shape)


def decode(
    net: Network,
    offsets: Value,
    anchors: tuple[Value | str, Value | str],
    name: str,
    *,
    deviations: tuple[float, float] = (0.1, 0.2),
) -> Value:
    """Offsets [A, 4] from anchors (their centres and sizes, [A, 2] each) as corners [A, 4].

    Offsets are in units of the anchor's size, and logarithms of it, times `deviations`
    (Ren et al. 2015, section 3.1.2).
    """
    anchor_centres, anchor_sizes = anchors
    shape = (offsets.shape[0], 2)
    moved, grown = halves(net, offsets, name)
    moved = _scaled(net, moved, deviations[0], f"{name}.moved.scaled")
    grown = _scaled(net, grown, deviations[1], f"{name}.grown.scaled")
    moved = net.node("Mul", [moved, anchor_sizes], f"{name}.moved.pixels", shape)
    centres = net.node("Add", [moved, anchor_centres], f"{name}.centres", shape)
    factors = net.node("Exp", [grown], f"{name}.factors", shape)
    sizes = net.node("Mul", [factors, anchor_sizes], f"{name}.sizes", shape)
    return corners(net, centres, sizes, name)


def corners(net: Network, centres: Value, sizes: Value, name: str) -> Value:
    """Centres and sizes [A, 2] as boxes [A, 4] of x0, y0, x1, y1."""
    half = _scaled(net, sizes, 0.5, f"{name}.half")
    start = net.node("Sub", [centres, half], f"{name}.start", centres.shape)
    end = net.node("Add", [centres, half], f"{name}.end", centres.shape)
    return concatenate(net, [start, end], f"{name}.corners", axis=1)


def halves(net: Network, x: Value, name: str) -> list[Value]:
    """The first two and the last two numbers of [A, 4]."""
    shape = (x.shape[0], 2)
    return net.several("Split", [x], [f"{name}.moved", f"{name}.grown"], [shape, shape], axis=2)


def without_background(net: Network, scores: Value, name: str) -> Value:
    """Scores [A, classes] without class 0."""
    count, classes = scores.shape
    first, last, axis = (
        net.constant(f"{name}.{part}", np.array([at]))
        for part, at in (("first", 1), ("last", classes), ("axis", 2))
    )
    return net.node("Slice", [scores, first, last, axis], name, (count, classes - 1))


def give_best(net: Network, boxes: Value, scores: Value) -> None:
    """End the graph in the best of boxes [A, 4] by their scores [A, classes]."""
    count = scores.shape[0]
    best = net.node("ReduceMax", [scores], "best", (count,), axes=[2], keepdims=0)
    classes = net.node("ArgMax", [scores], "classes", (count,), axis=2, keepdims=0)
    wanted = net.constant("detections", np.array([DETECTIONS]))
    shape = (DETECTIONS,)
    kept, indices = net.several("TopK", [best, wanted], ["scores", "kept"], [shape, shape], axis=1)
    labels = net.node("GatherElements", [classes, indices], "labels", shape, axis=1)
    net.output(chosen(net, boxes, indices, "boxes"))
    net.output(kept)
    net.output(labels, np.int64)


def chosen(net: Network, boxes: Value, indices: Value, name: str) -> Value:
    """Boxes [A, 4] at indices [K], as [K, 4]."""
    shape = (*indices.shape, boxes.shape[-1])
    axis = net.constant(f"{name}.axis", np.array([2]))
    column = net.node("Unsqueeze", [indices, axis], f"{name}.column", (*indices.shape, 1))
    sizes = net.constant(f"{name}.sizes", np.array([1, 1, shape[-1]]))
    index = net.node("Expand", [column, sizes], f"{name}.index", shape)
    return net.node("GatherElements", [boxes, index], name, shape, axis=1)


def _scaled(net: Network, x: Value, factor: float, name: str) -> Value:
    scale = net.constant(f"{name}.factor", np.array(factor, np.float32))
    return net.node("Mul", [x, scale], name, x.shape)
