"""The layers that the architectures are made of, each a function from values to a value.

Batch normalisation that follows a convolution is folded into it, as in any exported graph, so a
convolution is its weight and a bias. Paddings are symmetric and give the sizes of "same" padding.
"""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from fivegms_testbed.catalogue.network import Network, Shape, Value

HE_GAIN = 2.0
"""He et al. 2015: variance 2 / fan-in keeps the variance of what a ReLU halves."""
BRANCH_GAIN = 0.2
"""For what is added to a shortcut: sums then keep their variance through many blocks."""

Activation = Callable[[Network, Value], Value]
Size = int | tuple[int, int]


def relu(net: Network, x: Value) -> Value:
    """max(x, 0)."""
    return net.node("Relu", [x], f"{x.name}.relu", x.shape)


def swish(net: Network, x: Value) -> Value:
    """x * sigmoid(x)."""
    gate = net.node("Sigmoid", [x], f"{x.name}.sigmoid", x.shape)
    return net.node("Mul", [x, gate], f"{x.name}.swish", x.shape)


def leaky_relu(net: Network, x: Value) -> Value:
    """x, or a tenth of it below 0."""
    return net.node("LeakyRelu", [x], f"{x.name}.leaky", x.shape, alpha=0.1)


def conv(
    net: Network,
    x: Value,
    channels: int,
    size: Size,
    name: str,
    *,
    stride: int = 1,
    padding: Size | None = None,
    dilation: int = 1,
    groups: int = 1,
    activation: Activation | None = relu,
    gain: float = HE_GAIN,
    tensors: str | None = None,
) -> Value:
    """A convolution [C, H, W] -> [channels, H', W'], "same" padding unless said otherwise.

    Weights have variance `gain` / fan-in. `tensors` is the name of the layer whose tensors it
    uses; by default they are its own.
    """
    kernel = _pair(size)
    pads = _pair(padding) if padding is not None else _same(kernel, dilation)
    owner = tensors or name
    weight = _weight(
        net,
        f"{owner}.weight",
        (channels, x.channels // groups, *kernel),
        gain,
    )
    bias = net.learned(f"{owner}.bias", (channels,), deviation=0)
    y = net.node(
        "Conv",
        [x, weight, bias],
        name,
        (channels, *_slid(x.shape[1:], kernel, stride, pads, dilation)),
        kernel_shape=kernel,
        strides=[stride, stride],
        pads=[*pads, *pads],
        dilations=[dilation, dilation],
        group=groups,
    )
    return activation(net, y) if activation else y


def depthwise(
    net: Network,
    x: Value,
    size: int,
    name: str,
    *,
    stride: int = 1,
    activation: Activation | None = relu,
    tensors: str | None = None,
) -> Value:
    """A convolution of each channel by itself."""
    return conv(
        net,
        x,
        x.channels,
        size,
        name,
        stride=stride,
        groups=x.channels,
        activation=activation,
        tensors=tensors,
    )


def max_pool(
    net: Network, x: Value, size: int, name: str, *, stride: int, padding: int = 0, ceil: int = 0
) -> Value:
    """The largest of each window; with `ceil`, of the incomplete last ones too."""
    pads = (padding, padding)
    shape = (x.channels, *_slid(x.shape[1:], (size, size), stride, pads, ceil=ceil))
    return net.node(
        "MaxPool",
        [x],
        name,
        shape,
        kernel_shape=[size, size],
        strides=[stride, stride],
        pads=[padding] * 4,
        ceil_mode=ceil,
    )


def average_pool(
    net: Network, x: Value, size: int, name: str, *, stride: int = 1, padding: int = 0
) -> Value:
    """The mean of each window."""
    pads = (padding, padding)
    shape = (x.channels, *_slid(x.shape[1:], (size, size), stride, pads))
    return net.node(
        "AveragePool",
        [x],
        name,
        shape,
        kernel_shape=[size, size],
        strides=[stride, stride],
        pads=[padding] * 4,
    )


def global_average(net: Network, x: Value, name: str) -> Value:
    """The mean of each channel: [C, H, W] -> [C]."""
    mean = net.node("GlobalAveragePool", [x], name, (x.channels, 1, 1))
    return flatten(net, mean, f"{name}.flat")


def flatten(net: Network, x: Value, name: str) -> Value:
    """[C, H, W] -> [C * H * W]."""
    return net.node("Flatten", [x], name, (prod(x.shape),))


def dense(
    net: Network, x: Value, features: int, name: str, *, activation: Activation | None = None
) -> Value:
    """A fully connected layer [F] -> [features]."""
    weight = _weight(net, f"{name}.weight", (features, x.channels), HE_GAIN)
    bias = net.learned(f"{name}.bias", (features,), deviation=0)
    y = net.node("Gemm", [x, weight, bias], name, (features,), transB=1)
    return activation(net, y) if activation else y


def batch_norm(net: Network, x: Value, name: str) -> Value:
    """A normalisation that follows no convolution and so cannot be folded into one."""
    vectors = (("scale", 1.0), ("bias", 0.0), ("mean", 0.0), ("variance", 1.0))
    learned = [
        net.learned(f"{name}.{part}", (x.channels,), deviation=0, mean=mean)
        for part, mean in vectors
    ]
    return net.node("BatchNormalization", [x, *learned], name, x.shape)


def add(net: Network, one: Value, other: Value, name: str) -> Value:
    """The sum of two values of one shape."""
    return net.node("Add", [one, other], name, one.shape)


def concatenate(net: Network, values: Sequence[Value], name: str, axis: int = 0) -> Value:
    """Values side by side along an axis of their sample shape."""
    shape = list(values[0].shape)
    shape[axis] = sum(value.shape[axis] for value in values)
    return net.node("Concat", values, name, tuple(shape), axis=axis + 1)


def upsample(net: Network, x: Value, name: str, *, factor: int = 2) -> Value:
    """Every pixel repeated: [C, H, W] -> [C, factor * H, factor * W]."""
    scales = net.constant(f"{name}.scales", np.array([1, 1, factor, factor], np.float32))
    shape = (x.channels, factor * x.shape[1], factor * x.shape[2])
    return net.node(
        "Resize",
        [x, "", scales],
        name,
        shape,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _weight(net: Network, name: str, shape: Shape, gain: float) -> str:
    return net.learned(name, shape, deviation=float(np.sqrt(gain / prod(shape[1:]))))


def _pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _same(kernel: tuple[int, int], dilation: int) -> tuple[int, int]:
    return kernel[0] // 2 * dilation, kernel[1] // 2 * dilation


def _slid(
    shape: Shape,
    kernel: tuple[int, int],
    stride: int,
    pads: tuple[int, int],
    dilation: int = 1,
    ceil: int = 0,
) -> tuple[int, int]:
    """How often a window fits each way."""
    spare = stride - 1 if ceil else 0
    height, width = (
        (size + 2 * pad - dilation * (window - 1) - 1 + spare) // stride + 1
        for size, window, pad in zip(shape, kernel, pads, strict=True)
    )
    return height, width
