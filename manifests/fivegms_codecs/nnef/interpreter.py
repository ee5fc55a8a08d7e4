"""A network computed with numpy: the second back end that any package can be held against.

Compound operations are put in terms of primitive ones, and those run directly (TR 26.927 6.5.6).
It is made to be right and short, not fast.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.nnef.elaboration import lower
from fivegms_codecs.nnef.errors import Unsupported, VariableMismatch, VariableMissing
from fivegms_codecs.nnef.graph import DataKind, Graph, Operation, TensorRef
from fivegms_codecs.nnef.primitives import NUMPY, PRIMITIVES, Invocation, NdArray

NdArrays = Mapping[str, NDArray[np.generic]]


def run(graph: Graph, variables: NdArrays, inputs: NdArrays) -> dict[str, NdArray]:
    """The outputs of a network by name.

    `variables` are by label, `inputs` by name; all have the shapes that the graph declares. Raises
    VariableMissing, VariableMismatch, Unsupported and ArgumentInvalid.
    """
    primitive = lower(graph)
    uses = Counter(name for one in primitive.operations for name in one.inputs())
    uses.update(primitive.outputs)
    values: dict[str, NdArray] = {}
    with np.errstate(all="ignore"):  # infinities and NaN are results like others
        for operation in primitive.operations:
            values.update(_results(primitive, operation, values, variables, inputs))
            uses.subtract(operation.inputs())
            for name in operation.inputs():
                if not uses[name]:
                    values.pop(name, None)
    return {name: values[name] for name in graph.outputs}


def _results(
    graph: Graph,
    operation: Operation,
    values: Mapping[str, NdArray],
    variables: NdArrays,
    inputs: NdArrays,
) -> dict[str, NdArray]:
    if operation.name == DataKind.EXTERNAL:
        return {name: _given(graph, name, inputs.get(name)) for name in operation.outputs()}
    if operation.name == DataKind.VARIABLE:
        label = str(operation.arguments["label"])
        return {name: _given(graph, name, variables.get(label)) for name in operation.outputs()}
    primitive = PRIMITIVES.get(operation.name)
    if primitive is None:
        raise Unsupported(f"{operation.name} is not computed here")
    found = primitive(Invocation(operation, {name: values[name] for name in operation.inputs()}))
    (result,) = operation.results.values()
    if isinstance(result, TensorRef):
        return {result.name: np.asarray(found)}
    return {one.name: array for one, array in zip(result, found, strict=True)}


def _given(graph: Graph, name: str, array: NDArray[np.generic] | None) -> NdArray:
    tensor = graph.tensors[name]
    if array is None:
        raise VariableMissing(f"{name!r} is given no numbers")
    if array.shape != tensor.shape:
        raise VariableMismatch(
            f"{name!r} is of shape {list(tensor.shape)}, not {list(array.shape)}"
        )
    return array.astype(NUMPY[tensor.dtype], copy=False)
