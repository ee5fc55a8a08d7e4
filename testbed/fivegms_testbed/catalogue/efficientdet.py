"""EfficientDet-D0: Tan et al., "EfficientDet: scalable and efficient object detection", 2020.

EfficientNet-B0, three bidirectional feature pyramids of 64 channels, and heads of three separable
convolutions whose weights all five levels share and whose normalisations they do not. The weights
of a fusion are numbers of the trained graph, normalised already.
"""

from collections.abc import Sequence

import numpy as np

from fivegms_testbed.catalogue import efficientnet
from fivegms_testbed.catalogue.anchors import Boxes, grid, shaped
from fivegms_testbed.catalogue.detections import decode, detector, give_best, per_anchor
from fivegms_testbed.catalogue.layers import (
    batch_norm,
    concatenate,
    conv,
    depthwise,
    max_pool,
    swish,
    upsample,
)
from fivegms_testbed.catalogue.network import Network, Value

_SIDE = 512
_WIDTH = 64
_PYRAMIDS = 3
_HEAD_LAYERS = 3
_CLASSES = 90
_RATIOS = (1.0, 2.0, 0.5)
_SCALES = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
_ANCHORS = len(_RATIOS) * len(_SCALES)


Level = tuple[Value, Value]
"""A level's map for the way down, and for the way up; only the first pyramid tells them apart."""


def efficientdet_d0() -> Network:
    """For pictures of 512 pixels and COCO's 90 class numbers."""
    net, images = detector("efficientdet-d0", _SIDE)
    levels = _levels(net, images)
    for index in range(_PYRAMIDS):
        levels = _pyramid(net, levels, f"pyramid{index}")
    offsets = _head(net, levels, 4, "box")
    logits = _head(net, levels, _CLASSES, "class")
    anchors = np.concatenate([_anchors(x) for x, _ in levels])
    centres, sizes = np.split(anchors, 2, axis=1)
    places = (net.constant("anchors.centres", centres), net.constant("anchors.sizes", sizes))
    boxes = decode(net, offsets, places, "decoded", deviations=(1.0, 1.0))
    give_best(net, boxes, net.node("Sigmoid", [logits], "likely", logits.shape))
    return net


def _levels(net: Network, images: Value) -> list[Level]:
    """P3 to P7: three maps of the backbone, narrowed, and two that are smaller still."""
    stages = efficientnet.stages(net, images)
    p3, p4, p5 = stages[2], stages[4], stages[6]
    p6 = _narrowed(net, p5, "p6")
    p6 = max_pool(net, p6, 3, "p6.pool", stride=2, padding=1)
    p7 = max_pool(net, p6, 3, "p7.pool", stride=2, padding=1)
    own = _narrowed(net, p3, "p3")
    pairs = [
        (_narrowed(net, x, f"{name}.down"), _narrowed(net, x, f"{name}.up"))
        for name, x in (("p4", p4), ("p5", p5))
    ]
    return [(own, own), *pairs, (p6, p6), (p7, p7)]


def _narrowed(net: Network, x: Value, name: str) -> Value:
    return conv(net, x, _WIDTH, 1, name, activation=None)


def _pyramid(net: Network, levels: Sequence[Level], name: str) -> list[Level]:
    """Down from the smallest map, adding each to the next larger one, and up again."""
    lowered = [levels[-1][0]]
    for number in reversed(range(len(levels) - 1)):
        larger = upsample(net, lowered[0], f"{name}.down{number}.up")
        lowered.insert(0, _fused(net, [levels[number][0], larger], f"{name}.down{number}"))
    raised = lowered[:1]
    for number in range(1, len(levels)):
        name_here = f"{name}.up{number}"
        smaller = max_pool(net, raised[-1], 3, f"{name_here}.pool", stride=2, padding=1)
        parts = dict.fromkeys([levels[number][1], lowered[number], smaller])
        raised.append(_fused(net, list(parts), name_here))
    return [(x, x) for x in raised]


def _fused(net: Network, parts: Sequence[Value], name: str) -> Value:
    """The weighted sum of maps of one size, then a separable convolution."""
    share = np.array(1 / len(parts), np.float32)
    weighted = [
        net.node(
            "Mul", [x, net.constant(f"{name}.share{i}", share)], f"{name}.weighted{i}", x.shape
        )
        for i, x in enumerate(parts)
    ]
    total = swish(net, net.node("Sum", weighted, f"{name}.sum", parts[0].shape))
    return _separable(net, total, _WIDTH, name)


def _separable(
    net: Network, x: Value, channels: int, name: str, *, tensors: str | None = None
) -> Value:
    owner = tensors or name
    y = depthwise(net, x, 3, f"{name}.depthwise", activation=None, tensors=f"{owner}.depthwise")
    pointwise = f"{name}.pointwise"
    return conv(net, y, channels, 1, pointwise, activation=None, tensors=f"{owner}.pointwise")


def _head(net: Network, levels: Sequence[Level], numbers: int, name: str) -> Value:
    """The lists of all levels, one after the other: [A, numbers]."""
    lists = []
    for number, (x, _) in enumerate(levels, start=3):
        here = f"{name}.p{number}"
        for layer in range(_HEAD_LAYERS):
            y = _separable(net, x, _WIDTH, f"{here}.conv{layer}", tensors=f"{name}.conv{layer}")
            x = swish(net, batch_norm(net, y, f"{here}.norm{layer}"))
        y = _separable(net, x, _ANCHORS * numbers, f"{here}.last", tensors=f"{name}.last")
        lists.append(per_anchor(net, y, numbers, f"{here}.list"))
    return concatenate(net, lists, f"{name}.all")


def _anchors(x: Value) -> Boxes:
    stride = _SIDE / x.shape[1]
    shapes = [one for scale in _SCALES for one in shaped(4 * stride * scale, _RATIOS)]
    return grid(x.shape[1], stride, shapes)
