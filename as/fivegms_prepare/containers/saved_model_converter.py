"""`python -m fivegms_prepare.containers.saved_model_converter FOLDER TARGET OPSET`.

TensorFlow's SavedModel to ONNX by tf2onnx, in a process of its own (see `conversion` in this
package). Loading one runs what it calls its initialization: only ever called for a trusted one, or
for one that Keras has just made.

tf2onnx numbers the values that it adds as its sets happen to be ordered, and calls a constant that
several nodes share after any of them; it also writes the path of the folder that it read into the
model. Values are named anew, in the order in which the graph uses them, and the path is left out:
the same model gives the same file, which tells nothing of this machine.
"""

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import onnx
from onnx import GraphProto, ModelProto, NodeProto

from fivegms_engine.traversal import subgraphs

_NUMBERED = re.compile(r"(.*)__[0-9]+")


def main(folder: str, target: str, opset: str) -> None:
    """Raises whatever TensorFlow does: the last words of this process are for the provider."""
    sys.argv = ["tf2onnx", "--saved-model", folder, "--output", target, "--opset", opset]
    tf2onnx: Any = import_module("tf2onnx.convert")
    tf2onnx.main()
    model = onnx.load_model(target)
    number_anew(model)
    model.graph.ClearField("doc_string")
    onnx.save_model(model, target)


def number_anew(model: ModelProto) -> None:
    """Number internal names that end in a number in the order of their first use, from 1."""
    interface = {value.name for value in (*model.graph.input, *model.graph.output)}
    constants = {tensor.name for tensor in model.graph.initializer}
    names: dict[str, str] = {}
    for name in _names(model.graph):
        numbered = _NUMBERED.fullmatch(name)
        if numbered and name not in interface and name not in names:
            stem = "const" if name in constants else numbered[1]
            names[name] = f"{stem}__{len(names) + 1}"
    _rename(model.graph, names)


def _names(graph: GraphProto) -> Iterator[str]:
    for node in graph.node:
        yield from (*node.input, *node.output, node.name)
        for nested in subgraphs(node):
            yield from _names(nested)
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)


def _rename(graph: GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        _rename_node(node, names)
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    graph.initializer.sort(key=lambda tensor: tensor.name)
    for value in (*graph.input, *graph.output, *graph.value_info):
        value.name = names.get(value.name, value.name)
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in names:
                dim.dim_param = names[dim.dim_param]


def _rename_node(node: NodeProto, names: dict[str, str]) -> None:
    node.name = names.get(node.name, node.name)
    node.input[:] = [names.get(name, name) for name in node.input]
    node.output[:] = [names.get(name, name) for name in node.output]
    for nested in subgraphs(node):
        _rename(nested, names)


if __name__ == "__main__":
    main(*sys.argv[1:])
