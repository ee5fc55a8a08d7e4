"""Reports as they are kept: the bytes that came, and what was read from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import fmean

from fivegms_api.reported import MetricValue


class ReportKind(StrEnum):
    """What UEs report."""

    CONSUMPTION = "consumption"
    METRICS = "metrics"


class Invocation(StrEnum):
    """What UEs ask for at M5 that event exposure counts."""

    DYNAMIC_POLICY = "dynamicPolicyInvocations"
    NETWORK_ASSISTANCE = "networkAssistanceInvocations"


@dataclass(frozen=True, slots=True)
class ConsumptionUnit:
    """An uninterrupted use of one medium."""

    media_consumed: str
    start: datetime
    duration_s: float


@dataclass(frozen=True, slots=True)
class ConsumptionRecord:
    """A consumption report (TS 26.512 11.3); `body` byte for byte."""

    session_id: str
    received: datetime
    reporting_client_id: str
    media_player_entry: str
    body: bytes
    units: tuple[ConsumptionUnit, ...]


@dataclass(frozen=True, slots=True)
class MetricsRecord:
    """A metrics report (TS 26.512 11.4); `body` byte for byte, `values` what was read from it."""

    session_id: str
    configuration_id: str
    received: datetime
    content_type: str
    reporting_client_id: str | None
    body: bytes
    values: tuple[MetricValue, ...]

    def means(self) -> Mapping[str, float]:
        """Each metric's mean in this report."""
        named: dict[str, list[float]] = {}
        for value in self.values:
            named.setdefault(value.name, []).append(value.value)
        return {name: fmean(values) for name, values in named.items()}
