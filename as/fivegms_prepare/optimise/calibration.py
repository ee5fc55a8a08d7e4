"""Data that a stage looks at: what the template's calibration set feeds the model with.

Never the evaluation set: a figure measured on data that the model was fitted to says nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from fivegms_prepare.errors import CalibrationMissing

Feeds: TypeAlias = Mapping[str, NDArray[Any]]
"""One array per input of the model."""

Calibration: TypeAlias = Callable[[], Iterator[Feeds]]
"""The calibration set from its beginning, as often as it is asked for."""


def required(calibration: Calibration | None, stage: str) -> Calibration:
    """The calibration set of a stage that cannot do without. Raises CalibrationMissing."""
    if calibration is None:
        raise CalibrationMissing(
            f"{stage} looks at data: give the template a calibration set, which is not its "
            "evaluation set"
        )
    if next(calibration(), None) is None:
        raise CalibrationMissing(f"{stage} looks at data, and the calibration set is empty")
    return calibration
