"""A separated model to the one ModelProto that other people's tools take, and back.

What comes back is distrusted as an upload is: checked, and separated by the same rules. Tools print
and log as they please; standard output belongs to the worker's own messages.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.errors import ModelRefused, ModelTooLarge, StageImpossible
from fivegms_prepare.source import separate_checked

MOST_BYTES = 2**31 - 2**26
"""The most weights that fit one protobuf message beside a graph."""


def through(
    stage: str, model: SeparatedModel, tool: Callable[[ModelProto, Path], ModelProto]
) -> SeparatedModel:
    """What `tool` makes of the whole model; it may write to the folder, which is private.

    Raises ModelTooLarge, StageImpossible with the tool's own words, and a ModelRefused if what
    comes back cannot be prepared.
    """
    whole = joined(model)
    with TemporaryDirectory(prefix="stage-") as folder, _quiet():
        try:
            changed = tool(whole, Path(folder))
        except ModelRefused:
            raise
        except Exception as error:  # tools raise whatever they run into
            raise StageImpossible(
                f"{stage} cannot be applied to this model: {type(error).__name__}: {error}"
            ) from error
        return separate_checked(changed, Path(folder))


def joined(model: SeparatedModel) -> ModelProto:
    """The graph with its weights in it and a name for every node. Raises ModelTooLarge."""
    if model.weights_bytes > MOST_BYTES:
        raise ModelTooLarge(
            f"the weights take {model.weights_bytes} bytes; this stage handles {MOST_BYTES}"
        )
    whole = ModelProto()
    whole.CopyFrom(model.graph)
    weights = {weight.name: weight for weight in model.weights}
    for tensor in whole.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name].array(), tensor.name))
    name_nodes(whole.graph.node)
    return whole


def name_nodes(nodes: "Iterator[NodeProto] | list[NodeProto]") -> None:
    """Tools tell nodes apart by their names, which ONNX leaves optional."""
    seen: set[str] = set()
    for index, node in enumerate(nodes):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}.{index}"
        seen.add(node.name)


@contextmanager
def _quiet() -> Iterator[None]:
    """Send what a tool prints to standard error, and drop its advice below errors."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        logging.disable(before)
