from datetime import UTC, datetime
from typing import Any

import pytest

from fivegms_af.bodies import validate
from fivegms_af.errors import MembersRefused
from fivegms_af.metrics_reporting import (
    accept_metrics_reporting,
    effective_metrics,
    effective_scheme,
)
from fivegms_af.provisioned import Session
from fivegms_api.ai_metrics import AiMetricsReport
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.consumption_reporting import ConsumptionReportingConfiguration
from fivegms_api.metrics_reporting import (
    AI_METRICS_SCHEME,
    DASH_QOE_SCHEME,
    METRICS,
    MetricsReportingConfiguration,
    metric_name,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DOWNLINK = Session("s1", ProvisioningSessionType.DOWNLINK, "a", None, NOW, 1)
UPLINK = Session("s2", ProvisioningSessionType.UPLINK, "a", None, NOW, 1)


def configuration(**members: Any) -> MetricsReportingConfiguration:
    return validate(MetricsReportingConfiguration, {"samplingPeriod": 5} | members)


def refused(value: MetricsReportingConfiguration, session: Session = DOWNLINK) -> set[str]:
    with pytest.raises(MembersRefused) as error:
        accept_metrics_reporting(session, value)
    return {param.param for param in error.value.params}


def test_dash_quality_is_the_default_of_a_downlink_session() -> None:
    value = accept_metrics_reporting(DOWNLINK, configuration())
    assert effective_scheme(value) == "urn:3GPP:ns:PSS:DASH:QM10"
    assert effective_metrics(value)[0] == "urn:3GPP:ns:PSS:DASH:QM10#HttpList"
    assert len(effective_metrics(value)) == len(METRICS[DASH_QOE_SCHEME])
    assert refused(configuration(), UPLINK) == {"/scheme"}
    accept_metrics_reporting(UPLINK, configuration(scheme=AI_METRICS_SCHEME))


def test_a_scheme_that_nobody_here_reads() -> None:
    value = configuration(scheme="urn:example:metrics", metrics=["any"])
    assert refused(value) == {"/scheme"}


@pytest.mark.parametrize("scheme", METRICS)
def test_metrics_by_name_and_by_reference(scheme: str) -> None:
    name, other = METRICS[scheme][:2]
    asked = [name, f"{scheme}#{other}"]
    value = accept_metrics_reporting(DOWNLINK, configuration(scheme=scheme, metrics=asked))
    assert effective_metrics(value) == tuple(asked)


def test_metrics_that_the_scheme_does_not_have() -> None:
    value = configuration(metrics=["BufferLevel", "energy", "urn:x#HttpList", "HttpList(n)"])
    assert refused(value) == {"/metrics/1", "/metrics/2", "/metrics/3"}


def test_a_metric_that_is_named_twice() -> None:
    asked = ["HttpList", f"{DASH_QOE_SCHEME}#HTTPList"]
    assert refused(configuration(metrics=asked)) == {"/metrics/1"}


def test_the_names_of_ours_are_the_members_of_its_reports() -> None:
    metrics = AiMetricsReport.model_fields["metrics"].annotation
    assert metrics is not None
    aliases = {field.alias for field in metrics.model_fields.values()}
    assert aliases == set(METRICS[AI_METRICS_SCHEME])


def test_a_reference_of_no_known_scheme() -> None:
    assert metric_name("urn:x", "bytes") is None


def test_reports_between_samples_would_be_empty() -> None:
    accept_metrics_reporting(DOWNLINK, configuration(reportingInterval=5))
    assert refused(configuration(reportingInterval=4)) == {"/reportingInterval"}


@pytest.mark.parametrize("pattern", ["(", "a{1001}", r"(a)\1", "x" * 1025])
def test_url_filters_are_patterns_of_re2(pattern: str) -> None:
    accept_metrics_reporting(DOWNLINK, configuration(urlFilters=[r"^https://a\.example/.*[.]mpd$"]))
    assert refused(configuration(urlFilters=["a", pattern])) == {"/urlFilters/1"}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("samplingPeriod", 0),
        ("samplingPeriod", -1),
        ("samplingPeriod", 2**31),
        ("samplingPeriod", 1.5),
        ("reportingInterval", 0),
        ("samplePercentage", 100.5),
        ("samplePercentage", "50"),
        ("dataNetworkName", ""),
        ("dataNetworkName", "a..b"),
        ("scheme", "no uri"),
        ("urlFilters", []),
        ("metrics", []),
        ("metrics", [""]),
    ],
)
def test_values_that_3gpp_does_not_have(member: str, value: Any) -> None:
    with pytest.raises(MembersRefused) as error:
        configuration(**{member: value})
    assert {param.param.split("/")[1] for param in error.value.params} == {member}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("reportingInterval", 0),
        ("reportingInterval", True),
        ("samplePercentage", -1),
        ("locationReporting", "yes"),
        ("accessReporting", 1),
        ("serverAddresses", []),
    ],
)
def test_consumption_reporting_that_3gpp_does_not_have(member: str, value: Any) -> None:
    with pytest.raises(MembersRefused) as error:
        validate(ConsumptionReportingConfiguration, {member: value})
    assert [param.param for param in error.value.params] == [f"/{member}"]
