"""Which reports are taken, and what is read from each. Pure.

The scheme of a Metrics Reporting Configuration decides the media type of its reports; a new scheme
is a row of `_SCHEMES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fivegms_af.bodies import parse_json, validate
from fivegms_af.errors import (
    BodyMalformed,
    MediaTypeUnsupported,
    MembersRefused,
    SubResourceUnknown,
)
from fivegms_af.metrics_reporting import effective_scheme
from fivegms_af.provisioned import JSON_MEDIA_TYPE, DocumentKind, Session
from fivegms_af.reports.records import ConsumptionRecord, ConsumptionUnit, MetricsRecord
from fivegms_api.ai_metrics import AI_METRICS_MEDIA_TYPE, AiMetricsReport
from fivegms_api.consumption_report import ConsumptionReport
from fivegms_api.media_type import essence
from fivegms_api.metrics_reporting import (
    AI_METRICS_SCHEME,
    DASH_QOE_SCHEME,
    MetricsReportingConfiguration,
)
from fivegms_api.problem_details import InvalidParam
from fivegms_api.qoe_report import (
    QOE_REPORT_MEDIA_TYPE,
    QoeMemberInvalid,
    QoeReportError,
    read_qoe_report,
)
from fivegms_api.reported import MetricValue

_Read = tuple[str | None, tuple[MetricValue, ...]]
"""The reporting client and the values."""


@dataclass(frozen=True, slots=True)
class _Scheme:
    media_type: str
    read: Callable[[bytes], _Read]


def accept_consumption(
    session: Session, content_type: str | None, body: bytes, now: datetime
) -> ConsumptionRecord:
    """A consumption report of the session.

    Raises SubResourceUnknown where the session asks for none, MediaTypeUnsupported, BodyMalformed,
    MembersRefused.
    """
    check_asks_for_consumption(session)
    if essence(content_type) != JSON_MEDIA_TYPE:
        raise MediaTypeUnsupported(content_type, JSON_MEDIA_TYPE)
    report = validate(ConsumptionReport, parse_json(body))
    units = tuple(
        ConsumptionUnit(unit.media_consumed, unit.start_time, float(unit.duration))
        for unit in report.consumption_reporting_units
    )
    return ConsumptionRecord(
        session.id, now, report.reporting_client_id, report.media_player_entry, body, units
    )


def accept_metrics(
    session: Session, configuration_id: str, content_type: str | None, body: bytes, now: datetime
) -> MetricsRecord:
    """A metrics report for a configuration of the session.

    Raises SubResourceUnknown, MediaTypeUnsupported, BodyMalformed, MembersRefused.
    """
    scheme = _SCHEMES[_scheme(session, configuration_id)]
    if essence(content_type) != scheme.media_type:
        raise MediaTypeUnsupported(content_type, scheme.media_type)
    client_id, values = scheme.read(body)
    return MetricsRecord(
        session.id, configuration_id, now, scheme.media_type, client_id, body, values
    )


def check_asks_for_consumption(session: Session) -> None:
    """Raises SubResourceUnknown for a session without a Consumption Reporting Configuration."""
    if not session.documents_of(DocumentKind.CONSUMPTION_REPORTING):
        raise SubResourceUnknown("Consumption Reporting Configuration", None)


def _scheme(session: Session, configuration_id: str) -> str:
    for document in session.documents_of(DocumentKind.METRICS_REPORTING):
        if document.id == configuration_id:
            return effective_scheme(document.read(MetricsReportingConfiguration))
    raise SubResourceUnknown("Metrics Reporting Configuration", configuration_id)


def _read_ai_metrics(body: bytes) -> _Read:
    report = validate(AiMetricsReport, parse_json(body))
    return report.reporting_client_id, report.values()


def _read_qoe(body: bytes) -> _Read:
    try:
        report = read_qoe_report(body)
    except QoeMemberInvalid as error:
        raise MembersRefused(InvalidParam(param=error.path, reason=error.reason)) from error
    except QoeReportError as error:
        raise BodyMalformed(f"the body is no QoE report: {error}") from error
    return report.client_id, report.values


_SCHEMES = {
    DASH_QOE_SCHEME: _Scheme(QOE_REPORT_MEDIA_TYPE, _read_qoe),
    AI_METRICS_SCHEME: _Scheme(AI_METRICS_MEDIA_TYPE, _read_ai_metrics),
}

METRICS_REPORT_MEDIA_TYPES = tuple(scheme.media_type for scheme in _SCHEMES.values())
"""Every media type that some configuration takes."""
