"""What the AF knows of the network of a session, and where it falls short: extensions of M1 and M5.

Shown to UEs and to the session's provider alike; it names no UE to the former.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from fivegms_api.common_data import ResourceId
from fivegms_api.qos import BitRate
from fivegms_api.wire import WireModel

Milliseconds = Annotated[float, Field(ge=0)]


class ExpectedParameters(WireModel):
    """What the provider says the service needs: a policy template, a KPI profile's terms in it."""

    policy_template_id: ResourceId
    external_reference: str
    downlink_bit_rate: BitRate | None = None
    uplink_bit_rate: BitRate | None = None
    latency: Milliseconds | None = None


class ObservedThroughput(WireModel):
    """What UEs reported in the last `window` seconds: downlink throughput over `reports`."""

    window: Annotated[int, Field(gt=0)]
    reports: Annotated[int, Field(gt=0)]
    lowest: BitRate
    mean: BitRate
    highest: BitRate


class NetworkInformation(WireModel):
    """The network at the instant `at`. Bit rates are what a flow without a policy can have now,
    `latency` milliseconds there and back; what is absent is not known. `source` is who said it.
    """

    provisioning_session_id: ResourceId
    at: datetime
    source: str | None = None
    downlink_bit_rate: BitRate | None = None
    uplink_bit_rate: BitRate | None = None
    latency: Milliseconds | None = None
    observed_throughput: ObservedThroughput | None = None
    dynamic_policies: Annotated[int, Field(ge=0)]
    expected_parameters: tuple[ExpectedParameters, ...]


class QosAlarmKind(StrEnum):
    """What fell short."""

    DOWNLINK_THROUGHPUT = "DOWNLINK_THROUGHPUT"
    LATENCY = "LATENCY"
    NOT_GUARANTEED = "NOT_GUARANTEED"
    RESOURCES_NOT_ALLOCATED = "RESOURCES_NOT_ALLOCATED"


class QosAlarm(WireModel):
    """A requirement that was not met from `raised` until `cleared`, which is absent until then.

    `subject` says whose requirement of whom. `required` and `observed` are bit/s or milliseconds,
    by kind; both absent where the network gave no number.
    """

    alarm_id: ResourceId
    provisioning_session_id: ResourceId
    kind: QosAlarmKind
    subject: str
    raised: datetime
    cleared: datetime | None = None
    required: float | None = None
    observed: float | None = None


class QosAlarms(WireModel):
    """The alarms of a session, or of all, the newest first."""

    qos_alarms: tuple[QosAlarm, ...]
