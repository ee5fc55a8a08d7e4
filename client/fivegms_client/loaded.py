"""What runs at one moment, as values: subsets in memory, and the steps that led to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray

from fivegms_client.composition import ends_the_model
from fivegms_client.reporting import Subject
from fivegms_client.selection import Selection
from fivegms_client.timings import Timings
from fivegms_client.trust.policy import NOBODY_LOOKED, Trust
from fivegms_engine.session import LoadedModel
from fivegms_engine.tasks import ModelIO
from fivegms_manifests.model import Accuracy, ModelManifest, Subset, TensorInfo, Variant

CUT_TENSORS = "cut-tensors"
"""The task of a part that ends at a cut: its outputs mean nothing without the next subset."""


@dataclass(frozen=True, slots=True)
class LoadedSubset:
    """A subset that is ready to run, as `variant`.

    `tensors` are the arrays that the engine uses in place, by name; never write to them.
    """

    subset: Subset
    variant: Variant
    model: LoadedModel
    tensors: Mapping[str, NDArray[Any]] = field(repr=False)


class Way(StrEnum):
    """How a model came to run."""

    START = "start"
    LAYER = "layer"
    """Enhancement layers were added to what ran."""
    DELTA = "delta"
    """Changes were applied to what ran."""
    WHOLE = "whole"
    """A whole variant of another version took the place of what ran."""


@dataclass(frozen=True, slots=True)
class Step:
    """What ran from one moment on, and what it took to get there.

    `variants` has one for each subset. `bytes_fetched` came over the network for segments,
    `bytes_from_cache` were on this device. `note` says what did not go as it should have.
    """

    way: Way
    version: int
    variants: tuple[Variant, ...]
    bytes_fetched: int
    bytes_from_cache: int
    timings: Timings
    note: str | None = None

    @property
    def accuracy(self) -> tuple[Accuracy, ...]:
        """What the provider measured of the last variant, which gives the outputs."""
        return self.variants[-1].accuracy


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a model came here: what was chosen for each subset, what it cost, who vouches for it."""

    manifest: ModelManifest
    selections: tuple[Selection, ...]
    bytes_fetched: int
    bytes_from_cache: int
    trust: Trust = NOBODY_LOOKED


@dataclass(frozen=True, slots=True)
class Running:
    """All that an inference needs, so that one swap of this value changes everything at once.

    `subject` is what is reported of it, where anything is.
    """

    manifest: ModelManifest
    selections: tuple[Selection, ...]
    trust: Trust
    subsets: tuple[LoadedSubset, ...]
    steps: tuple[Step, ...]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    subject: Subject | None = None

    @property
    def io(self) -> ModelIO:
        """What a task has to know to read and write the tensors."""
        model = self.manifest.model
        return ModelIO(self.inputs, self.outputs, model.labels, model.input_processing)

    @property
    def task(self) -> str:
        """What the outputs mean."""
        subsets = tuple(selection.subset for selection in self.selections)
        complete = ends_the_model(self.manifest, subsets)
        return self.manifest.model.task if complete else CUT_TENSORS

    def threshold(self, asked: float | None) -> float:
        """The score at which a result counts: what was asked for, or the provider's."""
        if asked is not None:
            return asked
        return self.manifest.model.decision_threshold or 0.0

    def released(self) -> "Running":
        """The same without the memory of the model."""
        return replace(self, subsets=())
