"""The layers that the architectures are made of, each a function from values to a value.

Batch normalisation that follows a convolution is folded into it, as in any exported graph, so a
convolution is its weight and a bias. Paddings are symmetric and give the sizes of "same" padding.
"""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from fivegms_testbed.catalogue.network import Network, Shape, Value

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
) -> Value:
    """A convolution [C, H, W] -> [channels, H', W'], "same" padding unless said otherwise."""
    height, width = kernel = _pair(size)
    pads = _pair(padding) if padding is not None else _same(kernel, dilation)
    fan_in = x.channels // groups * height * width
    gain = 1.0 if activation is None else 2.0
    weight = net.weight(
        f"{name}.weight", (channels, x.channels // groups, *kernel), fan_in=fan_in, gain=gain
    )
    y = net.node(
        "Conv",
        [x, weight, net.bias(f"{name}.bias", channels)],
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
) -> Value:
    """A convolution of each channel by itself."""
    channels = x.channels
    return conv(net, x, channels, size, name, stride=stride, groups=channels, activation=activation)


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
    gain = 1.0 if activation is None else 2.0
    weight = net.weight(f"{name}.weight", (features, x.channels), fan_in=x.channels, gain=gain)
    bias = net.bias(f"{name}.bias", features)
    y = net.node("Gemm", [x, weight, bias], name, (features,), transB=1)
    return activation(net, y) if activation else y


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
