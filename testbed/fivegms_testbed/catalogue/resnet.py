"""ResNet-50: He et al., "Deep residual learning for image recognition", 2015, table 1.

The stride of a stage is in its first 3x3 convolution, as in every implementation since 2016.
"""

from fivegms_testbed.catalogue.classifiers import classifier
from fivegms_testbed.catalogue.layers import BRANCH_GAIN, add, conv, global_average, max_pool, relu
from fivegms_testbed.catalogue.network import Network, Value

_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Width, blocks and stride."""
_EXPANSION = 4


def resnet50() -> Network:
    """3-4-6-3 bottleneck blocks for pictures of 224 pixels."""
    return classifier("resnet50", 224, _features)


def _features(net: Network, images: Value) -> Value:
    x = conv(net, images, 64, 7, "stem", stride=2)
    x = max_pool(net, x, 3, "stem.pool", stride=2, padding=1)
    for stage, (width, blocks, stride) in enumerate(_STAGES, start=1):
        for index in range(blocks):
            name = f"stage{stage}.block{index}"
            x = _bottleneck(net, x, width, stride if index == 0 else 1, name)
    return global_average(net, x, "pool")


def _bottleneck(net: Network, x: Value, width: int, stride: int, name: str) -> Value:
    leaving = width * _EXPANSION
    y = conv(net, x, width, 1, f"{name}.conv1")
    y = conv(net, y, width, 3, f"{name}.conv2", stride=stride)
    y = conv(net, y, leaving, 1, f"{name}.conv3", activation=None, gain=BRANCH_GAIN)
    if x.channels != leaving:
        x = conv(net, x, leaving, 1, f"{name}.shortcut", stride=stride, activation=None)
    return relu(net, add(net, y, x, f"{name}.add"))
