"""The rules of a Metrics Reporting Configuration, and what UEs are told of it. Pure."""

from collections.abc import Iterator

from fivegms_af.errors import MembersRefused
from fivegms_af.faults import NOT_SUPPORTED, fault
from fivegms_af.provisioned import Session
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.metrics_reporting import (
    DASH_QOE_SCHEME,
    METRICS,
    MetricsReportingConfiguration,
    metric_name,
)
from fivegms_api.problem_details import InvalidParam
from fivegms_api.provider_pattern import ProviderPattern


def accept_metrics_reporting(
    session: Session, configuration: MetricsReportingConfiguration
) -> MetricsReportingConfiguration:
    """`configuration` as it is kept. Raises MembersRefused."""
    faults = [
        *_scheme_faults(session, configuration),
        *_interval_faults(configuration),
        *_url_filter_faults(configuration),
    ]
    if faults:
        raise MembersRefused(*faults)
    return configuration


def effective_scheme(configuration: MetricsReportingConfiguration) -> str:
    """The scheme that UEs report by: the DASH quality metrics unless told otherwise."""
    return configuration.scheme or DASH_QOE_SCHEME


def effective_metrics(configuration: MetricsReportingConfiguration) -> tuple[str, ...]:
    """References to the metrics that UEs report: those named, or all of the scheme."""
    scheme = effective_scheme(configuration)
    return configuration.metrics or tuple(f"{scheme}#{name}" for name in METRICS[scheme])


def _scheme_faults(
    session: Session, configuration: MetricsReportingConfiguration
) -> Iterator[InvalidParam]:
    if configuration.scheme is None and session.type is not ProvisioningSessionType.DOWNLINK:
        yield fault("is required: the default is for DASH downlink", "scheme")
    elif effective_scheme(configuration) not in METRICS:
        reason = f"is {NOT_SUPPORTED}; known are {', '.join(METRICS)}"
        yield fault(reason, "scheme")
    else:
        yield from _metric_faults(configuration)


def _metric_faults(configuration: MetricsReportingConfiguration) -> Iterator[InvalidParam]:
    scheme = effective_scheme(configuration)
    seen: set[str] = set()
    for place, reference in enumerate(configuration.metrics or ()):
        name = metric_name(scheme, reference)
        if name is None:
            reason = f"is no metric of {scheme}; those are {', '.join(METRICS[scheme])}"
            yield fault(reason, "metrics", place)
        elif name in seen:
            yield fault("is named twice", "metrics", place)
        else:
            seen.add(name)


def _interval_faults(configuration: MetricsReportingConfiguration) -> Iterator[InvalidParam]:
    interval_s, period_s = configuration.reporting_interval, configuration.sampling_period
    if interval_s is not None and interval_s < period_s:
        reason = f"must be the samplingPeriod, {period_s} s, or longer: else reports are empty"
        yield fault(reason, "reportingInterval")


def _url_filter_faults(configuration: MetricsReportingConfiguration) -> Iterator[InvalidParam]:
    for place, pattern in enumerate(configuration.url_filters or ()):
        try:
            ProviderPattern.parse(pattern)
        except ValueError as error:
            yield fault(str(error), "urlFilters", place)
