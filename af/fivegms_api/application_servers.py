"""Whether each AS follows what was provisioned: an extension of M1.

`GET /3gpp-m1/v2/provisioning-sessions/{id}/application-servers`. M1 acknowledges what the AF has
kept; this says which AS has it too, and why one has not.
"""

from datetime import datetime
from enum import StrEnum

from fivegms_api.problem_details import ProblemDetails
from fivegms_api.wire import WireModel


class ApplicationServerState(StrEnum):
    """IN_STEP: it holds all of the session. PENDING: a change is on its way. REFUSED: it answered
    that it will not do it, and is asked again. UNREACHABLE: it does not answer, and is asked again.
    """

    IN_STEP = "IN_STEP"
    PENDING = "PENDING"
    REFUSED = "REFUSED"
    UNREACHABLE = "UNREACHABLE"


class ApplicationServerReport(WireModel):
    """One AS by its M3 URL, its state for the session since when, and the reason of a failure."""

    server: str
    state: ApplicationServerState
    since: datetime
    reason: ProblemDetails | None = None


class ApplicationServerList(WireModel):
    """Every AS of the deployment, in the order of the AF's configuration."""

    application_servers: tuple[ApplicationServerReport, ...]
