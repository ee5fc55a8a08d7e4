"""MobileNet (v1): Howard et al., "MobileNets", 2017, table 1.

A depthwise and a pointwise convolution stand for each full one. The detectors that are built on it
take parts of it, so the thirteen pairs are counted as the paper's implementation counts them.
"""

from collections.abc import Iterable

from fivegms_testbed.catalogue.classifiers import classifier
from fivegms_testbed.catalogue.layers import conv, depthwise, global_average
from fivegms_testbed.catalogue.network import Network, Value

_PAIRS = (
    ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2))
    + ((512, 1),) * 5
    + ((1024, 2), (1024, 1))
)
"""Channels and stride of each pair."""
LAST = len(_PAIRS)
_DOG_BREEDS = 120


def mobilenet() -> Network:
    """1.0 MobileNet-224 for 120 classes, as in table 10: 3.3 million parameters, not 4.2."""
    return classifier("mobilenet", 224, _features, _DOG_BREEDS)


def stem(net: Network, images: Value) -> Value:
    """The full convolution that comes first."""
    return conv(net, images, 32, 3, "conv0", stride=2)


def pairs(net: Network, x: Value, numbers: Iterable[int], *, strided: bool = True) -> Value:
    """Pairs by number, from 1; with their strides, unless the picture is to keep its size."""
    for number in numbers:
        channels, stride = _PAIRS[number - 1]
        x = separable(net, x, channels, f"conv{number}", stride=stride if strided else 1)
    return x


def separable(net: Network, x: Value, channels: int, name: str, *, stride: int) -> Value:
    """One pair: a 3x3 convolution of each channel, then a 1x1 convolution of all."""
    x = depthwise(net, x, 3, f"{name}.depthwise", stride=stride)
    return conv(net, x, channels, 1, f"{name}.pointwise")


def _features(net: Network, images: Value) -> Value:
    x = pairs(net, stem(net, images), range(1, LAST + 1))
    return global_average(net, x, "pool")
