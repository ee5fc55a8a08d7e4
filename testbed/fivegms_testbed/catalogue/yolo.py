"""YOLOv3: Redmon and Farhadi, "YOLOv3: an incremental improvement", 2018, table 1 and section 2.

Darknet-53, and heads over three maps that look back at earlier ones. At 608 pixels, the size of the
71 billion operations that are commonly quoted.
"""

import numpy as np

from fivegms_testbed.catalogue.anchors import Boxes, BoxShape, grid
from fivegms_testbed.catalogue.detections import (
    PREDICTION_GAIN,
    corners,
    detector,
    give_best,
    per_anchor,
)
from fivegms_testbed.catalogue.layers import (
    BRANCH_GAIN,
    add,
    concatenate,
    conv,
    leaky_relu,
    upsample,
)
from fivegms_testbed.catalogue.network import Network, Value

_SIDE = 608
_STAGES = ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4))
"""Channels and residual blocks of Darknet-53."""
_SHAPES: tuple[tuple[BoxShape, ...], ...] = (
    ((116, 90), (156, 198), (373, 326)),
    ((30, 61), (62, 45), (59, 119)),
    ((10, 13), (16, 30), (33, 23)),
)
_CLASSES = 80
_NUMBERS = 4 + 1 + _CLASSES


def yolov3() -> Network:
    """For pictures of 608 pixels and COCO's 80 classes."""
    net, images = detector("yolov3", _SIDE)
    fine, middle, x = _darknet53(net, images)
    boxes, scores = [], []
    for index, (width, earlier) in enumerate(((512, None), (256, middle), (128, fine))):
        if earlier is not None:
            x = _conv(net, x, width, 1, f"up{index}.conv")
            x = concatenate(net, [upsample(net, x, f"up{index}"), earlier], f"up{index}.concat")
        x = _alternating(net, x, width, f"neck{index}")
        y = _conv(net, x, 2 * width, 3, f"head{index}.conv")
        y = conv(net, y, 3 * _NUMBERS, 1, f"head{index}", activation=None, gain=PREDICTION_GAIN)
        box, score = _decoded(net, y, _SHAPES[index], f"head{index}")
        boxes.append(box)
        scores.append(score)
    give_best(net, concatenate(net, boxes, "all.boxes"), concatenate(net, scores, "all.scores"))
    return net


def _conv(net: Network, x: Value, channels: int, size: int, name: str, stride: int = 1) -> Value:
    return conv(net, x, channels, size, name, stride=stride, activation=leaky_relu)


def _darknet53(net: Network, images: Value) -> list[Value]:
    """The maps at strides 8, 16 and 32."""
    x = _conv(net, images, 32, 3, "stem")
    maps = []
    for stage, (channels, blocks) in enumerate(_STAGES, start=1):
        x = _conv(net, x, channels, 3, f"stage{stage}.down", stride=2)
        for index in range(blocks):
            x = _residual(net, x, f"stage{stage}.block{index}")
        maps.append(x)
    return maps[2:]


def _residual(net: Network, x: Value, name: str) -> Value:
    y = _conv(net, x, x.channels // 2, 1, f"{name}.conv1")
    y = conv(net, y, x.channels, 3, f"{name}.conv2", activation=leaky_relu, gain=BRANCH_GAIN)
    return add(net, x, y, f"{name}.add")


def _alternating(net: Network, x: Value, width: int, name: str) -> Value:
    """Five convolutions, 1x1 and 3x3 in turn."""
    for index in range(2):
        x = _conv(net, x, width, 1, f"{name}.conv{2 * index}")
        x = _conv(net, x, 2 * width, 3, f"{name}.conv{2 * index + 1}")
    return _conv(net, x, width, 1, f"{name}.conv4")


def _decoded(
    net: Network, x: Value, shapes: tuple[BoxShape, ...], name: str
) -> tuple[Value, Value]:
    """A head's map as boxes [A, 4] in pixels and scores [A, classes]."""
    cells = x.shape[1]
    stride = _SIDE / cells
    numbers = per_anchor(net, x, _NUMBERS, f"{name}.list")
    count = numbers.shape[0]
    places, extents, things, classes = net.several(
        "Split",
        [numbers, net.constant(f"{name}.parts", np.array([2, 2, 1, _CLASSES]))],
        [f"{name}.{part}" for part in ("places", "extents", "things", "classes")],
        [(count, 2), (count, 2), (count, 1), (count, _CLASSES)],
        axis=2,
    )
    centres, sizes = np.split(grid(cells, stride, shapes), 2, axis=1)
    inside = _product(net, _sigmoid(net, places), np.array(stride, np.float32), f"{name}.inside")
    corner = net.constant(f"{name}.cells", centres - np.float32(stride / 2))
    centre = net.node("Add", [inside, corner], f"{name}.centre", inside.shape)
    factors = net.node("Exp", [extents], f"{name}.factors", extents.shape)
    size = _product(net, factors, sizes, f"{name}.size")
    scores = net.node(
        "Mul", [_sigmoid(net, things), _sigmoid(net, classes)], f"{name}.scores", classes.shape
    )
    return corners(net, centre, size, name), scores


def _sigmoid(net: Network, x: Value) -> Value:
    return net.node("Sigmoid", [x], f"{x.name}.sigmoid", x.shape)


def _product(net: Network, x: Value, values: Boxes, name: str) -> Value:
    return net.node("Mul", [x, net.constant(f"{name}.by", values)], name, x.shape)
