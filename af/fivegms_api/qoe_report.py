"""The QoE report of DASH in XML, `application/3gpdash-qoe-report+xml` (TS 26.247 10.6).

    ReceptionReport @contentURI @clientID
      QoeReport @periodID @reportTime @reportPeriod
        QoeMetric
          AvgThroughput | BufferLevel | HttpList | InitialPlayoutDelay | MPDInformation | PlayList |
          PlayoutDelayforMediaStartup | RepSwitchList | what other releases and vendors add

The numbers of the metrics above come out as values (docs/reports.md lists their names). A metric of
another name is legal: it is counted in `unknown`, and whoever keeps the document keeps it too.
Known metrics that are wrong are refused. A document type is refused, so no entity can expand, and
nothing is ever loaded.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite

from lxml import etree

from fivegms_api.reported import (
    MAX_CLIENT_ID_CHARACTERS,
    MAX_FIGURE,
    MAX_TEXT_CHARACTERS,
    MetricValue,
    is_plausible,
)

QOE_REPORT_MEDIA_TYPE = "application/3gpdash-qoe-report+xml"

NAMESPACES = (
    "urn:3gpp:metadata:2011:HSD:receptionreport",
    "urn:3gpp:metadata:2017:HSD:receptionreport",  # from Release 18 on
)

MAX_BYTES = 4 * 2**20
MAX_ELEMENTS = 50_000
MAX_DEPTH = 16
MAX_VALUES = 5_000

_DATE_TIME = re.compile(
    r"(-?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,12})?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_NUMBER = re.compile(r"\d{1,19}(\.\d{1,19})?", re.ASCII)


class QoeReportError(ValueError):
    """The document is no QoE report that is taken."""


class QoeReportMalformed(QoeReportError):
    """It is not well-formed XML, or not a ReceptionReport."""


class QoeDoctypeForbidden(QoeReportError):
    """It has a document type declaration, which could define entities."""


class QoeReportTooLarge(QoeReportError):
    """It has more bytes, elements, levels or values than a report needs."""


class QoeMemberInvalid(QoeReportError):
    """An attribute or element is missing or wrong; `path` says which."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class QoeReport:
    """What a ReceptionReport says; `unknown` names the metrics that were not read."""

    content_uri: str
    client_id: str | None
    values: tuple[MetricValue, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _At:
    """An element, its path for people, and when its report was made."""

    element: etree._Element
    path: str
    report_time: datetime

    def child(self, element: etree._Element, number: int) -> "_At":
        return _At(element, f"{self.path}/{_name(element)}[{number}]", self.report_time)

    def children(self, name: str) -> "list[_At]":
        named = [one for one in self.element if isinstance(one.tag, str) and _name(one) == name]
        return [self.child(one, number) for number, one in enumerate(named, 1)]

    def number(self, name: str) -> float | None:
        text = self.element.get(name)
        return None if text is None else _number(text, f"{self.path}/@{name}")

    def required(self, name: str) -> float:
        number = self.number(name)
        if number is None:
            raise QoeMemberInvalid(f"{self.path}/@{name}", "is required")
        return number

    def instant(self, name: str) -> datetime | None:
        text = self.element.get(name)
        return None if text is None else _instant(text, f"{self.path}/@{name}")

    def value(self, name: str, unit: str | None, value: float, at: str = "t") -> MetricValue:
        return MetricValue(name, unit, value, self.instant(at) or self.report_time)


def read_qoe_report(data: bytes) -> QoeReport:
    """Parse a report; what is kept of it is checked, the rest only bounded.

    Raises QoeReportMalformed, QoeDoctypeForbidden, QoeReportTooLarge and QoeMemberInvalid.
    """
    root = _parse(data)
    if etree.QName(root).namespace not in NAMESPACES or _name(root) != "ReceptionReport":
        raise QoeReportMalformed(f"the root is {root.tag}, not a ReceptionReport of {NAMESPACES}")
    path = "/ReceptionReport"
    values: list[MetricValue] = []
    unknown: dict[str, None] = {}
    for number, report in enumerate(_named(root, "QoeReport"), 1):
        for metric in _metrics(report, f"{path}/QoeReport[{number}]"):
            name = _name(metric.element)
            reader = _READERS.get(name)
            if reader is None:
                unknown[name[:MAX_CLIENT_ID_CHARACTERS]] = None
            else:
                values.extend(reader(metric))
        if len(values) > MAX_VALUES:
            raise QoeReportTooLarge(f"it has more than {MAX_VALUES} values")
    content_uri = _text(root, "contentURI", path, MAX_TEXT_CHARACTERS)
    if content_uri is None:
        raise QoeMemberInvalid(f"{path}/@contentURI", "is required")
    client_id = _text(root, "clientID", path, MAX_CLIENT_ID_CHARACTERS)
    return QoeReport(content_uri, client_id, tuple(values), tuple(unknown))


def _parse(data: bytes) -> etree._Element:
    if len(data) > MAX_BYTES:
        raise QoeReportTooLarge(f"it has {len(data)} bytes; the limit is {MAX_BYTES}")
    if b"<!DOCTYPE" in data:
        raise QoeDoctypeForbidden("a QoE report has no document type declaration")
    parser = etree.XMLParser(
        # Whatever the declaration says: another encoding could hide a DOCTYPE from the scan.
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise QoeReportMalformed(f"it is not well-formed: {error.msg}") from None
    _check_size(root)
    return root


def _check_size(root: etree._Element) -> None:
    level, depth, count = [root], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            raise QoeReportTooLarge(f"it has over {MAX_DEPTH} levels or {MAX_ELEMENTS} elements")
        level = [child for element in level for child in element]


def _metrics(report: etree._Element, path: str) -> Iterator[_At]:
    """The metrics of all QoeMetric elements, after the attributes that a report must have."""
    for name in ("periodID", "reportTime", "reportPeriod"):
        if report.get(name) is None:
            raise QoeMemberInvalid(f"{path}/@{name}", "is required")
    report_time = _instant(report.get("reportTime", ""), f"{path}/@reportTime")
    _number(report.get("reportPeriod", ""), f"{path}/@reportPeriod")
    for number, holder in enumerate(_named(report, "QoeMetric"), 1):
        place = _At(holder, f"{path}/QoeMetric[{number}]", report_time)
        for position, metric in enumerate(holder, 1):
            yield place.child(metric, position)


def _average_throughput(metric: _At) -> Iterator[MetricValue]:
    """8 x bytes over the milliseconds in which they were asked for; none while nothing was."""
    active_ms = metric.required("activityTime")
    size_bytes = metric.required("numBytes")
    if active_ms > 0:
        bps = 8000 * size_bytes / active_ms
        if bps > MAX_FIGURE:
            raise QoeMemberInvalid(f"{metric.path}/@activityTime", "is too short for numBytes")
        yield metric.value("AvgThroughput", "bit/s", bps)


def _buffer_level(metric: _At) -> Iterator[MetricValue]:
    for entry in metric.children("BufferLevelEntry"):
        yield entry.value("BufferLevel", "ms", entry.required("level"))


def _http_list(metric: _At) -> Iterator[MetricValue]:
    entries = metric.children("HttpListEntry")
    codes = [entry.number("responsecode") for entry in entries]
    yield metric.value("HttpList.requests", None, len(entries))
    yield metric.value("HttpList.errors", None, sum(code is None or code >= 400 for code in codes))
    for entry in entries:
        asked, answered = entry.instant("trequest"), entry.instant("tresponse")
        if asked is not None and answered is not None and answered >= asked:
            duration_ms = 1000 * (answered - asked).total_seconds()
            yield entry.value("HttpList.responseTime", "ms", duration_ms, "trequest")


def _delay(metric: _At) -> Iterator[MetricValue]:
    name = _name(metric.element)
    yield metric.value(name, "ms", _number((metric.element.text or "").strip(), metric.path))


def _mpd_information(metric: _At) -> Iterator[MetricValue]:
    for described in metric.children("Mpdinfo"):
        bandwidth = described.number("bandwidth")
        if bandwidth is not None:
            yield described.value("MPDInformation.bandwidth", "bit/s", bandwidth)


def _play_list(metric: _At) -> Iterator[MetricValue]:
    """What was played, and how often it stopped for want of data."""
    entries = [
        entry for trace in metric.children("Trace") for entry in trace.children("TraceEntry")
    ]
    stops = [entry.element.get("stopReason", "").lower().replace(" ", "") for entry in entries]
    played_ms = sum(entry.number("duration") or 0.0 for entry in entries)
    yield metric.value("PlayList.played", "ms", played_ms)
    yield metric.value("PlayList.rebufferings", None, stops.count("rebuffering"))


def _switches(metric: _At) -> Iterator[MetricValue]:
    yield metric.value("RepSwitchList.switches", None, len(metric.children("RepSwitchEvent")))


_READERS: Mapping[str, Callable[[_At], Iterator[MetricValue]]] = {
    "AvgThroughput": _average_throughput,
    "BufferLevel": _buffer_level,
    "HttpList": _http_list,
    "InitialPlayoutDelay": _delay,
    "MPDInformation": _mpd_information,
    "PlayList": _play_list,
    "PlayoutDelayforMediaStartup": _delay,
    "RepSwitchList": _switches,
}

QOE_METRICS = tuple(_READERS)
"""The metrics that are read."""


def _named(element: etree._Element, name: str) -> list[etree._Element]:
    return [child for child in element if isinstance(child.tag, str) and _name(child) == name]


def _name(element: etree._Element) -> str:
    """The name without its namespace, which lxml writes before it in braces."""
    return str(element.tag).rpartition("}")[2]


def _text(element: etree._Element, name: str, path: str, limit: int) -> str | None:
    text = element.get(name)
    if text is not None and not (0 < len(text) <= limit and text.isprintable()):
        raise QoeMemberInvalid(f"{path}/@{name}", f"must have 1 to {limit} printable characters")
    return text


def _number(text: str, path: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        raise QoeMemberInvalid(path, "must be a number of at least 0")
    number = float(text)
    if not isfinite(number) or number > MAX_FIGURE:
        raise QoeMemberInvalid(path, f"must be at most {MAX_FIGURE:g}")
    return number


def _instant(text: str, path: str) -> datetime:
    """An xs:dateTime; one without a zone is read as UTC."""
    found = _DATE_TIME.fullmatch(text.strip())
    if found is None:
        raise QoeMemberInvalid(path, "must be an xs:dateTime")
    seconds, fraction, zone = found.groups()
    try:
        instant = datetime.fromisoformat(f"{seconds}{(fraction or '')[:7]}{zone or 'Z'}")
    except ValueError:
        raise QoeMemberInvalid(path, "is no date") from None
    if not is_plausible(instant):
        raise QoeMemberInvalid(path, "is too far from now for a report")
    return instant.astimezone(UTC)
