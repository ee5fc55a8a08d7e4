"""What reports and notifications say of requirements, by value."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fivegms_af.policy.alarms import client_subject, find_in_report, least_required_bps
from fivegms_af.policy.templates import TemplateChange, TemplateEvent, after, new_status
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.policy_templates import PolicyTemplate

pytestmark = pytest.mark.requirement("R019", "R100")

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def session(*profiles: str, ready: bool = True, **qos: Any) -> Session:
    """A session with a template for each KPI profile."""
    pending = new_status()
    status = after(pending, TemplateChange(TemplateEvent.ALLOWED)) if ready else pending
    documents = []
    for place, profile in enumerate(profiles):
        reference = {"qosReference": f"urn:fivegms:kpi:{profile}"} if profile else qos
        template = PolicyTemplate.model_validate(
            {"externalReference": profile or "none", "qoSSpecification": reference}
        )
        documents.append(
            Document(
                str(place), DocumentKind.POLICY_TEMPLATE, template.to_json(), NOW, status.to_json()
            )
        )
    return Session(
        "s",
        ProvisioningSessionType.DOWNLINK,
        "app",
        None,
        NOW,
        1,
        documents=tuple(documents),
    )


@pytest.mark.parametrize(
    ("found", "required"),
    [
        (session(), None),
        (session("SI-IMG"), None),
        (session("", maxBtrDl="5 Mbps"), None),
        (session("DL-IMG"), 1_100_000_000),
        (session("DL-IMG", "DL-AUTO", "SI-MEDIA"), 22_000_000),
        (session("DL-AUTO", ready=False), None),
    ],
)
def test_the_least_requirement_counts(found: Session, required: int | None) -> None:
    assert least_required_bps(found) == required


@pytest.mark.parametrize(
    ("values", "is_missed"),
    [
        ({"throughput": 21.9e6}, True),
        ({"throughput": 22e6}, False),
        ({"AvgThroughput": 1.0}, True),
        ({"throughput": 30e6, "AvgThroughput": 1.0}, False),
    ],
)
def test_a_report_is_held_against_it(values: dict[str, float], is_missed: bool) -> None:
    finding = find_in_report(session("DL-AUTO"), "ue", values)
    assert finding is not None
    assert finding.is_missed is is_missed


def test_what_is_not_reported_says_nothing() -> None:
    assert find_in_report(session("DL-AUTO"), "ue", {"stalls": 1.0}) is None


def test_what_is_not_required_is_not_missed() -> None:
    finding = find_in_report(session(), "ue", {"throughput": 1.0})
    assert finding is not None
    assert (finding.is_missed, finding.required) == (False, None)


def test_a_client_that_does_not_fit_is_known_by_its_digest() -> None:
    one, other = client_subject("a" * 256), client_subject("a" * 255 + "b")
    assert one != other
    assert len(one) <= 256
    assert client_subject("ue-1") == "client ue-1"
    assert client_subject(None) == "client"
