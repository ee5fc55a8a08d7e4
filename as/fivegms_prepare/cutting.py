"""Cut one graph into a chain of graphs at named tensors, or say why these are no cut.

All that a later subset needs crosses every cut before it: an input of the model that only the last
subset uses is passed on by those before, and so is an output that the first one has computed.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from onnx import ModelProto, ValueInfoProto

from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.errors import NotACut, UnknownCut
from fivegms_prepare.flow import flow_of
from fivegms_prepare.values import declaration, infer_samples, infer_values, of_batches

_KEPT_FIELDS = ("ir_version", "producer_name", "producer_version", "domain", "model_version")


class Cutter:
    """Cuts one model, in as many ways as asked."""

    def __init__(self, model: SeparatedModel) -> None:
        self._model = model
        self._values = infer_values(model.graph)
        self._samples = infer_samples(model.graph)
        self._flow = flow_of(model.graph)
        graph = model.graph.graph
        self._interface: dict[str, ValueInfoProto] = {
            value.name: value for value in (*graph.input, *graph.output)
        }

    def cut(self, cuts: Sequence[Sequence[str]]) -> list[SeparatedModel]:
        """The subsets between the cuts, in order. Raises UnknownCut and NotACut."""
        for name in (name for cut in cuts for name in cut):
            if name not in self._flow.producer and name not in self._flow.inputs:
                raise UnknownCut(
                    f"no node of the graph produces {name!r}: name outputs of nodes, which are "
                    "case-sensitive"
                )
        behind: set[int] = set()
        taken: Sequence[str] = self._flow.inputs
        parts = []
        # A cut is a set, and sorted: the same cut in two compositions makes the same bytes.
        named = [sorted(set(cut)) for cut in cuts]
        for number, given in enumerate([*named, self._flow.outputs]):
            nodes = self._between(taken, given, behind, number)
            self._check_use(taken, nodes, given, number)
            parts.append(self._extract(nodes, taken, given))
            behind |= nodes - self._flow.constant
            taken = given
        return parts

    def _between(
        self, taken: Sequence[str], given: Sequence[str], behind: AbstractSet[int], number: int
    ) -> set[int]:
        """The nodes from which `given` follows, going back no further than `taken`."""
        found: set[int] = set()
        open_values = [name for name in given if name not in taken]
        if not open_values:
            raise NotACut(f"subset {number} would only pass on tensors: cuts must not repeat")
        while open_values:
            name = open_values.pop()
            index = self._flow.producer.get(name)
            if index in behind or (index is None and name in self._flow.inputs):
                raise NotACut(
                    f"cut {number - 1} does not separate the graph: what follows also needs "
                    f"{name!r} from before it; add a cut tensor for it or cut elsewhere"
                )
            if index is None or index in found:
                continue
            found.add(index)
            open_values.extend(self._flow.used[index] - set(taken))
        return found

    def _check_use(
        self, taken: Sequence[str], nodes: AbstractSet[int], given: Sequence[str], number: int
    ) -> None:
        used = self._used_by(nodes, given)
        unused = [name for name in taken if name not in used]
        if number and unused:
            raise NotACut(f"subset {number} does not use {unused[0]!r} of cut {number - 1}")
        if nodes <= self._flow.constant:
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
        part.graph.node.extend(self._flow.nodes[index] for index in sorted(nodes))
        used = self._used_by(nodes, given)
        part.graph.initializer.extend(t for t in source.graph.initializer if t.name in used)
        part.graph.sparse_initializer.extend(
            t for t in source.graph.sparse_initializer if t.values.name in used
        )
        part.graph.input.extend(self._typed(name) for name in taken if name in used)
        part.graph.output.extend(self._typed(name) for name in given)
        return SeparatedModel(part, tuple(w for w in self._model.weights if w.name in used))

    def _used_by(self, nodes: AbstractSet[int], given: Sequence[str]) -> set[str]:
        """What a subset reads, to compute with or to pass on."""
        return set(given).union(*(self._flow.used[index] for index in nodes))

    def _typed(self, name: str) -> ValueInfoProto:
        if name in self._interface:
            return self._interface[name]
        info = self._values.get(name)
        if info is None:
            raise NotACut(
                f"the shape of {name!r} is not known: save the model with shape inference, or cut "
                "elsewhere"
            )
        return declaration(of_batches(info, self._samples.get(name)))
