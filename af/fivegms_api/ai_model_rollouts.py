"""Which version of a model each UE gets: an extension of M1.

`GET, PUT, PATCH, DELETE /3gpp-m1/v2/provisioning-sessions/{id}/ai-models/{name}/rollout`, and
`POST .../rollback`. Without a rollout every UE gets the newest version that is published.
"""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from fivegms_api.common_data import Percentage
from fivegms_api.wire import WireModel

MAX_HISTORY = 20

UE_NAME_PATTERN = r"[A-Za-z0-9._-]{1,128}"
"""What a UE calls itself, or its cohort, on M5: the whole text."""

Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
CohortName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]


class Rollout(WireModel):
    """`version` for `percentage` of the UEs and for all that say they are of the `cohort`;
    `baseline_version` for the others, who get none without one.
    """

    version: Version
    percentage: Percentage = 100.0
    cohort: CohortName | None = None
    baseline_version: Version | None = None

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.baseline_version == self.version:
            raise ValueError("baselineVersion must be another than version")
        return self


class PastRollout(Rollout):
    """A rollout that another one took the place of, and when it began."""

    since: datetime


class AiModelRollout(PastRollout):
    """The rollout in force, and at most 20 before it, newest first."""

    history: Annotated[tuple[PastRollout, ...], Field(max_length=MAX_HISTORY)] = ()

    def past(self) -> PastRollout:
        """This rollout once another is in force."""
        return PastRollout(**{name: getattr(self, name) for name in PastRollout.model_fields})


class Rollback(WireModel):
    """Back to `to_version` for every UE; by default to what they had before the rollout."""

    to_version: Version | None = None
