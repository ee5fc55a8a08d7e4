"""An uploaded file to a checked model whose weights are apart from its graph.

Functions that the model defines itself are put in place of their calls, and operator sets that no
node uses are dropped (exporters import many), so that the graph needs ONNX's own operators alone
and its opset imports say exactly what a UE must have.
"""

from pathlib import Path

from onnx import ModelProto

from fivegms_engine.capability import MODEL_DOMAIN, canonical_domain
from fivegms_engine.graph import SeparatedModel, separate
from fivegms_engine.traversal import all_nodes
from fivegms_prepare.checks import check_model
from fivegms_prepare.errors import UnsupportedTensor
from fivegms_prepare.external import ExternalData
from fivegms_prepare.functions import inline_functions
from fivegms_prepare.model_file import ModelFile
from fivegms_prepare.reading import read_model
from fivegms_prepare.values import declaration, infer_values


def load_source(path: Path) -> SeparatedModel:
    """Read, check and separate. Raises a ModelRefused that says what is wrong.

    No weight is read before the graph has passed, and then each when its array is asked for.
    """
    file = ModelFile(path)
    return separate_checked(read_model(file), path.parent, file)


def separate_checked(
    model: ModelProto, folder: Path, file: ModelFile | None = None
) -> SeparatedModel:
    """The same for a parsed model whose data files, if any, are below `folder`.

    `file` is the one that the model was read from, if constants were left in it.
    """
    external = ExternalData(folder, file)
    check_model(model, external)
    separated = separate(model, external)
    if model.functions:
        separated = _inlined(separated)
    _drop_unused_opsets(separated.graph)
    _declare_ranks(separated.graph)
    return separated


def _inlined(separated: SeparatedModel) -> SeparatedModel:
    """Put functions in place of their calls; the constants in them become weights too."""
    graph = inline_functions(separated.graph)
    again = separate(graph)
    # What had left before is a stub by now: its values are where they were found first.
    known = {weight.name: weight for weight in separated.weights}
    weights = tuple(known.get(weight.name, weight) for weight in again.weights)
    return SeparatedModel(again.graph, weights)


def _drop_unused_opsets(model: ModelProto) -> None:
    used = {canonical_domain(node.domain) for node in all_nodes(model.graph.node)}
    kept = [
        item
        for item in model.opset_import
        if canonical_domain(item.domain) in used | {MODEL_DOMAIN}
    ]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _declare_ranks(model: ModelProto) -> None:
    """Infer the shapes that exporters leave out, so that none is taken for that of a scalar."""
    interface = [*model.graph.input, *model.graph.output]
    bare = [value for value in interface if not value.type.tensor_type.HasField("shape")]
    known = infer_values(model) if bare else {}
    for value in bare:
        if value.name not in known:
            raise UnsupportedTensor(
                f"{value.name!r} is a tensor of unknown rank: export the model with the shapes of "
                "its inputs and outputs"
            )
        value.CopyFrom(declaration(known[value.name]))
