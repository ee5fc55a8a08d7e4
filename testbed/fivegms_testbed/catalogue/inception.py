"""Inception-v3: Szegedy et al., "Rethinking the Inception architecture", 2016, table 1.

Without the auxiliary classifier, which is for training only. Blocks A to E are figures 5, 10, 6, 10
and 7 of the paper, with the channels of the published implementation.
"""

from collections.abc import Sequence

from fivegms_testbed.catalogue.classifiers import classifier
from fivegms_testbed.catalogue.layers import (
    Size,
    average_pool,
    concatenate,
    conv,
    global_average,
    max_pool,
)
from fivegms_testbed.catalogue.network import Network, Value

_ROW, _COLUMN = (1, 7), (7, 1)
Step = tuple[int, Size]
"""Channels and window of a convolution."""


def inception_v3() -> Network:
    """For pictures of 299 pixels."""
    return classifier("inception-v3", 299, _features)


def _features(net: Network, images: Value) -> Value:
    x = _stem(net, images)
    for index, pooled in enumerate((32, 64, 64)):
        x = _block_a(net, x, pooled, f"a{index}")
    x = _block_b(net, x, "b")
    for index, width in enumerate((128, 160, 160, 192)):
        x = _block_c(net, x, width, f"c{index}")
    x = _block_d(net, x, "d")
    for index in range(2):
        x = _block_e(net, x, f"e{index}")
    return global_average(net, x, "pool")


def _stem(net: Network, x: Value) -> Value:
    x = conv(net, x, 32, 3, "stem.conv1", stride=2, padding=0)
    x = conv(net, x, 32, 3, "stem.conv2", padding=0)
    x = conv(net, x, 64, 3, "stem.conv3")
    x = max_pool(net, x, 3, "stem.pool1", stride=2)
    x = conv(net, x, 80, 1, "stem.conv4")
    x = conv(net, x, 192, 3, "stem.conv5", padding=0)
    return max_pool(net, x, 3, "stem.pool2", stride=2)


def _path(net: Network, x: Value, steps: Sequence[Step], name: str) -> Value:
    for index, (channels, size) in enumerate(steps, start=1):
        x = conv(net, x, channels, size, f"{name}.conv{index}")
    return x


def _pooled(net: Network, x: Value, channels: int, name: str) -> Value:
    x = average_pool(net, x, 3, f"{name}.average", padding=1)
    return conv(net, x, channels, 1, f"{name}.conv")


def _halved(net: Network, x: Value, channels: int, name: str) -> Value:
    return conv(net, x, channels, 3, name, stride=2, padding=0)


def _block_a(net: Network, x: Value, pooled: int, name: str) -> Value:
    paths = [
        _path(net, x, [(64, 1)], f"{name}.single"),
        _path(net, x, [(48, 1), (64, 5)], f"{name}.five"),
        _path(net, x, [(64, 1), (96, 3), (96, 3)], f"{name}.double"),
        _pooled(net, x, pooled, f"{name}.pool"),
    ]
    return concatenate(net, paths, f"{name}.concat")


def _block_b(net: Network, x: Value, name: str) -> Value:
    double = _path(net, x, [(64, 1), (96, 3)], f"{name}.double")
    paths = [
        _halved(net, x, 384, f"{name}.single"),
        _halved(net, double, 96, f"{name}.double.last"),
        max_pool(net, x, 3, f"{name}.pool", stride=2),
    ]
    return concatenate(net, paths, f"{name}.concat")


def _block_c(net: Network, x: Value, width: int, name: str) -> Value:
    seven: list[Step] = [(width, 1), (width, _ROW), (192, _COLUMN)]
    twice: list[Step] = [(width, 1), (width, _COLUMN), (width, _ROW), (width, _COLUMN), (192, _ROW)]
    paths = [
        _path(net, x, [(192, 1)], f"{name}.single"),
        _path(net, x, seven, f"{name}.seven"),
        _path(net, x, twice, f"{name}.double"),
        _pooled(net, x, 192, f"{name}.pool"),
    ]
    return concatenate(net, paths, f"{name}.concat")


def _block_d(net: Network, x: Value, name: str) -> Value:
    three = _path(net, x, [(192, 1)], f"{name}.three")
    seven = _path(net, x, [(192, 1), (192, _ROW), (192, _COLUMN)], f"{name}.seven")
    paths = [
        _halved(net, three, 320, f"{name}.three.last"),
        _halved(net, seven, 192, f"{name}.seven.last"),
        max_pool(net, x, 3, f"{name}.pool", stride=2),
    ]
    return concatenate(net, paths, f"{name}.concat")


def _block_e(net: Network, x: Value, name: str) -> Value:
    three = _path(net, x, [(384, 1)], f"{name}.three")
    double = _path(net, x, [(448, 1), (384, 3)], f"{name}.double")
    paths = [
        _path(net, x, [(320, 1)], f"{name}.single"),
        *_spread(net, three, f"{name}.three"),
        *_spread(net, double, f"{name}.double"),
        _pooled(net, x, 192, f"{name}.pool"),
    ]
    return concatenate(net, paths, f"{name}.concat")


def _spread(net: Network, x: Value, name: str) -> list[Value]:
    """A row and a column side by side where other blocks have a square."""
    return [
        conv(net, x, 384, (1, 3), f"{name}.row"),
        conv(net, x, 384, (3, 1), f"{name}.column"),
    ]
