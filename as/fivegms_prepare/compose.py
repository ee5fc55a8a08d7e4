"""Subsets of a model at the cuts that a provider names, and the whole (TR 26.927 5.1).

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
from fivegms_prepare.cutting import Cutter
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
    """Cut a model as requested. Raises UnknownCut and NotACut."""
    subsets: dict[bytes, SubsetPlan] = {}
    whole = _subset(model, WHOLE, subsets)
    compositions = [Composition(WHOLE, (CompositionMember(whole.id, EVERYWHERE),))]
    if requests:
        cutter = Cutter(model)
        compositions += [_composition(cutter, request, subsets) for request in requests]
    return Plan(tuple(subsets.values()), tuple(compositions))


def _composition(
    cutter: Cutter, request: CompositionRequest, subsets: dict[bytes, SubsetPlan]
) -> Composition:
    parts = cutter.cut(request.cuts or ())
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
