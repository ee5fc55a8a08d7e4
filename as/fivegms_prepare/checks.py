"""Every reason to refuse a model that can be seen in its graph, each with its name.

onnx's own checker and onnxruntime find most of these too, but say so in sentences that change from
version to version, and only after they have read the weights. The rules are those of the ONNX
specification (IR: "Graphs", "Operator Sets", "Names Within a Graph"; TR 26.927 6.5.6): explicit
operator sets, known operators, an acyclic and sorted list of nodes, one producer per value, and
constants whose data is there.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias, TypeVar

from onnx import (
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    OperatorSetIdProto,
    ValueInfoProto,
)

from fivegms_engine import capability
from fivegms_engine.capability import canonical_domain
from fivegms_engine.traversal import all_nodes, all_tensors, subgraphs, used_values
from fivegms_prepare.errors import (
    CyclicGraph,
    DuplicateValue,
    EmptyGraph,
    InvalidNode,
    OpsetMissing,
    UndefinedValue,
    UnsortedGraph,
    UnsupportedIrVersion,
    UnsupportedOpset,
)
from fivegms_prepare.external import ExternalData
from fivegms_prepare.functions import FunctionId, called
from fivegms_prepare.operators import STANDARD_DOMAINS, check_operator, described
from fivegms_prepare.tensors import check_bools, check_constant, check_interface

Needing = TypeVar("Needing", bound=Hashable)
Functions: TypeAlias = Mapping[FunctionId, FunctionProto]


def check_model(model: ModelProto, external: ExternalData) -> None:
    """Refuse a model that cannot be prepared, with a ModelRefused that says why.

    Whatever the graph alone can show comes first: no data of a constant is read before.
    """
    _check_versions(model)
    if all(node.op_type == "Constant" for node in model.graph.node):
        raise EmptyGraph("the graph has no nodes that compute something")
    functions = {(function.domain, function.name): function for function in model.functions}
    _check_functions(model, functions)
    _check_operators(model.graph.node, _opsets(model.opset_import), functions)
    for tensor in all_tensors(model):
        check_constant(tensor, external)
    _check_graph(model.graph, set(), "the graph")
    for value in _interface(model.graph):
        check_interface(value)
    for tensor in all_tensors(model):
        check_bools(tensor, external)


def _check_versions(model: ModelProto) -> None:
    """Refuse versions that this installation does not run.

    Raises UnsupportedIrVersion, OpsetMissing and UnsupportedOpset.
    """
    newest_ir = capability.newest_ir_version()
    if not 1 <= model.ir_version <= newest_ir:
        raise UnsupportedIrVersion(
            f"the model has IR version {model.ir_version}; 1 to {newest_ir} are known here"
        )
    if not model.opset_import:
        raise OpsetMissing("the model imports no operator set")
    for domain, version in _opsets(model.opset_import).items():
        newest = capability.newest_opset(domain)
        if newest is not None and not 1 <= version <= newest:
            raise UnsupportedOpset(
                f"the model imports operator set {version} of {domain or 'ai.onnx'}; "
                f"1 to {newest} are supported: export the model for one of them"
            )


def _opsets(imports: Iterable[OperatorSetIdProto]) -> dict[str, int]:
    opsets: dict[str, int] = {}
    for item in imports:
        domain = canonical_domain(item.domain)
        if opsets.setdefault(domain, item.version) != item.version:
            raise OpsetMissing(f"the model imports two operator sets of {domain or 'ai.onnx'!r}")
    return opsets


def _check_operators(
    nodes: Iterable[NodeProto], opsets: dict[str, int], functions: Functions
) -> None:
    for node in all_nodes(nodes):
        function = functions.get((node.domain, node.op_type))
        if function is None:
            check_operator(node, opsets)
        elif len(node.input) > len(function.input) or len(node.output) > len(function.output):
            raise InvalidNode(f"{described(node)} has more inputs or outputs than its function")


def _check_functions(model: ModelProto, functions: Functions) -> None:
    """Functions of the model itself: known operators, sorted bodies, and an end to every call."""
    if len(functions) != len(model.functions):
        raise DuplicateValue("two functions of the model have the same name")
    calls: dict[FunctionId, set[FunctionId]] = {}
    for function in model.functions:
        name = f"function {function.name!r}"
        if canonical_domain(function.domain) in STANDARD_DOMAINS:
            raise DuplicateValue(f"{name} is in a domain that belongs to ONNX")
        _check_operators(function.node, _opsets(function.opset_import), functions)
        _check_values(function.node, set(function.input), function.output, name)
        calls[function.domain, function.name] = functions.keys() & set(called(function.node))
    loop = _loop(calls)
    if loop:
        raise CyclicGraph("functions call one another: " + _arrows([name for _, name in loop]))


def _check_graph(graph: GraphProto, outer: set[str], what: str) -> None:
    constants = [tensor.name for tensor in graph.initializer]
    constants += [tensor.values.name for tensor in graph.sparse_initializer]
    inputs = [value.name for value in graph.input]
    for names in (constants, inputs):
        if len(set(names)) != len(names):
            raise DuplicateValue(f"{what} has two inputs or two constants of the same name")
    given = outer.union(constants, inputs)
    outputs = [value.name for value in graph.output]
    _check_values(graph.node, given, outputs, what)
    # A nested graph sees what comes before its node, and may call its own values as what follows.
    for node in graph.node:
        for nested in subgraphs(node):
            _check_graph(nested, given, f"the graph in {described(node)}")
        given.update(node.output)


def _check_values(
    nodes: Iterable[NodeProto], given: set[str], outputs: Iterable[str], what: str
) -> None:
    """One producer per value, producers first, and nothing used that is not produced."""
    nodes = list(nodes)
    producers = _producers(nodes, given)
    known = set(given)
    for node in nodes:
        for name in sorted(used_values(node) - known):
            if name not in producers:
                raise UndefinedValue(f"{described(node)} uses {name!r}, which nothing produces")
            raise _unordered(nodes, producers, node, name)
        known.update(node.output)
    for name in outputs:
        if name not in known:
            raise UndefinedValue(f"the output {name!r} of {what} is not produced by any node")


def _producers(nodes: list[NodeProto], given: set[str]) -> dict[str, int]:
    producers: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in node.output:
            if name and (name in producers or name in given):
                raise DuplicateValue(f"{described(node)} produces {name!r}, which exists already")
            producers[name] = index
    return producers


def _unordered(
    nodes: list[NodeProto], producers: dict[str, int], node: NodeProto, name: str
) -> CyclicGraph | UnsortedGraph:
    needs = {
        index: {producers[value] for value in used_values(other) if value in producers}
        for index, other in enumerate(nodes)
    }
    loop = _loop(needs)
    if loop:
        return CyclicGraph(
            "nodes need their own results: " + _arrows([described(nodes[index]) for index in loop])
        )
    return UnsortedGraph(
        f"{described(node)} comes before the node that produces its input {name!r}: "
        "export the model with its nodes in execution order"
    )


def _loop(needs: Mapping[Needing, Collection[Needing]]) -> list[Needing] | None:
    """The members of one cycle, each before one that it needs, or None if there is none."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        ahead: list[Needing] = error.args[1]  # each before one that needs it, the first also last
        return ahead[:0:-1]
    return None


def _arrows(names: list[str]) -> str:
    shown = names if len(names) <= 8 else [*names[:7], "..."]
    return " <- ".join([*shown, names[0]])


def _interface(graph: GraphProto) -> Iterator[ValueInfoProto]:
    constants = {tensor.name for tensor in graph.initializer}
    yield from (value for value in graph.input if value.name not in constants)
    if not graph.output:
        raise EmptyGraph("the graph has no outputs")
    yield from graph.output
