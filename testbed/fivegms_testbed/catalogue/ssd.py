"""SSD300: Liu et al., "SSD: single shot multibox detector", 2016, figure 2 and section 3.1.

Heads look at six maps of falling size. Over VGG-16 they are those of the paper ("Deeplab": fc6 and
fc7 became convolutions, one of them dilated), for COCO's 80 classes and the background. Over
MobileNet they are those of its authors: 1x1 windows, 90 classes and the background.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import numpy as np

from fivegms_testbed.catalogue import mobilenet, vgg
from fivegms_testbed.catalogue.anchors import BoxShape, grid, shaped
from fivegms_testbed.catalogue.detections import (
    PREDICTION_GAIN,
    decode,
    detector,
    give_best,
    per_anchor,
    without_background,
)
from fivegms_testbed.catalogue.layers import concatenate, conv, max_pool
from fivegms_testbed.catalogue.network import Network, Value

_SIDE = 300


@dataclass(frozen=True, slots=True)
class _Extra:
    """A convolution that narrows, and one that makes the map smaller."""

    narrow: int
    channels: int
    stride: int = 2
    padding: int = 1


def ssd300_vgg() -> Network:
    """SSD300 over VGG-16."""
    net, images = detector("ssd300-deeplab", _SIDE)
    x = vgg.stages(net, images, (1, 2))
    x = max_pool(net, vgg.stage(net, x, 3), 2, "pool3", stride=2, ceil=1)
    early = vgg.stage(net, x, 4)
    x = vgg.stage(net, max_pool(net, early, 2, "pool4", stride=2), 5)
    x = max_pool(net, x, 3, "pool5", stride=1, padding=1)
    x = conv(net, x, 1024, 3, "fc6", dilation=6)
    x = conv(net, x, 1024, 1, "fc7")
    extras = (_Extra(256, 512), _Extra(128, 256), _Extra(128, 256, 1, 0), _Extra(128, 256, 1, 0))
    maps = [_normalised(net, early, "conv4_3.norm"), x, *_smaller(net, x, extras)]
    sizes = [30, 60, 111, 162, 213, 264, 315]
    four, six = (2.0, 1 / 2), (2.0, 1 / 2, 3.0, 1 / 3)
    ratios = (four, six, six, six, four, four)
    shapes = [_shapes(*around, r) for around, r in zip(pairwise(sizes), ratios, strict=True)]
    return _finished(net, maps, shapes, window=3, classes=81, function="Softmax")


def ssd300_mobilenet() -> Network:
    """SSD300 over MobileNet."""
    net, images = detector("ssd300-mobilenet", _SIDE)
    early = mobilenet.pairs(net, mobilenet.stem(net, images), range(1, 12))
    x = mobilenet.pairs(net, early, (12, 13))
    extras = (_Extra(256, 512), _Extra(128, 256), _Extra(128, 256), _Extra(64, 128))
    maps = [early, x, *_smaller(net, x, extras)]
    sizes = [_SIDE * scale for scale in (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)]
    first = [*shaped(sizes[0] / 2, [1]), *shaped(sizes[0], [2, 1 / 2])]
    six = (2.0, 1 / 2, 3.0, 1 / 3)
    shapes = [first, *(_shapes(*around, six) for around in pairwise(sizes[1:]))]
    return _finished(net, maps, shapes, window=1, classes=91, function="Sigmoid")


def _normalised(net: Network, x: Value, name: str) -> Value:
    """Each pixel's vector at length one, times a learned number per channel (about 20)."""
    scale = net.learned(f"{name}.scale", (x.channels, 1, 1), deviation=0, mean=20)
    unit = net.node("LpNormalization", [x], f"{name}.unit", x.shape, axis=1, p=2)
    return net.node("Mul", [unit, scale], name, x.shape)


def _smaller(net: Network, x: Value, extras: Sequence[_Extra]) -> list[Value]:
    maps = []
    for index, extra in enumerate(extras):
        x = conv(net, x, extra.narrow, 1, f"extra{index}.narrow")
        name = f"extra{index}.conv"
        x = conv(net, x, extra.channels, 3, name, stride=extra.stride, padding=extra.padding)
        maps.append(x)
    return maps


def _shapes(size: float, following: float, ratios: Sequence[float]) -> list[BoxShape]:
    """A square, one between this size and the next, and the oblong ones."""
    between = sqrt(size * following)
    return [*shaped(size, [1]), *shaped(between, [1]), *shaped(size, ratios)]


def _finished(
    net: Network,
    maps: Sequence[Value],
    shapes: Sequence[Sequence[BoxShape]],
    *,
    window: int,
    classes: int,
    function: str,
) -> Network:
    """Heads over each map, decoded."""
    offsets: list[Value] = []
    scores: list[Value] = []
    anchors = []
    for index, (x, here) in enumerate(zip(maps, shapes, strict=True)):
        for numbers, kind, found in ((4, "box", offsets), (classes, "class", scores)):
            name = f"head{index}.{kind}"
            y = conv(
                net, x, len(here) * numbers, window, name, activation=None, gain=PREDICTION_GAIN
            )
            found.append(per_anchor(net, y, numbers, f"{name}.list"))
        anchors.append(grid(x.shape[1], _SIDE / x.shape[1], here))
    centres, sizes = np.split(np.concatenate(anchors), 2, axis=1)
    places = (net.constant("anchors.centres", centres), net.constant("anchors.sizes", sizes))
    boxes = decode(net, concatenate(net, offsets, "offsets"), places, "decoded")
    logits = concatenate(net, scores, "class.logits")
    attributes = {"axis": 2} if function == "Softmax" else {}
    likely = net.node(function, [logits], "likely", logits.shape, **attributes)
    give_best(net, boxes, without_background(net, likely, "likely.things"))
    return net
