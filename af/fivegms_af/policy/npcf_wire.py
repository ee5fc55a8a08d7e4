"""A policy flow as an Individual Application Session Context of a PCF (TS 29.514). Pure.

One media component holds all flows of a policy, each a media subcomponent. What a PCF has to be
able to do for a flow is a list of alternatives of features; `missing_features` says which of them
the PCF did not agree to, so that nothing which was asked for is dropped in silence.
"""

import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any

from pydantic import ConfigDict

from fivegms_af.policy.control import Demand, Granted, PacketFilter, PolicyFlow
from fivegms_api.qos import NotNegative, bit_rate, bits_per_second
from fivegms_api.service_data_flows import MAX_FLOWS, Direction, MediaType
from fivegms_api.wire import WireModel

Json = dict[str, Any]
COMPONENT = "1"

_MASK = re.compile(r"[0-9A-Fa-f]{0,64}")
_BIT_RATE = re.compile(r"\d{1,15}(\.\d{1,9})? (bps|Kbps|Mbps|Gbps|Tbps)", re.ASCII)


class Feature(IntEnum):
    """Those that we ask for, by their numbers (TS 29.514 5.8)."""

    SPONSORED_CONNECTIVITY = 2
    IMS_SBI = 5
    QOS_MONITORING = 16
    AUTHORIZATION_WITH_REQUIRED_QOS = 17
    CHEM = 20
    FLUS = 21
    QOS_HINT = 24


def supported_features(*features: Feature) -> str:
    """The bit mask of some features in hexadecimal (TS 29.571 5.2.2).

    >>> supported_features(Feature.SPONSORED_CONNECTIVITY, Feature.IMS_SBI)
    '12'
    """
    return f"{sum(1 << (feature - 1) for feature in features):x}"


def missing_features(flow: PolicyFlow, agreed: str | None) -> tuple[str, ...]:
    """What the flow needs that was not agreed, each with the reason."""
    mask = int(agreed or "0", 16)
    return tuple(
        f"{' or '.join(one.name for one in alternatives)} ({reason})"
        for alternatives, reason in _needs(flow)
        if not any(mask >> (one - 1) & 1 for one in alternatives)
    )


def session_context(flow: PolicyFlow, notification_url: str) -> Json:
    """The body of a POST to `/app-sessions` (5.6.2.2 and 5.6.2.3)."""
    terms = flow.terms
    data: Json = {
        "afAppId": flow.app_id,
        "aspId": flow.asp_id,
        "dnn": terms.dnn,
        "sliceInfo": terms.slice.model_dump(exclude_none=True) if terms.slice else None,
        "sponId": terms.sponsor,
        "sponStatus": terms.sponsoring,
        f"ueIpv{flow.ue.version}": str(flow.ue),
        "notifUri": notification_url,
        "suppFeat": supported_features(*Feature),
        "medComponents": {COMPONENT: _without_none(_component(flow))},
        "evSubsc": _events(flow, notification_url),
    }
    return {"ascReqData": _without_none(data)}


def session_patch(flow: PolicyFlow, notification_url: str) -> Json:
    """The merge patch that makes any context of ours that of this flow (5.6.2.5).

    What the flow has not is null, which removes it if it was there.
    """
    component = _component(flow)
    subcomponents: Json = dict.fromkeys(str(n) for n in range(1, MAX_FLOWS + 1))
    for number, subcomponent in component["medSubComps"].items():
        subcomponents[number] = {"tosTrCl": None, **subcomponent}
    component["medSubComps"] = subcomponents
    data = {
        "medComponents": {COMPONENT: component},
        "evSubsc": _events(flow, notification_url),
    }
    return {"ascReqData": data}


def granted(reference: str, flow: PolicyFlow, answer: Mapping[str, Any]) -> Granted:
    """The bit rates as the PCF echoes them; as asked for, where it echoes none."""
    echoed = _object(_object(_object(answer, "ascReqData"), "medComponents"), COMPONENT)
    return Granted(
        reference,
        _rate(echoed.get("marBwDl"), flow.demand.downlink_most_bps),
        _rate(echoed.get("marBwUl"), flow.demand.uplink_most_bps),
    )


def agreed_features(answer: Mapping[str, Any]) -> str | None:
    """The mask that the PCF answered with; raises ValueError where it is none."""
    found = _object(answer, "ascRespData").get("suppFeat")
    found = _object(answer, "ascReqData").get("suppFeat") if found is None else found
    if found is not None and not (isinstance(found, str) and _MASK.fullmatch(found)):
        raise ValueError("what its suppFeat says, which is no hexadecimal number")
    return found


def refusal(problem: Mapping[str, Any], status: int) -> str:
    """Why a PCF refused: its problem's texts, and what it would have accepted (5.6.2.36)."""
    texts = [problem.get(name) for name in ("title", "detail", "cause")]
    acceptable = _object(problem, "acceptableServInfo")
    for name, direction in (("marBwDl", "downlink"), ("marBwUl", "uplink")):
        if isinstance(acceptable.get(name), str):
            texts.append(f"at most {acceptable[name]} {direction}")
    return "; ".join(text for text in texts if isinstance(text, str) and text) or f"status {status}"


class _Notified(WireModel):
    """What is read of a PCF's notification; it may hold more."""

    model_config = ConfigDict(extra="ignore")


class QosControlReport(_Notified):
    """Whether what was guaranteed is (5.6.2.14)."""

    notif_type: str


class QosMonitoringReport(_Notified):
    """Milliseconds there and back (5.6.2.35)."""

    rt_delays: tuple[NotNegative, ...] = ()


class EventNotification(_Notified):
    """An event (5.6.2.11)."""

    event: str


class EventsNotification(_Notified):
    """The body of a notification (5.6.2.10)."""

    ev_notifs: tuple[EventNotification, ...]
    qnc_reports: tuple[QosControlReport, ...] = ()
    qos_mon_reports: tuple[QosMonitoringReport, ...] = ()

    @property
    def events(self) -> frozenset[str]:
        """The names of the events."""
        return frozenset(one.event for one in self.ev_notifs)


class TerminationInfo(_Notified):
    """The PCF's request to end a context (5.6.2.25)."""

    term_cause: str


def _component(flow: PolicyFlow) -> Json:
    """All members, those that are not asked for None."""
    terms, demand = flow.terms, flow.demand
    subcomponents = {
        str(number): _subcomponent(number, one, flow) for number, one in enumerate(flow.filters, 1)
    }
    return {
        "medCompN": int(COMPONENT),
        "medType": flow.media_type or MediaType.OTHER,
        "qosReference": terms.qos_reference,
        "fStatus": "ENABLED",
        **_rates(demand),
        "desMaxLatency": None if demand.latency_ms is None else float(demand.latency_ms),
        "desMaxLoss": None if demand.loss is None else float(demand.loss),
        "maxPacketLossRateDl": terms.downlink_loss,
        "maxPacketLossRateUl": terms.uplink_loss,
        "medSubComps": subcomponents,
    }


def _rates(demand: Demand) -> Json:
    rates = {
        "marBwDl": demand.downlink_most_bps,
        "marBwUl": demand.uplink_most_bps,
        "minDesBwDl": demand.downlink_desired_bps,
        "minDesBwUl": demand.uplink_desired_bps,
        "mirBwDl": demand.downlink_least_bps,
        "mirBwUl": demand.uplink_least_bps,
    }
    return {name: None if bps is None else bit_rate(bps) for name, bps in rates.items()}


def _subcomponent(number: int, one: PacketFilter, flow: PolicyFlow) -> Json:
    subcomponent = {
        "fNum": number,
        "fDescs": list(_flow_descriptions(one, str(flow.ue))),
        "tosTrCl": one.tos_traffic_class,
    }
    return _without_none(subcomponent)


def _flow_descriptions(one: PacketFilter, ue: str) -> Iterator[str]:
    """IP filter rules: `out` is towards the UE (TS 29.214 5.3.8)."""
    protocol = "ip" if one.protocol is None else str(one.protocol)
    near = _endpoint(ue, one.ue_port)
    far = _endpoint("any" if one.server is None else _plain(str(one.server)), one.server_port)
    if one.direction is not Direction.UPLINK:
        yield f"permit out {protocol} from {far} to {near}"
    if one.direction is not Direction.DOWNLINK:
        yield f"permit in {protocol} from {near} to {far}"


def _endpoint(address: str, port: int | None) -> str:
    return address if port is None else f"{address} {port}"


def _plain(network: str) -> str:
    """A single address without its prefix length."""
    return network.removesuffix("/32").removesuffix("/128")


def _events(flow: PolicyFlow, notification_url: str) -> Json:
    """What has to be heard of to know that the flow does not get what it should."""
    events = ["QOS_NOTIF", "FAILED_RESOURCES_ALLOCATION", "SUCCESSFUL_RESOURCES_ALLOCATION"]
    subscription: Json = {"notifUri": notification_url}
    if flow.demand.latency_ms is not None:
        events.append("QOS_MONITORING")
        subscription["reqQosMonParams"] = ["ROUND_TRIP"]
        subscription["qosMon"] = {"repThreshRp": 2 * flow.demand.latency_ms}
    subscription["events"] = [{"event": one, "notifMethod": "EVENT_DETECTION"} for one in events]
    return subscription


def _needs(flow: PolicyFlow) -> Iterator[tuple[tuple[Feature, ...], str]]:
    terms, demand = flow.terms, flow.demand
    if terms.sponsor is not None:
        yield (Feature.SPONSORED_CONNECTIVITY,), "chargingSpecification"
    if terms.qos_reference is not None:
        yield (Feature.AUTHORIZATION_WITH_REQUIRED_QOS,), "qosReference"
    if terms.downlink_loss is not None or terms.uplink_loss is not None:
        yield (Feature.CHEM,), "defPacketLossRate"
    if demand.downlink_desired_bps is not None or demand.uplink_desired_bps is not None:
        yield (Feature.IMS_SBI,), "minDesBw"
    if demand.latency_ms is not None or demand.loss is not None:
        yield (Feature.FLUS, Feature.QOS_HINT), "desLatency, desLoss"


def _rate(echoed: object, asked: int | None) -> int | None:
    is_rate = isinstance(echoed, str) and _BIT_RATE.fullmatch(echoed)
    return bits_per_second(str(echoed)) if is_rate else asked


def _object(value: object, name: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _without_none(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not None}
