"""The Consumption Reporting Configuration of a session (TS 26.512 7.7)."""

from fivegms_af.context import Context
from fivegms_af.m1.documents import DocumentResource
from fivegms_af.provisioned import DocumentKind, Session
from fivegms_af.routes import M1_BASE_PATH, Api
from fivegms_api.consumption_reporting import ConsumptionReportingConfiguration


def _accept(
    context: Context, session: Session, document_id: str, value: ConsumptionReportingConfiguration
) -> ConsumptionReportingConfiguration:
    return value  # all of it is told to UEs, and its members do not depend on one another


CONSUMPTION_REPORTING = DocumentResource(
    kind=DocumentKind.CONSUMPTION_REPORTING,
    name="Consumption Reporting Configuration",
    model=ConsumptionReportingConfiguration,
    api=Api("M1_ConsumptionReportingProvisioning", "2.1.0", M1_BASE_PATH),
    accept=_accept,
    creation="activateConsumptionReporting",
)
