"""How channels pass through each operator: the table that `channels.follow` reads.

A flow returns False where it cannot tell, and then everything that the node takes in is kept as it
is. So an operator that is missing here costs compression, never correctness. Normalisations over
channels (LayerNormalization, LRN, Softmax along channels) are missing on purpose: what they give
depends on how many channels there are.
"""

from collections.abc import Mapping
from math import prod

import numpy as np
from onnx import NodeProto

from fivegms_prepare.optimise.channels import Carried, ChannelMap, Channels, Flow
from fivegms_prepare.optimise.layers import Layer, layer_of, number, numbers

_SOFTMAX_OF_ONE_AXIS = 13  # before, it took all axes from the one named


def _layer(channels: ChannelMap, node: NodeProto) -> bool:
    """A layer ends the channels that it takes in, and makes channels of its own."""
    layer = layer_of(channels.draft, node)
    if layer is None:
        return False
    if layer.groups > 1:
        return _depthwise(channels, layer)
    carried = channels.carried.get(layer.taken)
    inputs = channels.of_constant(layer.weight, layer.input_axis)
    channels.keep_other_axes(layer.weight, layer.input_axis, layer.output_axis)
    if carried is None or carried.axis != _layer_axis(channels, layer):
        channels.lock_value(layer.taken)
        channels.lock(inputs)
    else:
        channels.tie(inputs, carried.channels)
        channels.read[layer.taken] = carried
    return _give(channels, layer, channels.of_constant(layer.weight, layer.output_axis))


def _layer_axis(channels: ChannelMap, layer: Layer) -> int | None:
    if layer.is_convolution:
        return 1
    rank = channels.rank(layer.taken)
    return None if rank is None else rank - 1


def _give(channels: ChannelMap, layer: Layer, outputs: Channels) -> bool:
    axis = _layer_axis(channels, layer)
    if axis is None or not _bias(channels, layer, outputs):
        channels.lock(outputs)
        return False
    channels.made[layer.given] = layer
    channels.carry(layer.given, axis, outputs)
    return True


def _bias(channels: ChannelMap, layer: Layer, outputs: Channels) -> bool:
    """Gemm may add one number for all channels; whatever else is no constant of them is unfit."""
    if layer.bias is None:
        return True
    if not channels.draft.has_constant(layer.bias):
        return False
    shape = channels.draft.shape(layer.bias)
    if not shape or shape[-1] != len(outputs):
        channels.lock_value(layer.bias)
        return not shape or shape[-1] == 1
    channels.of_constant(layer.bias, len(shape) - 1, outputs)
    channels.keep_other_axes(layer.bias, len(shape) - 1)
    return True


def _depthwise(channels: ChannelMap, layer: Layer) -> bool:
    """One filter for each channel: it goes with its channel."""
    carried = channels.carried.get(layer.taken)
    single = layer.node.op_type == "Conv" and layer.shape[:2] == (layer.groups, 1)
    if carried is None or carried.axis != 1 or not single:
        return False
    channels.of_constant(layer.weight, 0, carried.channels)
    channels.keep_other_axes(layer.weight, 0)
    if not _bias(channels, layer, carried.channels):
        return False
    channels.depthwise[layer.given] = layer
    channels.carry(layer.given, 1, carried.channels)
    return True


def _same(channels: ChannelMap, node: NodeProto) -> bool:
    """Each number of the first input to one of the output; the other inputs are settings."""
    carried = channels.carried.get(node.input[0])
    if carried is None:
        return False
    channels.carry(node.output[0], carried.axis, carried.channels)
    for name in node.input[1:]:
        channels.lock_value(name)
    return True


def _pool(channels: ChannelMap, node: NodeProto) -> bool:
    carried = channels.carried.get(node.input[0])
    return carried is not None and carried.axis == 1 and _same(channels, node)


def _normalise(channels: ChannelMap, node: NodeProto) -> bool:
    """Each channel by statistics of its own: scale, shift, and mean and variance if given."""
    carried = channels.carried.get(node.input[0])
    if carried is None or carried.axis != 1:
        return False
    for name in node.input[1:]:
        if not channels.draft.has_constant(name):
            return False
        channels.of_constant(name, 0, carried.channels)
    channels.carry(node.output[0], 1, carried.channels)
    return True


def _softmax(channels: ChannelMap, node: NodeProto) -> bool:
    carried, rank = channels.carried.get(node.input[0]), channels.rank(node.input[0])
    if carried is None or rank is None or channels.draft.opset < _SOFTMAX_OF_ONE_AXIS:
        return False
    return number(node, "axis", -1) % rank != carried.axis and _same(channels, node)


def _elementwise(channels: ChannelMap, node: NodeProto) -> bool:
    """Operands that are broadcast as numpy does: each has all channels, or one number for all."""
    ranks = {name: _rank(channels, name) for name in node.input}
    if any(rank is None for rank in ranks.values()):
        return False
    most = max(rank for rank in ranks.values() if rank is not None)
    found = {
        channels.carried[name].axis + most - (ranks[name] or 0)
        for name in node.input
        if name in channels.carried
    }
    if len(found) != 1:
        return False
    axis = found.pop()
    operands = [_operand(channels, name, axis - most + (ranks[name] or 0)) for name in node.input]
    if any(operand is None for operand in operands):
        return False
    first, *others = (given for given in operands if given is not None and len(given))
    for other in others:
        channels.tie(first, other)
    channels.carry(node.output[0], axis, first)
    return True


def _rank(channels: ChannelMap, name: str) -> int | None:
    if channels.draft.has_constant(name):
        return len(channels.draft.shape(name))
    return channels.rank(name)


def _operand(channels: ChannelMap, name: str, axis: int) -> Channels | None:
    """The channels of an operand along an axis, none at all if it is broadcast, None if unknown."""
    if name in channels.carried:
        return channels.carried[name].channels
    constant = channels.draft.has_constant(name)
    if axis < 0 or channels.size(name, axis) == 1:
        channels.lock_value(name)
        return np.empty(0, np.intp)
    if not constant:
        return None
    channels.keep_other_axes(name, axis)
    return channels.of_constant(name, axis)


def _concatenate(channels: ChannelMap, node: NodeProto) -> bool:
    carried = [channels.carried.get(name) for name in node.input]
    rank = channels.rank(node.input[0])
    axes = {part.axis for part in carried if part is not None}
    if rank is None or len(axes) != 1:
        return False
    (axis,) = axes
    if number(node, "axis") % rank != axis:
        return None not in carried and _elementwise(channels, node)
    parts = [part for name in node.input if (part := _part(channels, name, axis)) is not None]
    if len(parts) < len(node.input):
        return False
    channels.reserve(sum(map(len, parts)))
    joined = np.concatenate(parts)
    channels.carry(node.output[0], axis, joined)
    return True


def _part(channels: ChannelMap, name: str, axis: int) -> Channels | None:
    """The channels of one input of a concatenation; those that no layer made are kept."""
    if name in channels.carried:
        return channels.carried[name].channels
    size = channels.size(name, axis)
    if size is None:
        return None
    fixed = channels.new(size)
    channels.lock(fixed)
    channels.lock_value(name)
    return fixed


def _flatten(channels: ChannelMap, node: NodeProto) -> bool:
    axis = number(node, "axis", 1)
    return axis == 1 and _to_matrix(channels, node)


def _to_matrix(channels: ChannelMap, node: NodeProto) -> bool:
    """[N, C, ...] to [N, C * ...]: each channel as often as it has numbers."""
    carried, rank = channels.carried.get(node.input[0]), channels.rank(node.input[0])
    if carried is None or carried.axis != 1 or rank is None:
        return False
    sizes = [channels.size(node.input[0], axis) for axis in range(2, rank)]
    if any(size is None for size in sizes):
        return False
    times = prod(size or 0 for size in sizes)
    channels.reserve(times * len(carried.channels))
    channels.carry(node.output[0], 1, np.repeat(carried.channels, times))
    return True


def _reshape(channels: ChannelMap, node: NodeProto) -> bool:
    """Only to a matrix, as `Flatten` does; a number of columns that is written out is followed."""
    if not channels.draft.has_constant(node.input[1]) or number(node, "allowzero"):
        return False
    shape = channels.draft.array(node.input[1]).tolist()
    first = channels.size(node.input[0], 0)
    rows_stay = len(shape) == 2 and (
        shape[0] in (0, -1, first) or (first is None and shape[0] == 1)
    )
    if not rows_stay or shape[1] == 0 or not _to_matrix(channels, node):
        return False
    columns = channels.carried[node.output[0]].channels
    if shape[1] == len(columns) and channels.reads[node.input[1]] == 1:
        channels.sizes[node.input[1], 1] = columns
        return True
    channels.lock_value(node.input[1])
    if shape[1] != -1:
        channels.lock(columns)
    return True


def _transpose(channels: ChannelMap, node: NodeProto) -> bool:
    carried, rank = channels.carried.get(node.input[0]), channels.rank(node.input[0])
    if carried is None or rank is None:
        return False
    order = numbers(node, "perm", tuple(reversed(range(rank))))
    channels.carry(node.output[0], order.index(carried.axis), carried.channels)
    return True


def _axes(channels: ChannelMap, node: NodeProto, index: int, rank: int) -> list[int] | None:
    """The axes that a node names, as an attribute or a constant input, counted from 0."""
    found = numbers(node, "axes")
    if not found and len(node.input) > index and node.input[index]:
        if not channels.draft.has_constant(node.input[index]):
            return None
        found = tuple(channels.draft.array(node.input[index]).tolist())
        channels.lock_value(node.input[index])
    return [axis % rank for axis in found]


def _reduce(channels: ChannelMap, node: NodeProto) -> bool:
    carried, rank = channels.carried.get(node.input[0]), channels.rank(node.input[0])
    axes = None if rank is None else _axes(channels, node, 1, rank)
    if carried is None or not axes or carried.axis in axes:
        return False
    return _shift(channels, node, carried, [] if number(node, "keepdims", 1) else axes)


def _squeeze(channels: ChannelMap, node: NodeProto) -> bool:
    carried, rank = channels.carried.get(node.input[0]), channels.rank(node.input[0])
    axes = None if rank is None else _axes(channels, node, 1, rank)
    if carried is None or not axes or carried.axis in axes:
        return False
    return _shift(channels, node, carried, axes)


def _shift(channels: ChannelMap, node: NodeProto, carried: Carried, gone: list[int]) -> bool:
    axis = carried.axis - sum(other < carried.axis for other in gone)
    channels.carry(node.output[0], axis, carried.channels)
    return True


def _resize(channels: ChannelMap, node: NodeProto) -> bool:
    """With scales that are constant and 1 for channels; sizes would say how many there are."""
    carried = channels.carried.get(node.input[0])
    name = node.input[2] if len(node.input) > 2 else ""
    if carried is None or not channels.draft.has_constant(name) or numbers(node, "axes"):
        return False
    scales = channels.draft.array(name)
    if scales.ndim != 1 or len(scales) <= carried.axis or scales[carried.axis] != 1:
        return False
    return _same(channels, node)


def _pad(channels: ChannelMap, node: NodeProto) -> bool:
    carried, rank = channels.carried.get(node.input[0]), channels.rank(node.input[0])
    constant = len(node.input) in (2, 3) and channels.draft.has_constant(node.input[1])
    if carried is None or rank is None or not constant:
        return False
    pads = channels.draft.array(node.input[1])
    if pads[carried.axis] or pads[carried.axis + rank]:
        return False
    return _same(channels, node)


def _unsqueeze(channels: ChannelMap, node: NodeProto) -> bool:
    carried, rank = channels.carried.get(node.input[0]), channels.rank(node.output[0])
    axes = None if rank is None else _axes(channels, node, 1, rank)
    if carried is None or rank is None or not axes:
        return False
    kept = [axis for axis in range(rank) if axis not in axes]
    channels.carry(node.output[0], kept[carried.axis], carried.channels)
    return True


_PASSING = (
    "Abs Cast Ceil Celu Clip Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity "
    "LeakyRelu Log Mish Neg Reciprocal Relu Round Selu Sigmoid Sign Softplus Softsign Sqrt Swish "
    "Tanh ThresholdedRelu"
)
_POOLING = "AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool"
_BROADCASTING = "Add Div Max Mean Min Mul PRelu Pow Sub Sum"
_REDUCING = "ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum"

FLOWS: Mapping[str, Flow] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul"), _layer),
    **dict.fromkeys(_PASSING.split(), _same),
    **dict.fromkeys(_POOLING.split(), _pool),
    **dict.fromkeys(_BROADCASTING.split(), _elementwise),
    **dict.fromkeys(_REDUCING.split(), _reduce),
    "BatchNormalization": _normalise,
    "Concat": _concatenate,
    "Flatten": _flatten,
    "InstanceNormalization": _normalise,
    "Pad": _pad,
    "Reshape": _reshape,
    "Resize": _resize,
    "Softmax": _softmax,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
