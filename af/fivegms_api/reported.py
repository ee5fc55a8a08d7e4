"""What consumption and metrics reports share: bounded text and instants, and a number out of one.

Reports come from whoever can reach M5, so nothing in them is longer, larger or further away in time
than any honest report is.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

MAX_CLIENT_ID_CHARACTERS = 256
MAX_NAME_CHARACTERS = 100
MAX_TEXT_CHARACTERS = 2048
MAX_FIGURE = 1e18

_NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]*$"


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One number of a metrics report: its name and unit, and the instant that it is of."""

    name: str
    unit: str | None
    value: float
    at: datetime


def is_plausible(instant: datetime) -> bool:
    """Whether an aware instant is one that a report can be of.

    >>> [is_plausible(datetime(year, 1, 1, tzinfo=UTC)) for year in (1970, 2026, 2200)]
    [False, True, False]
    """
    return EARLIEST <= instant < LATEST


def _plausible(instant: datetime) -> datetime:
    if not is_plausible(instant):
        raise ValueError(f"must lie between {EARLIEST.year} and {LATEST.year}")
    return instant


Text = Annotated[
    str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS, pattern=_NO_CONTROL_CHARACTERS)
]
Name = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS, pattern=_NO_CONTROL_CHARACTERS)
]
ReportingClientId = Annotated[
    str, Field(min_length=1, max_length=MAX_CLIENT_ID_CHARACTERS, pattern=_NO_CONTROL_CHARACTERS)
]
Instant = Annotated[AwareDatetime, AfterValidator(_plausible)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Figure = Annotated[float, Field(ge=0, le=MAX_FIGURE)]
Duration = Annotated[float, Field(gt=0, le=10 * 365 * 86_400)]
