"""DenseNet-169: Huang et al., "Densely connected convolutional networks", 2017, table 1.

Each layer takes in what all layers before it in its block gave, so nearly every cut of this graph
has several tensors. Its normalisations come before the convolutions and stay in the graph.
"""

from fivegms_testbed.catalogue.classifiers import classifier
from fivegms_testbed.catalogue.layers import (
    average_pool,
    batch_norm,
    concatenate,
    conv,
    global_average,
    max_pool,
    relu,
)
from fivegms_testbed.catalogue.network import Network, Value

_BLOCKS = (6, 12, 32, 32)
_GROWTH = 32
_BOTTLENECK = 4 * _GROWTH


def densenet169() -> Network:
    """For pictures of 224 pixels."""
    return classifier("densenet169", 224, _features)


def _features(net: Network, images: Value) -> Value:
    x = conv(net, images, 2 * _GROWTH, 7, "stem", stride=2)
    x = max_pool(net, x, 3, "stem.pool", stride=2, padding=1)
    for block, layers in enumerate(_BLOCKS, start=1):
        if block > 1:
            x = _transition(net, x, f"transition{block - 1}")
        for layer in range(1, layers + 1):
            x = _layer(net, x, f"block{block}.layer{layer}")
    return global_average(net, _activated(net, x, "norm"), "pool")


def _layer(net: Network, x: Value, name: str) -> Value:
    y = _activated(net, x, f"{name}.norm")
    y = conv(net, y, _BOTTLENECK, 1, f"{name}.conv1")
    y = conv(net, y, _GROWTH, 3, f"{name}.conv2", activation=None)
    return concatenate(net, [x, y], f"{name}.concat")


def _transition(net: Network, x: Value, name: str) -> Value:
    y = _activated(net, x, f"{name}.norm")
    y = conv(net, y, x.channels // 2, 1, f"{name}.conv", activation=None)
    return average_pool(net, y, 2, f"{name}.pool", stride=2)


def _activated(net: Network, x: Value, name: str) -> Value:
    return relu(net, batch_norm(net, x, name))
