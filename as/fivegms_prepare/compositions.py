"""Every composition run beside the whole model, and by how much the two differ.

At the level of optimisation that the engine runs models at, a chain gives every bit of what the
whole gives, unless its cuts keep the optimiser from joining nodes: whether it does is recorded. At
onnxruntime's highest level sums are taken in another order, and the largest difference is recorded
as a tolerance. A chain whose results are other results is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

import numpy as np

from fivegms_engine.errors import EngineError
from fivegms_manifests.model import Composition
from fivegms_prepare.decoding import decode, load
from fivegms_prepare.errors import EvaluationFailed
from fivegms_prepare.measurement import Values, check_same
from fivegms_prepare.variants import EncodedVariant

Layers = Sequence[EncodedVariant]
Coded = Mapping[int, Sequence[Layers]]
"""The variants of each subset by its id, each as its layers, in the same order for all."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs chains on `feeds`, one subset in memory at a time; segments lie below `folder`."""

    coded: Coded
    folder: Path
    feeds: Values

    def compare(
        self, compositions: Sequence[Composition], whole_id: int
    ) -> tuple[Composition, ...]:
        """The compositions with `exact` over all variants, and `tolerance` of the first.

        Raises CompositionDiffers, and EvaluationFailed if a subset does not run.
        """
        exact = {composition.id: True for composition in compositions}
        for index, whole in enumerate(self.coded[whole_id]):
            expected = self._run(whole, self.feeds, exact=True)
            for composition in compositions:
                found = self._run_chain(composition, index, exact=True)
                check_same(composition.id, expected, found)
                exact[composition.id] &= difference(expected, found) == 0
        expected = self._run(self.coded[whole_id][0], self.feeds, exact=False)
        return tuple(
            replace(
                composition,
                exact=exact[composition.id],
                tolerance=tolerance(expected, self._run_chain(composition, 0, exact=False)),
            )
            for composition in compositions
        )

    def _run_chain(self, composition: Composition, index: int, *, exact: bool) -> Values:
        values = self.feeds
        for member in composition.members:
            values = self._run(self.coded[member.subset_id][index], values, exact=exact)
        return values

    def _run(self, layers: Layers, feeds: Values, *, exact: bool) -> Values:
        model = load(decode([layer.segments for layer in layers], self.folder), exact=exact)
        try:
            return model.run(feeds)
        except EngineError as error:
            raise EvaluationFailed(f"the model does not run: {error}") from error


def tolerance(expected: Values, found: Values) -> float | None:
    """The difference; None where results of other shapes, or infinite, have no measure of it."""
    if any(expected[name].shape != found[name].shape for name in expected):
        return None
    apart = difference(expected, found)
    return apart if isfinite(apart) else None


def difference(expected: Values, found: Values) -> float:
    """The largest difference of any output, relative to that output's largest finite value."""
    return max((_difference(expected[name], found[name]) for name in expected), default=0.0)


def _difference(expected: np.ndarray, found: np.ndarray) -> float:
    same = np.asarray(expected == found)
    if expected.dtype.kind == "f":
        same |= np.isnan(expected) & np.isnan(found)
    if same.all():
        return 0.0
    reached = np.asarray(expected, np.float64)
    largest = float(np.abs(reached[np.isfinite(reached)]).max(initial=0.0)) or 1.0
    apart = np.abs(reached[~same] - np.asarray(found, np.float64)[~same])
    return float(np.max(apart)) / largest
