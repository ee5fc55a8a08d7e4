"""Whether what was required of the network is had: an alarm while it is not.

A report is held against the least that any READY template of its session requires, because a report
does not say whose terms its traffic was on: who misses the least misses all. The network's own
notifications are about one policy each. An alarm is raised once, and cleared when the requirement
is met again, there is none any more, or its policy ends.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from fivegms_af.errors import SessionUnknown
from fivegms_af.policy.npcf_wire import EventsNotification
from fivegms_af.policy.session_handling import SessionHandlingResource, flow_of, subject_of
from fivegms_af.policy.templates import is_ready
from fivegms_af.policy.terms import terms_of
from fivegms_af.provisioned import DocumentKind, Session
from fivegms_af.store.alarm_store import AlarmStore
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_api.network_information import QosAlarm, QosAlarmKind
from fivegms_api.policy_templates import PolicyTemplate

THROUGHPUT_METRICS = ("throughput", "AvgThroughput")
"""Downlink bit/s, as our own scheme and TS 26.247 call it."""

_MAX_SUBJECT = 200

log = structlog.get_logger()

Listener = Callable[[str, "Finding"], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether one requirement is missed; the numbers in bit/s or milliseconds, by kind."""

    kind: QosAlarmKind
    subject: str
    is_missed: bool
    required: float | None = None
    observed: float | None = None


def find_in_report(
    session: Session, client_id: str | None, values: Mapping[str, float]
) -> Finding | None:
    """What a metrics report says of the session's requirement, if it says anything.

    Where nothing is required, nothing is missed any more.
    """
    required = least_required_bps(session)
    observed = next((values[one] for one in THROUGHPUT_METRICS if one in values), None)
    if observed is None:
        return None
    return Finding(
        QosAlarmKind.DOWNLINK_THROUGHPUT,
        client_subject(client_id),
        is_missed=required is not None and observed < required,
        required=None if required is None else float(required),
        observed=observed,
    )


def find_in_notification(
    resource: SessionHandlingResource, told: EventsNotification
) -> tuple[Finding, ...]:
    """What a PCF's notification says of a policy; events that we did not ask for say nothing."""
    subject = subject_of(resource)
    findings = [
        Finding(QosAlarmKind.RESOURCES_NOT_ALLOCATED, subject, is_missed)
        for event, is_missed in _ALLOCATION.items()
        if event in told.events
    ]
    if "QOS_NOTIF" in told.events:
        missed = any(one.notif_type == "NOT_GUARANTEED" for one in told.qnc_reports)
        findings.append(Finding(QosAlarmKind.NOT_GUARANTEED, subject, missed))
    latency_ms = flow_of(resource).demand.latency_ms
    delays = [delay for one in told.qos_mon_reports for delay in one.rt_delays]
    if "QOS_MONITORING" in told.events and delays and latency_ms is not None:
        required = 2.0 * latency_ms
        missed = max(delays) > required
        findings.append(
            Finding(QosAlarmKind.LATENCY, subject, missed, required, float(max(delays)))
        )
    return tuple(findings)


_ALLOCATION = {"SUCCESSFUL_RESOURCES_ALLOCATION": False, "FAILED_RESOURCES_ALLOCATION": True}


def least_required_bps(session: Session) -> int | None:
    """The least downlink rate that a READY template of the session requires."""
    required = [
        terms_of(template.read(PolicyTemplate)).downlink_required_bps
        for template in session.documents_of(DocumentKind.POLICY_TEMPLATE)
        if is_ready(template)
    ]
    return min((one for one in required if one is not None), default=None)


def client_subject(client_id: str | None) -> str:
    """A reporting client as an alarm's subject; a long identifier by its digest."""
    if client_id is None:
        return "client"
    if len(client_id) > _MAX_SUBJECT:
        client_id = "sha256:" + hashlib.sha256(client_id.encode()).hexdigest()
    return f"client {client_id}"


@dataclass(frozen=True, slots=True)
class QosAlarms:
    """The alarms of one AF."""

    sessions: ProvisioningStore
    store: AlarmStore
    new_id: Callable[[], str]
    _listeners: list[Listener] = field(default_factory=list)

    def on_change(self, listener: Listener) -> None:
        """Have `listener` called with the session and the finding that raised or cleared."""
        self._listeners.append(listener)

    async def observe(
        self,
        session_id: str,
        reporting_client_id: str | None,
        values: Mapping[str, float],
        at: datetime,
    ) -> None:
        """Hold a metrics report against what the session requires.

        `values` are its numbers by the metric's name. Raises StorageUnavailable.
        """
        try:
            session = await self.sessions.session(session_id)
        except SessionUnknown:
            return
        finding = find_in_report(session, reporting_client_id, values)
        if finding is not None:
            await self.judge(session_id, finding, at)

    async def notified(
        self, resource: SessionHandlingResource, told: EventsNotification, at: datetime
    ) -> None:
        """Hold what the network says of a policy. Raises StorageUnavailable."""
        for finding in find_in_notification(resource, told):
            await self.judge(resource.provisioning_session_id, finding, at)

    async def judge(self, session_id: str, finding: Finding, at: datetime) -> None:
        """Raise what is missed, clear what is met again."""
        is_open = await self.store.is_open(session_id, finding.kind, finding.subject)
        if finding.is_missed and not is_open:
            alarm = QosAlarm(
                alarm_id=self.new_id(),
                provisioning_session_id=session_id,
                kind=finding.kind,
                subject=finding.subject,
                raised=at,
                required=finding.required,
                observed=finding.observed,
            )
            if await self.store.add(alarm):
                log.warning("QoS is missed", **alarm.model_dump(mode="json"))
                self._tell(session_id, finding)
        elif (
            is_open
            and not finding.is_missed
            and await self.store.clear(session_id, finding.kind, finding.subject, at)
        ):
            log.info("QoS is met again", session=session_id, kind=finding.kind.value)
            self._tell(session_id, finding)

    async def list(self, session_id: str | None, *, open_only: bool) -> tuple[QosAlarm, ...]:
        """The alarms of a session, or of all, the newest first."""
        return await self.store.list(session_id, open_only=open_only)

    def _tell(self, session_id: str, finding: Finding) -> None:
        for listener in self._listeners:
            listener(session_id, finding)
