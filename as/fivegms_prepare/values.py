"""The types and shapes of a graph's values, as far as they can be known without running it."""

import re
from dataclasses import replace

from onnx import ModelProto, ValueInfoProto, helper, shape_inference

from fivegms_engine.elements import NUMPY_NAMES
from fivegms_engine.graph import tensor_info, value_info
from fivegms_manifests.model import Opset, TensorInfo

Shape = tuple[int, ...]

_OF_BATCHES = re.compile(r"([1-9][0-9]{0,17})\*.*", re.DOTALL)
"""An open dimension of so many numbers for each sample: `49*N`."""

_ELEMENT_TYPES = {name: number for number, name in NUMPY_NAMES.items()}


def infer_values(model: ModelProto) -> dict[str, TensorInfo]:
    """Every tensor of numbers in the main graph whose type is known, by name.

    A value whose rank is unknown is left out. Shape inference works on the topology: it needs the
    weights' dims, not their data.
    """
    try:
        graph = shape_inference.infer_shapes(model, data_prop=True).graph
    except (shape_inference.InferenceError, RuntimeError):  # then only what the graph itself says
        graph = model.graph
    values = {
        value.name: value_info(value)
        for value in (*graph.value_info, *graph.input, *graph.output)
        if value.type.tensor_type.elem_type in NUMPY_NAMES
        and value.type.tensor_type.HasField("shape")
    }
    constants = {
        tensor.name: tensor_info(tensor)
        for tensor in graph.initializer
        if tensor.data_type in NUMPY_NAMES
    }
    return values | constants


def infer_samples(model: ModelProto) -> dict[str, TensorInfo]:
    """The same for one sample: shapes follow from inputs whose batch is one.

    What becomes of the batch is known then: `[N, 49, 64]` reshaped to `[-1, 64]` has 49 rows. A
    dimension that stays open depends on more than the batch.
    """
    single = ModelProto()
    single.CopyFrom(model)
    graph = single.graph
    firsts = [dims[0] for value in graph.input if (dims := value.type.tensor_type.shape.dim)]
    batches = {dim.dim_param for dim in firsts if dim.dim_param}
    for dim in firsts:
        if not dim.HasField("dim_value") or dim.dim_value < 0:
            dim.dim_value = _for_one_sample(dim.dim_param)
    for value in (*graph.input, *graph.value_info, *graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in batches:
                dim.dim_value = _for_one_sample(dim.dim_param)
    return infer_values(single)


def sample_shape(info: TensorInfo | None) -> Shape | None:
    """The shape of an input for one sample: an open first dimension is the batch and counts one.

    One named `49*N` counts 49. None where another dimension is open, or the value is unknown.

    >>> sample_shape(TensorInfo("x", "float32", ("N", 3, 8, 8)))
    (1, 3, 8, 8)
    >>> sample_shape(TensorInfo("x", "float32", (1, 3, "height", 8))) is None
    True
    """
    if info is None or any(isinstance(size, str) for size in info.shape[1:]):
        return None
    return tuple(_for_one_sample(n) if isinstance(n, str) else n for n in info.shape)


def _for_one_sample(dimension: str) -> int:
    found = _OF_BATCHES.fullmatch(dimension)
    return int(found[1]) if found else 1


def of_batches(info: TensorInfo, sample: TensorInfo | None) -> TensorInfo:
    """A value whose open first dimension says how many numbers of it one sample makes.

    >>> rows = TensorInfo("rows", "float32", ("", 64))
    >>> of_batches(rows, TensorInfo("rows", "float32", (49, 64))).shape
    ('49*N', 64)
    """
    size = sample.shape[0] if sample is not None and sample.shape else None
    if not (info.shape and isinstance(info.shape[0], str) and isinstance(size, int) and size > 1):
        return info
    return replace(info, shape=(f"{size}*N", *info.shape[1:]))


def closed_shape(info: TensorInfo | None) -> Shape | None:
    """The shape; None where a dimension is open, or the value is unknown."""
    if info is None or any(isinstance(size, str) for size in info.shape):
        return None
    return tuple(size for size in info.shape if isinstance(size, int))


def declaration(info: TensorInfo) -> ValueInfoProto:
    """A value as a graph's inputs and outputs are declared."""
    shape = [None if size == "" else size for size in info.shape]
    value: ValueInfoProto = helper.make_tensor_value_info(
        info.name, _ELEMENT_TYPES[info.dtype], shape
    )
    return value


def inputs_of(model: ModelProto) -> tuple[TensorInfo, ...]:
    """The graph inputs that have to be fed: those that are not constants."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return tuple(value_info(v) for v in model.graph.input if v.name not in constants)


def outputs_of(model: ModelProto) -> tuple[TensorInfo, ...]:
    """The graph outputs."""
    return tuple(value_info(value) for value in model.graph.output)


def opsets_of(model: ModelProto) -> tuple[Opset, ...]:
    """The operator set imports, as a manifest states them."""
    found = {(item.domain, item.version) for item in model.opset_import}
    return tuple(Opset(domain, version) for domain, version in sorted(found))
