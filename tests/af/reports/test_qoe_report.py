"""The reader of QoE reports: values by value, one test per refusal, and damaged documents."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_api import qoe_report
from fivegms_api.metrics_reporting import DASH_QOE_SCHEME, METRICS
from fivegms_api.qoe_report import (
    QoeDoctypeForbidden,
    QoeMemberInvalid,
    QoeReportError,
    QoeReportMalformed,
    QoeReportTooLarge,
    read_qoe_report,
)

NAMESPACE = "urn:3gpp:metadata:2011:HSD:receptionreport"
WHOLE = (
    f'<ReceptionReport xmlns="{NAMESPACE}" contentURI="http://a/b.mpd" clientID="ue">'
    '<QoeReport periodID="p" reportTime="2026-11-23T12:00:10+01:00" reportPeriod="10">'
    '<QoeMetric><BufferLevel><BufferLevelEntry t="2026-11-23T11:00:01.5Z" level="20"/>'
    "</BufferLevel></QoeMetric>"
    '<QoeMetric><AvgThroughput numBytes="100" activityTime="20" duration="30"/></QoeMetric>'
    "</QoeReport></ReceptionReport>"
).encode()


def test_every_metric_that_is_read(qoe: bytes) -> None:
    report = read_qoe_report(qoe)
    assert (report.content_uri, report.client_id) == ("http://m4.example/media.mpd", "ue-7")
    assert report.unknown == ("deviceinformation",)
    assert [
        (one.name, one.unit, one.value, one.at.isoformat()[14:22]) for one in report.values
    ] == [
        ("AvgThroughput", "bit/s", 4e6, "00:00.50"),
        ("InitialPlayoutDelay", "ms", 250, "00:10+00"),
        ("BufferLevel", "ms", 6256, "00:01+00"),
        ("BufferLevel", "ms", 6100, "00:02+00"),
        ("RepSwitchList.switches", None, 1, "00:10+00"),
        ("PlayList.played", "ms", 9000, "00:10+00"),
        ("PlayList.rebufferings", None, 1, "00:10+00"),
        ("MPDInformation.bandwidth", "bit/s", 2500000, "00:10+00"),
        ("HttpList.requests", None, 2, "00:10+00"),
        ("HttpList.errors", None, 1, "00:10+00"),
        ("HttpList.responseTime", "ms", 40, "00:01+00"),
    ]


def test_instants_are_utc_and_a_time_without_a_zone_is_utc() -> None:
    report = read_qoe_report(WHOLE)
    assert report.values[1].at == datetime(2026, 11, 23, 11, 0, 10, tzinfo=UTC)
    without = read_qoe_report(WHOLE.replace(b"12:00:10+01:00", b"11:00:10"))
    assert without.values == report.values


def test_both_namespaces_are_known() -> None:
    assert read_qoe_report(WHOLE.replace(b"2011:HSD", b"2017:HSD")) == read_qoe_report(WHOLE)


def test_throughput_of_no_activity_is_no_value() -> None:
    report = read_qoe_report(WHOLE.replace(b'activityTime="20"', b'activityTime="0"'))
    assert [one.name for one in report.values] == ["BufferLevel"]


def test_what_can_be_asked_for_is_read() -> None:
    not_numbers = {"DeviceInformationList"}
    assert set(METRICS[DASH_QOE_SCHEME]) - not_numbers == set(qoe_report.QOE_METRICS)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<ReceptionReport",
        b"<ReceptionReport/>",
        WHOLE.replace(b"2011:HSD", b"2099:HSD"),
        WHOLE.replace(b"ReceptionReport", b"QoeReport"),
        b"\xff" + WHOLE,
        b'<?xml version="1.0" encoding="UTF-16"?>'.decode().encode("utf-16"),
    ],
)
def test_what_is_no_reception_report(document: bytes) -> None:
    with pytest.raises(QoeReportMalformed):
        read_qoe_report(document)


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + WHOLE,
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd">' + WHOLE,
    ],
)
def test_a_document_type_is_refused(document: bytes) -> None:
    with pytest.raises(QoeDoctypeForbidden):
        read_qoe_report(document)


@pytest.mark.parametrize(
    "document",
    [
        b"<a>" * qoe_report.MAX_DEPTH + b"<a/>" + b"</a>" * qoe_report.MAX_DEPTH,
        b"<a>" + b"<b/>" * qoe_report.MAX_ELEMENTS + b"</a>",
        b" " * (qoe_report.MAX_BYTES + 1),
        WHOLE.replace(
            b'<BufferLevelEntry t="2026-11-23T11:00:01.5Z" level="20"/>',
            b'<BufferLevelEntry level="20"/>' * (qoe_report.MAX_VALUES + 1),
        ),
    ],
    ids=["depth", "elements", "bytes", "values"],
)
def test_what_is_larger_than_any_report(document: bytes) -> None:
    with pytest.raises(QoeReportTooLarge):
        read_qoe_report(document)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (b' contentURI="http://a/b.mpd"', b"", "/ReceptionReport/@contentURI"),
        (b'clientID="ue"', b'clientID=""', "/ReceptionReport/@clientID"),
        (b'clientID="ue"', b'clientID="%s"' % (b"a" * 257), "/ReceptionReport/@clientID"),
        (b'periodID="p"', b"", "/ReceptionReport/QoeReport[1]/@periodID"),
        (b"2026-11-23T12:00:10+01:00", b"yesterday", "/ReceptionReport/QoeReport[1]/@reportTime"),
        (b"2026-11-23T12:00:10+01:00", b"2026-11-31T12:00:10Z", "/QoeReport[1]/@reportTime"),
        (b"2026-11-23T12:00:10+01:00", b"1026-11-23T12:00:10Z", "/QoeReport[1]/@reportTime"),
        (b'reportPeriod="10"', b'reportPeriod="-1"', "/QoeReport[1]/@reportPeriod"),
        (b'level="20"', b"", "/BufferLevelEntry[1]/@level"),
        (b'level="20"', b'level="1e3"', "/BufferLevelEntry[1]/@level"),
        (b'level="20"', b'level="9999999999999999999"', "/BufferLevelEntry[1]/@level"),
        (b'numBytes="100"', b"", "/AvgThroughput[1]/@numBytes"),
        (
            b'numBytes="100" activityTime="20"',
            b'numBytes="1000" activityTime="0.%018d1"' % 0,
            "/AvgThroughput[1]/@activityTime",
        ),
    ],
)
def test_a_member_that_is_wrong_is_named(old: bytes, new: bytes, path: str) -> None:
    with pytest.raises(QoeMemberInvalid) as refused:
        read_qoe_report(WHOLE.replace(old, new))
    assert refused.value.path.endswith(path)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_flipped_byte_is_read_or_refused_by_name(place: int, byte: int) -> None:
    _read_or_refuse(WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :])


@given(st.integers(0, len(WHOLE) - 1))
def test_a_truncated_report_is_refused(length: int) -> None:
    with pytest.raises(QoeReportError):
        read_qoe_report(WHOLE[:length])


def _read_or_refuse(document: bytes) -> None:
    try:
        report = read_qoe_report(document)
    except QoeReportError:
        return
    assert all(value.value >= 0 and value.at.tzinfo is not None for value in report.values)
