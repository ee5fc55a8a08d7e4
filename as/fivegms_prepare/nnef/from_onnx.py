"""ONNX to NNEF: a checked model becomes a flat graph and its variables.

NNEF has extents and no open dimensions: an open batch becomes 1. What has no operation in NNEF is
refused by name, and every shape that comes out is held against what ONNX infers.
"""

from collections.abc import Mapping
from types import MappingProxyType

from fivegms_codecs.nnef import Graph
from fivegms_engine.capability import canonical_domain
from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.errors import NnefUnsupported
from fivegms_prepare.nnef.conversion import Conversion, Converter, opset_of
from fivegms_prepare.nnef.convert_elements import ELEMENT_CONVERTERS
from fivegms_prepare.nnef.convert_layout import LAYOUT_CONVERTERS
from fivegms_prepare.nnef.convert_windows import WINDOW_CONVERTERS
from fivegms_prepare.nnef.drafting import Draft, Variables
from fivegms_prepare.nnef.folding import KnownValues
from fivegms_prepare.values import inputs_of

CONVERTERS: Mapping[str, Converter] = MappingProxyType(
    {**ELEMENT_CONVERTERS, **WINDOW_CONVERTERS, **LAYOUT_CONVERTERS}
)
"""What converts each operator of ONNX that NNEF has operations for."""


def from_onnx(separated: SeparatedModel) -> tuple[Graph, Variables]:
    """The graph of a model, and its variables by label, read when they are asked for.

    Raises NnefUnsupported.
    """
    values = KnownValues(separated)
    model, draft = values.model, Draft(values)
    inputs = [info.name for info in inputs_of(model)]
    outputs = [value.name for value in model.graph.output]
    for name in inputs:
        draft.external(name)
    for name in outputs:  # these are called as they are, whatever else is called so
        draft.identifier(name)
    opset = opset_of(model)
    for node in values.remaining():
        converter = CONVERTERS.get(node.op_type)
        if converter is None or canonical_domain(node.domain):
            raise NnefUnsupported(f"{node.op_type} ({node.output[0]}) has no operation in NNEF 1.0")
        converter(Conversion(node, draft, opset))
    return draft.finish(model.graph.name, inputs, outputs)
