"""Subsets of a model at the cuts that a provider names or asks for, and the whole (TR 26.927 5.1).

A composition is an ordered set of subsets whose chain equals the model: subset `i` takes in the
tensors of cut `i - 1` and gives those of cut `i`, nothing else passes. So the first subset alone
takes the graph's inputs and the last alone gives its outputs, and each runs on its own. Nodes that
depend on constants only are part of every subset that needs them.

Subsets are told apart by their bytes: one that occurs in two compositions is one subset, made,
stored and fetched once. The composition `whole`, of one subset, always exists.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fivegms_api.model_preparation import CompositionRequest
from fivegms_engine.graph import SeparatedModel
from fivegms_manifests.model import Composition, CompositionMember, TensorInfo
from fivegms_prepare.cuts import Survey, survey
from fivegms_prepare.cutting import Cutter
from fivegms_prepare.split_search import search_cuts
from fivegms_prepare.values import inputs_of, outputs_of

WHOLE = "whole"
EVERYWHERE = ("ue", "network")


@dataclass(frozen=True, slots=True)
class SubsetPlan:
    """A subset to prepare: a model of its own, with what it takes in and gives."""

    id: int
    name: str
    model: SeparatedModel
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All subsets, each once, and the compositions over them; the first of both is the whole."""

    subsets: tuple[SubsetPlan, ...]
    compositions: tuple[Composition, ...]

    def without_weights(self) -> "Plan":
        """The same plan, holding on to no weight, so that the source's memory can be given back."""
        return replace(self, subsets=tuple(map(_without_weights, self.subsets)))


def _without_weights(subset: SubsetPlan) -> SubsetPlan:
    return replace(subset, model=SeparatedModel(subset.model.graph, ()))


def plan(model: SeparatedModel, requests: Sequence[CompositionRequest]) -> Plan:
    """Cut a model as requested. Raises UnknownCut, NotACut and NoCutFound."""
    subsets: dict[bytes, SubsetPlan] = {}
    whole = _subset(model, WHOLE, subsets)
    compositions = [Composition(WHOLE, (CompositionMember(whole.id, EVERYWHERE),))]
    if requests:
        cutter = Cutter(model)
        surveyed = survey(model) if any(request.search for request in requests) else None
        for request in requests:
            cuts = _cuts(request, surveyed)
            compositions.append(_composition(cutter, request, cuts, subsets))
    return Plan(tuple(subsets.values()), tuple(compositions))


def _cuts(request: CompositionRequest, surveyed: Survey | None) -> Sequence[Sequence[str]]:
    """The names of the tensors of each cut: those asked for, or the best that there are."""
    if request.search is None or surveyed is None:
        return request.cuts or ()
    return [cut.names for cut in search_cuts(surveyed, request.search)]


def _composition(
    cutter: Cutter,
    request: CompositionRequest,
    cuts: Sequence[Sequence[str]],
    subsets: dict[bytes, SubsetPlan],
) -> Composition:
    parts = cutter.cut(cuts)
    endpoints = request.endpoints or (EVERYWHERE,) * len(parts)
    members = (
        CompositionMember(_subset(part, f"{request.id}-{index}", subsets).id, endpoints[index])
        for index, part in enumerate(parts)
    )
    return Composition(request.id, tuple(members))


def _subset(model: SeparatedModel, name: str, subsets: dict[bytes, SubsetPlan]) -> SubsetPlan:
    """The subset of these bytes: the one that exists, or a new one of that name."""
    topology = model.topology()
    if topology not in subsets:
        subsets[topology] = SubsetPlan(
            len(subsets) + 1, name, model, inputs_of(model.graph), outputs_of(model.graph)
        )
    return subsets[topology]
