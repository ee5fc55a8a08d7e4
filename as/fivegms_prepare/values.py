"""The types and shapes of a graph's values, as far as they can be known without running it."""

from onnx import ModelProto, ValueInfoProto, helper, shape_inference

from fivegms_engine.elements import NUMPY_NAMES
from fivegms_engine.graph import tensor_info, value_info
from fivegms_manifests.model import Opset, TensorInfo

Shape = tuple[int, ...]

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


def sample_shape(info: TensorInfo | None) -> Shape | None:
    """The shape for one sample: an open first dimension is the batch and counts one.

    None where another dimension is open, or the value is unknown.

    >>> sample_shape(TensorInfo("x", "float32", ("N", 3, 8, 8)))
    (1, 3, 8, 8)
    >>> sample_shape(TensorInfo("x", "float32", (1, 3, "height", 8))) is None
    True
    """
    if info is None or any(isinstance(size, str) for size in info.shape[1:]):
        return None
    return tuple(1 if isinstance(size, str) else size for size in info.shape)


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
