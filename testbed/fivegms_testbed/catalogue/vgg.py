"""VGG-16: Simonyan and Zisserman, "Very deep convolutional networks", 2014, configuration D."""

from collections.abc import Sequence

from fivegms_testbed.catalogue.classifiers import classifier
from fivegms_testbed.catalogue.layers import conv, dense, flatten, max_pool, relu
from fivegms_testbed.catalogue.network import Network, Value

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and convolutions of each stage; a pooling by two follows each."""


def vgg16() -> Network:
    """Thirteen convolutions and three dense layers for pictures of 224 pixels."""
    return classifier("vgg16", 224, _features)


def stage(net: Network, x: Value, number: int) -> Value:
    """The convolutions of one stage, counted from 1, without its pooling."""
    channels, convolutions = STAGES[number - 1]
    for index in range(1, convolutions + 1):
        x = conv(net, x, channels, 3, f"conv{number}_{index}")
    return x


def stages(net: Network, x: Value, numbers: Sequence[int]) -> Value:
    """Stages, each with its pooling."""
    for number in numbers:
        x = max_pool(net, stage(net, x, number), 2, f"pool{number}", stride=2)
    return x


def dense_layers(net: Network, x: Value) -> Value:
    """fc6 and fc7: [512, 7, 7] -> [4096]."""
    x = flatten(net, x, "flat")
    x = dense(net, x, 4096, "fc6", activation=relu)
    return dense(net, x, 4096, "fc7", activation=relu)


def _features(net: Network, images: Value) -> Value:
    return dense_layers(net, stages(net, images, (1, 2, 3, 4, 5)))
