"""Where reports arrive: kept first, then told to whoever listens.

A report is durable before anyone hears of it, and stays kept whatever a listener makes of it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import structlog

from fivegms_af.errors import ApplicationFunctionError
from fivegms_af.reports.records import (
    ConsumptionRecord,
    Invocation,
    MetricsRecord,
    ReportKind,
)
from fivegms_af.store.report_store import ReportStore

log = structlog.get_logger()

Listener = Callable[[ReportKind, str], None]


class MetricsObserver(Protocol):
    """Told of every metrics report once it is kept, such as to watch over QoS."""

    async def observe(
        self,
        session_id: str,
        reporting_client_id: str | None,
        values: Mapping[str, float],
        at: datetime,
    ) -> None:
        """`values` are the report's means by the metric's name; `at` is when it was received."""


class ReportIntake:
    """Keeps what UEs report. `received` counts since the start of this process."""

    def __init__(self, store: ReportStore) -> None:
        self.store = store
        self.received: Counter[ReportKind] = Counter()
        self._observers: list[MetricsObserver] = []
        self._listeners: list[Listener] = []

    def tell(self, observer: MetricsObserver) -> None:
        """Have `observer` told of what arrives from now on."""
        self._observers.append(observer)

    def on_report(self, listener: Listener) -> None:
        """Have `listener` called with each report's kind and session once it is kept."""
        self._listeners.append(listener)

    async def keep_consumption(self, record: ConsumptionRecord) -> None:
        """Durable once this returns. Raises StorageUnavailable, ChangedMeanwhile."""
        await self.store.add_consumption(record)
        self._received(ReportKind.CONSUMPTION, record.session_id)

    async def keep_metrics(self, record: MetricsRecord) -> None:
        """Durable once this returns. Raises StorageUnavailable, ChangedMeanwhile."""
        await self.store.add_metrics(record)
        self._received(ReportKind.METRICS, record.session_id)
        for observer in self._observers:
            await self._tell(observer, record)

    async def record_invocation(self, session_id: str, kind: Invocation, at: datetime) -> None:
        """Count what a UE asked for. Raises StorageUnavailable, ChangedMeanwhile."""
        await self.store.add_invocation(session_id, kind, at)

    def _received(self, kind: ReportKind, session_id: str) -> None:
        self.received[kind] += 1
        for listener in self._listeners:
            listener(kind, session_id)

    async def _tell(self, observer: MetricsObserver, record: MetricsRecord) -> None:
        """A refusal now would make the UE send again what is kept already."""
        try:
            await observer.observe(
                record.session_id, record.reporting_client_id, record.means(), record.received
            )
        except ApplicationFunctionError as error:
            log.warning("a report was kept but not watched", reason=str(error))
        except Exception:
            log.exception("a report was kept but not watched")
