"""What the operator's interface shows: all sessions, all Application Servers, counts, events.

An extension of ours below `/fivegms-operator/v1`, on a listener of its own: 3GPP's M1 knows single
sessions only, and neither M1 nor M5 is for operators.
"""

from datetime import datetime
from enum import StrEnum

from fivegms_api.ai_model_rollouts import AiModelRollout
from fivegms_api.ai_models import AiModelList
from fivegms_api.common_data import ProvisioningSessionType, ResourceId
from fivegms_api.problem_details import ProblemDetails
from fivegms_api.wire import WireModel


class SessionSummary(WireModel):
    """A session in a list: whose it is, and what was provisioned below it."""

    provisioning_session_id: ResourceId
    provisioning_session_type: ProvisioningSessionType
    app_id: str
    asp_id: str | None = None
    modified: datetime
    content_hosting_configuration: str | None = None
    """The configuration's name."""
    content_preparation_templates: int
    server_certificates: int
    consumption_reporting_configuration: bool
    metrics_reporting_configurations: int
    policy_templates: int
    edge_resources_configurations: int
    event_data_processing_configurations: int


class SessionPage(WireModel):
    """Sessions in the order of their identifiers; `after` asks for the next page."""

    provisioning_sessions: tuple[SessionSummary, ...]
    after: str | None = None


class ServerHealth(WireModel):
    """An AS by its M3 URL: since when it does not answer and why, and what it refuses."""

    server: str
    answers: bool
    unreachable_since: datetime | None = None
    reason: ProblemDetails | None = None
    refused_sessions: int


class ServerHealthList(WireModel):
    """Every AS, in the order of the AF's configuration."""

    application_servers: tuple[ServerHealth, ...]


class ModelRollout(WireModel):
    """The rollout of a model, which is known by its session and its name."""

    provisioning_session_id: ResourceId
    name: str
    rollout: AiModelRollout


class ModelOverview(AiModelList):
    """The models of all sessions, and the rollouts that are in force."""

    rollouts: tuple[ModelRollout, ...]


class Summary(WireModel):
    """The deployment in a few numbers; reports since this AF started."""

    software: str
    provisioning_sessions: int
    application_servers: int
    unreachable_application_servers: int
    consumption_reports: int
    metrics_reports: int


class OperatorEventKind(StrEnum):
    """SESSION_CHANGED: the session, or something below it. REPORT_RECEIVED: a UE reported.
    ALARM_CHANGED: a QoS alarm was raised or cleared.
    """

    SESSION_CHANGED = "session-changed"
    REPORT_RECEIVED = "report-received"
    ALARM_CHANGED = "alarm-changed"


class OperatorEvent(WireModel):
    """Sent as it happens; without a session, any may have changed."""

    provisioning_session_id: ResourceId | None = None
