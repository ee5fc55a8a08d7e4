"""Faster R-CNN: Ren et al., "Faster R-CNN", 2015, for pictures of 300 pixels.

A region proposal network picks 300 regions of the backbone's map; each is pooled to 7x7 and
classified, which is where most multiply-accumulates go. Over VGG-16 regions pass fc6 and fc7; over
MobileNet they pass its last two pairs, without their stride, as Howard et al. 2017 (table 13)
count. For COCO's 80 classes and the background. One picture at a time.
"""

from collections.abc import Callable

import numpy as np

from fivegms_testbed.catalogue import mobilenet, vgg
from fivegms_testbed.catalogue.anchors import grid, shaped
from fivegms_testbed.catalogue.detections import (
    PREDICTION_GAIN,
    chosen,
    decode,
    detector,
    give_best,
    halves,
    per_anchor,
    reshape,
    without_background,
)
from fivegms_testbed.catalogue.layers import (
    conv,
    dense,
    global_average,
    max_pool,
)
from fivegms_testbed.catalogue.network import Network, Value

_SIDE = 300
_STRIDE = 16
_REGIONS = 300
_POOLED = 7
_OVERLAP = 0.7
"""Proposals that share more with a better one are dropped."""
_WIDTH = 512
_CLASSES = 81
_RATIOS = (1.0, 0.5, 2.0)
_SIZES = (32.0, 64.0, 128.0, 256.0)


def faster_rcnn_vgg() -> Network:
    """Over VGG-16."""
    return _faster_rcnn("faster-rcnn-vgg", _vgg_map, vgg.dense_layers)


def faster_rcnn_mobilenet() -> Network:
    """Over MobileNet."""
    return _faster_rcnn("faster-rcnn-mobilenet", _mobilenet_map, _mobilenet_head)


def _vgg_map(net: Network, images: Value) -> Value:
    x = images
    for number in range(1, 5):
        pooled = vgg.stage(net, x, number)
        x = max_pool(net, pooled, 2, f"pool{number}", stride=2, ceil=1)
    return vgg.stage(net, x, 5)


def _mobilenet_map(net: Network, images: Value) -> Value:
    return mobilenet.pairs(net, mobilenet.stem(net, images), range(1, 12))


def _mobilenet_head(net: Network, regions: Value) -> Value:
    x = mobilenet.pairs(net, regions, (12, 13), strided=False)
    return global_average(net, x, "pool")


def _faster_rcnn(
    name: str,
    backbone: Callable[[Network, Value], Value],
    head: Callable[[Network, Value], Value],
) -> Network:
    net, images = detector(name, _SIDE, batch=1)
    features = backbone(net, images)
    regions = _proposals(net, features)
    vectors = head(net, _pooled(net, features, regions))
    scores = dense(net, vectors, _CLASSES, "class")
    offsets = dense(net, vectors, 4 * _CLASSES, "box")
    likely = net.node("Softmax", [scores], "likely", scores.shape, axis=1)
    picture = _of_one_picture(net, likely, (_REGIONS, _CLASSES), "likely.all")
    things = without_background(net, picture, "likely.things")
    moved = _of_likeliest(net, things, offsets)
    give_best(net, decode(net, moved, _places(net, regions), "decoded"), things)
    return net


def _proposals(net: Network, features: Value) -> Value:
    """The best regions that differ, as corners [300, 4]; the best again where they are too few."""
    shapes = [one for size in _SIZES for one in shaped(size, _RATIOS)]
    x = conv(net, features, _WIDTH, 3, "proposal.conv")
    logits = conv(net, x, len(shapes), 1, "proposal.thing", activation=None)
    offsets = conv(
        net, x, 4 * len(shapes), 1, "proposal.box", activation=None, gain=PREDICTION_GAIN
    )
    anchors = grid(features.shape[1], _STRIDE, shapes)
    centres, sizes = np.split(anchors, 2, axis=1)
    places = (net.constant("anchors.centres", centres), net.constant("anchors.sizes", sizes))
    listed = per_anchor(net, offsets, 4, "proposal.offsets")
    boxes = decode(net, listed, places, "proposal", deviations=(1.0, 1.0))
    scores = per_anchor(net, logits, 1, "proposal.scores")
    rows = net.node("Transpose", [scores], "proposal.rows", (1, len(anchors)), perm=[0, 2, 1])
    return chosen(net, boxes, _kept(net, boxes, rows), "regions")


def _kept(net: Network, boxes: Value, scores: Value) -> Value:
    """Which boxes survive non-maximum suppression, padded to a number that is known: [300]."""
    limits = (
        net.constant("suppression.most", np.array([_REGIONS])),
        net.constant("suppression.overlap", np.array([_OVERLAP], np.float32)),
    )
    found = net.node("NonMaxSuppression", [boxes, scores, *limits], "suppression", (3,))
    column = net.constant("suppression.column", np.array(2))
    kept = net.node("Gather", [found, column], "suppression.kept", (), axis=1)
    best = net.node("ArgMax", [scores], "suppression.best", (1,), axis=2, keepdims=0)
    again = _expanded(net, best)
    padded = net.node("Concat", [kept, again], "suppression.padded", (), axis=0)
    first, last = (
        net.constant(f"suppression.{part}", np.array([at]))
        for part, at in (("first", 0), ("last", _REGIONS))
    )
    sliced = net.node("Slice", [padded, first, last], "suppression.sliced", ())
    sizes = net.constant("suppression.shape", np.array([1, _REGIONS]))
    return net.node("Reshape", [sliced, sizes], "suppression.indices", (_REGIONS,))


def _expanded(net: Network, best: Value) -> Value:
    flat = net.constant("suppression.flat", np.array([1]))
    one = net.node("Reshape", [best, flat], "suppression.one", ())
    sizes = net.constant("suppression.regions", np.array([_REGIONS]))
    return net.node("Expand", [one, sizes], "suppression.again", ())


def _pooled(net: Network, features: Value, regions: Value) -> Value:
    """Each region of the map at 7x7; from here on the batch is the regions."""
    flat = net.constant("regions.shape", np.array([_REGIONS, 4]))
    boxes = net.node("Reshape", [regions, flat], "regions.flat", (4,))
    pictures = net.constant("regions.pictures", np.zeros(_REGIONS, np.int64))
    return net.node(
        "RoiAlign",
        [features, boxes, pictures],
        "pooled",
        (features.channels, _POOLED, _POOLED),
        output_height=_POOLED,
        output_width=_POOLED,
        sampling_ratio=2,
        spatial_scale=1 / _STRIDE,
    )


def _of_one_picture(net: Network, x: Value, shape: tuple[int, ...], name: str) -> Value:
    """Values of 300 regions [300, F] as those of one picture [1, *shape]."""
    sizes = net.constant(f"{name}.shape", np.array([1, *shape]))
    return net.node("Reshape", [x, sizes], name, shape)


def _of_likeliest(net: Network, scores: Value, offsets: Value) -> Value:
    """Of each region's offsets, one box per class, those of its likeliest class: [300, 4]."""
    boxes = _of_one_picture(net, offsets, (_REGIONS, _CLASSES, 4), "box.all")
    likeliest = net.node("ArgMax", [scores], "likeliest", (_REGIONS, 1), axis=2, keepdims=1)
    background = net.constant("background", np.array(1))
    number = net.node("Add", [likeliest, background], "likeliest.number", (_REGIONS, 1))
    axis = net.constant("likeliest.axis", np.array([3]))
    column = net.node("Unsqueeze", [number, axis], "likeliest.column", (_REGIONS, 1, 1))
    sizes = net.constant("likeliest.sizes", np.array([1, 1, 1, 4]))
    index = net.node("Expand", [column, sizes], "likeliest.index", (_REGIONS, 1, 4))
    taken = net.node("GatherElements", [boxes, index], "box.likeliest", (_REGIONS, 1, 4), axis=2)
    return reshape(net, taken, (_REGIONS, 4), "box.offsets")


def _places(net: Network, regions: Value) -> tuple[Value, Value]:
    """Centres and sizes [300, 2] of regions that are given by their corners."""
    start, end = halves(net, regions, "regions.corners")
    size = net.node("Sub", [end, start], "regions.size", start.shape)
    total = net.node("Add", [start, end], "regions.total", start.shape)
    half = net.constant("half", np.array(0.5, np.float32))
    return net.node("Mul", [total, half], "regions.centre", start.shape), size
