"""The Metrics Reporting Configurations of a session (TS 26.512 7.8)."""

from fivegms_af.context import Context
from fivegms_af.m1.documents import DocumentResource
from fivegms_af.metrics_reporting import accept_metrics_reporting
from fivegms_af.provisioned import DocumentKind, Session
from fivegms_af.routes import M1_BASE_PATH, Api
from fivegms_api.metrics_reporting import MetricsReportingConfiguration


def _accept(
    context: Context, session: Session, document_id: str, value: MetricsReportingConfiguration
) -> MetricsReportingConfiguration:
    return accept_metrics_reporting(session, value)


METRICS_REPORTING = DocumentResource(
    kind=DocumentKind.METRICS_REPORTING,
    name="Metrics Reporting Configuration",
    model=MetricsReportingConfiguration,
    api=Api("M1_MetricsReportingProvisioning", "2.1.0", M1_BASE_PATH),
    accept=_accept,
    id_member="metrics_reporting_configuration_id",
    creation="activateMetricsReporting",
)
