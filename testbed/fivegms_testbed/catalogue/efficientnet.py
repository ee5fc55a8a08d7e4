"""EfficientNet-B0: Tan and Le, "EfficientNet", 2019, table 1.

Mobile inverted bottlenecks with squeeze-and-excitation, as Sandler et al. 2018 and Hu et al. 2018
define them.
"""

from dataclasses import dataclass

from fivegms_testbed.catalogue.classifiers import classifier
from fivegms_testbed.catalogue.layers import (
    BRANCH_GAIN,
    HE_GAIN,
    add,
    conv,
    depthwise,
    global_average,
    swish,
)
from fivegms_testbed.catalogue.network import Network, Value


@dataclass(frozen=True, slots=True)
class _Stage:
    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel: int


_STAGES = (
    _Stage(1, 16, 1, 1, 3),
    _Stage(6, 24, 2, 2, 3),
    _Stage(6, 40, 2, 2, 5),
    _Stage(6, 80, 3, 2, 3),
    _Stage(6, 112, 3, 1, 5),
    _Stage(6, 192, 4, 2, 5),
    _Stage(6, 320, 1, 1, 3),
)
_GATED = 4.0
"""Gates are about a half, so a quarter of the variance comes through one."""
_SQUEEZE = 4
"""How many of a block's own input channels stand behind one of its gate's."""


def efficientnet_b0() -> Network:
    """For pictures of 224 pixels."""
    return classifier("efficientnet-b0", 224, _features)


def stages(net: Network, images: Value) -> list[Value]:
    """What each of the seven stages gives."""
    x = conv(net, images, 32, 3, "stem", stride=2, activation=swish)
    given = []
    for number, stage in enumerate(_STAGES, start=1):
        for index in range(stage.blocks):
            stride = stage.stride if index == 0 else 1
            x = _block(net, x, stage, stride, f"stage{number}.block{index}")
        given.append(x)
    return given


def _features(net: Network, images: Value) -> Value:
    x = conv(net, stages(net, images)[-1], 1280, 1, "head", activation=swish)
    return global_average(net, x, "pool")


def _block(net: Network, x: Value, stage: _Stage, stride: int, name: str) -> Value:
    y = x
    if stage.expansion > 1:
        width = x.channels * stage.expansion
        y = conv(net, y, width, 1, f"{name}.expand", activation=swish)
    y = depthwise(net, y, stage.kernel, f"{name}.depthwise", stride=stride, activation=swish)
    y = _gated(net, y, x.channels // _SQUEEZE, f"{name}.gate")
    adds = y.shape[1:] == x.shape[1:] and stage.channels == x.channels
    gain = _GATED * (BRANCH_GAIN if adds else HE_GAIN)
    y = conv(net, y, stage.channels, 1, f"{name}.project", activation=None, gain=gain)
    return add(net, y, x, f"{name}.add") if adds else y


def _gated(net: Network, x: Value, squeezed: int, name: str) -> Value:
    """Squeeze-and-excitation: each channel weighted by what the means of all say."""
    mean = net.node("GlobalAveragePool", [x], f"{name}.mean", (x.channels, 1, 1))
    y = conv(net, mean, squeezed, 1, f"{name}.squeeze", activation=swish)
    y = conv(net, y, x.channels, 1, f"{name}.excite", activation=None)
    y = net.node("Sigmoid", [y], f"{name}.sigmoid", y.shape)
    return net.node("Mul", [x, y], name, x.shape)
