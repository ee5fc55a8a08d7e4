"""Cut one graph into a chain of graphs at named tensors, or say why these are no cut."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from onnx import ModelProto, ValueInfoProto

from fivegms_engine.graph import SeparatedModel
from fivegms_engine.traversal import all_nodes, used_values
from fivegms_prepare.errors import NotACut, UnknownCut
from fivegms_prepare.values import declaration, infer_values, inputs_of

_RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike"}
    | {"RandomUniform", "RandomUniformLike"}
)
_KEPT_FIELDS = ("ir_version", "producer_name", "producer_version", "domain", "model_version")


class Cutter:
    """Cuts one model, in as many ways as asked."""

    def __init__(self, model: SeparatedModel) -> None:
        self._model = model
        self._values = infer_values(model.graph)
        graph = model.graph.graph
        self._inputs = [info.name for info in inputs_of(model.graph)]
        self._outputs = [value.name for value in graph.output]
        self._interface: dict[str, ValueInfoProto] = {
            value.name: value for value in (*graph.input, *graph.output)
        }
        self._nodes = list(graph.node)
        self._used = [used_values(node) for node in self._nodes]
        self._producer = {
            name: index for index, node in enumerate(self._nodes) for name in node.output if name
        }
        self._constant = self._constant_nodes()

    def cut(self, cuts: Sequence[Sequence[str]]) -> list[SeparatedModel]:
        """The subsets between the cuts, in order. Raises UnknownCut and NotACut."""
        for name in (name for cut in cuts for name in cut):
            if name not in self._producer:
                raise UnknownCut(
                    f"no node of the graph produces {name!r}: name outputs of nodes, which are "
                    "case-sensitive"
                )
        behind: set[int] = set()
        taken: Sequence[str] = self._inputs
        parts = []
        # Sorted: the same cut in two compositions makes the same bytes.
        for number, given in enumerate([*map(sorted, cuts), self._outputs]):
            nodes = self._between(taken, given, behind, number)
            self._check_use(taken, nodes, number)
            parts.append(self._extract(nodes, taken, given))
            behind |= nodes - self._constant
            taken = given
        return parts

    def _constant_nodes(self) -> set[int]:
        """Nodes that need no input of the graph: any subset may have its own copy of them."""
        constant: set[int] = set()
        for index, used in enumerate(self._used):
            sources = {self._producer[name] for name in used if name in self._producer}
            random = any(n.op_type in _RANDOM for n in all_nodes([self._nodes[index]]))
            if sources <= constant and used.isdisjoint(self._inputs) and not random:
                constant.add(index)
        return constant

    def _between(
        self, taken: Sequence[str], given: Sequence[str], behind: AbstractSet[int], number: int
    ) -> set[int]:
        """The nodes from which `given` follows, going back no further than `taken`."""
        found: set[int] = set()
        open_values = [name for name in given if name not in taken]
        if len(open_values) < len(given) or not given:
            raise NotACut(f"subset {number} would only pass on tensors: cuts must not repeat any")
        while open_values:
            name = open_values.pop()
            index = self._producer.get(name)
            if index in behind or (index is None and name in self._inputs):
                raise NotACut(
                    f"cut {number - 1} does not separate the graph: what follows also needs "
                    f"{name!r} from before it; add a cut tensor for it or cut elsewhere"
                )
            if index is None or index in found:
                continue
            found.add(index)
            open_values.extend(self._used[index].difference(taken))
        return found

    def _check_use(self, taken: Sequence[str], nodes: AbstractSet[int], number: int) -> None:
        used = set[str]().union(*(self._used[index] for index in nodes))
        unused = [name for name in taken if name not in used]
        if number and unused:
            raise NotACut(f"subset {number} does not use {unused[0]!r} of cut {number - 1}")
        if nodes <= self._constant:
            raise NotACut(f"subset {number} computes nothing from its inputs")

    def _extract(
        self, nodes: AbstractSet[int], taken: Sequence[str], given: Sequence[str]
    ) -> SeparatedModel:
        source = self._model.graph
        part = ModelProto()
        for field in _KEPT_FIELDS:
            if source.HasField(field):
                setattr(part, field, getattr(source, field))
        part.opset_import.extend(source.opset_import)
        part.graph.name = source.graph.name
        part.graph.node.extend(self._nodes[index] for index in sorted(nodes))
        used = set[str]().union(*(self._used[index] for index in nodes), given)
        part.graph.initializer.extend(t for t in source.graph.initializer if t.name in used)
        part.graph.sparse_initializer.extend(
            t for t in source.graph.sparse_initializer if t.values.name in used
        )
        part.graph.input.extend(self._typed(name) for name in taken if name in used)
        part.graph.output.extend(self._typed(name) for name in given)
        return SeparatedModel(part, tuple(w for w in self._model.weights if w.name in used))

    def _typed(self, name: str) -> ValueInfoProto:
        if name in self._interface:
            return self._interface[name]
        info = self._values.get(name)
        if info is None:
            raise NotACut(
                f"the shape of {name!r} is not known: save the model with shape inference, or cut "
                "elsewhere"
            )
        return declaration(info)
