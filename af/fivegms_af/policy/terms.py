"""From a policy template to its terms, and from a UE's request to a demand within them. Pure."""

from collections.abc import Iterator

from fivegms_af.errors import MembersRefused
from fivegms_af.faults import NOT_SUPPORTED, fault
from fivegms_af.policy.control import Demand, NetworkState, Terms
from fivegms_af.policy.kpi import KPI_PROFILES, KpiProfile
from fivegms_api.policy_templates import KPI_PREFIX, PolicyTemplate
from fivegms_api.problem_details import InvalidParam
from fivegms_api.qos import (
    BitRate,
    ChargingSpecification,
    M1QosSpecification,
    M5QosSpecification,
    bit_rate,
    bits_per_second,
)

QOS = "qoSSpecification"


def check_template(template: PolicyTemplate) -> None:
    """Raises MembersRefused for what no network of ours would do, or what contradicts itself."""
    faults = [*_charging_faults(template.charging_specification), *_profile_faults(template)]
    if faults:
        raise MembersRefused(*faults)


def terms_of(template: PolicyTemplate) -> Terms:
    """The terms of an accepted template."""
    qos = template.qos_specification or M1QosSpecification()
    profile = _profile(qos)
    place = template.application_session_context
    charging = template.charging_specification or ChargingSpecification()
    return Terms(
        qos_reference=None if profile else qos.qos_reference,
        downlink_limit_bps=_limit(qos.max_btr_dl, qos.max_auth_btr_dl),
        uplink_limit_bps=_limit(qos.max_btr_ul, qos.max_auth_btr_ul),
        downlink_required_bps=profile.downlink_bps if profile else None,
        uplink_required_bps=profile.uplink_bps if profile else None,
        latency_ms=profile.latency_ms if profile else None,
        downlink_loss=qos.def_packet_loss_rate_dl,
        uplink_loss=qos.def_packet_loss_rate_ul,
        dnn=place.dnn if place else None,
        slice=place.slice_info if place else None,
        sponsor=charging.spon_id,
        sponsoring=charging.spon_status,
    )


def demand_within(terms: Terms, wanted: M5QosSpecification | None, member: str) -> Demand:
    """What is asked of the network; raises MembersRefused naming what exceeds the terms.

    Without a specification it is what the terms require, and at most what they allow. `member` is
    where the specification was in the request.
    """
    if wanted is None:
        return Demand(
            downlink_most_bps=_first(terms.downlink_limit_bps, terms.downlink_required_bps),
            uplink_most_bps=_first(terms.uplink_limit_bps, terms.uplink_required_bps),
            downlink_least_bps=terms.downlink_required_bps,
            uplink_least_bps=terms.uplink_required_bps,
            latency_ms=terms.latency_ms,
        )
    faults = [*_order_faults(wanted, member), *_limit_faults(terms, wanted, member)]
    if faults:
        raise MembersRefused(*faults)
    return Demand(
        downlink_most_bps=bits_per_second(wanted.mar_bw_dl_bit_rate),
        uplink_most_bps=bits_per_second(wanted.mar_bw_ul_bit_rate),
        downlink_desired_bps=_bps(wanted.min_des_bw_dl_bit_rate),
        uplink_desired_bps=_bps(wanted.min_des_bw_ul_bit_rate),
        downlink_least_bps=bits_per_second(wanted.mir_bw_dl_bit_rate),
        uplink_least_bps=bits_per_second(wanted.mir_bw_ul_bit_rate),
        latency_ms=wanted.des_latency if wanted.des_latency is not None else terms.latency_ms,
        loss=wanted.des_loss,
    )


def recommend(demand: Demand, state: NetworkState) -> M5QosSpecification | None:
    """The most of what is wanted that the network can give now, and the least of it; None where
    a direction is known from neither.
    """
    down = _lower(demand.downlink_most_bps, state.downlink_bps)
    up = _lower(demand.uplink_most_bps, state.uplink_bps)
    if down is None or up is None:
        return None
    return M5QosSpecification(
        mar_bw_dl_bit_rate=bit_rate(down),
        mar_bw_ul_bit_rate=bit_rate(up),
        mir_bw_dl_bit_rate=bit_rate(min(down, demand.downlink_least_bps or 0)),
        mir_bw_ul_bit_rate=bit_rate(min(up, demand.uplink_least_bps or 0)),
        des_latency=None if state.latency_ms is None else round(state.latency_ms),
    )


def _profile(qos: M1QosSpecification) -> KpiProfile | None:
    reference = qos.qos_reference or ""
    if not reference.startswith(KPI_PREFIX):
        return None
    return KPI_PROFILES[reference.removeprefix(KPI_PREFIX)]


def _profile_faults(template: PolicyTemplate) -> Iterator[InvalidParam]:
    qos = template.qos_specification or M1QosSpecification()
    name = (qos.qos_reference or "").removeprefix(KPI_PREFIX)
    if (qos.qos_reference or "").startswith(KPI_PREFIX) and name not in KPI_PROFILES:
        reason = f"there is no KPI profile {name!r}, but {', '.join(KPI_PROFILES)}"
        yield fault(reason, QOS, "qosReference")
        return
    terms = terms_of(template)
    for required, limit, direction in (
        (terms.downlink_required_bps, terms.downlink_limit_bps, "maxBtrDl"),
        (terms.uplink_required_bps, terms.uplink_limit_bps, "maxBtrUl"),
    ):
        if required and limit is not None and limit < required:
            yield fault(f"the KPI profile needs {bit_rate(required)}", QOS, direction)


def _charging_faults(charging: ChargingSpecification | None) -> Iterator[InvalidParam]:
    if charging is None:
        return
    if charging.gpsi is not None:
        reason = f"telling users apart is {NOT_SUPPORTED}"
        yield fault(reason, "chargingSpecification", "gpsi")
    if charging.spon_status is not None and charging.spon_id is None:
        yield fault("is required with sponStatus", "chargingSpecification", "sponId")


def _order_faults(wanted: M5QosSpecification, member: str) -> Iterator[InvalidParam]:
    """The least must not be more than what is desired, nor that more than the most."""
    for direction in ("Dl", "Ul"):
        side = direction.lower()
        most = bits_per_second(getattr(wanted, f"mar_bw_{side}_bit_rate"))
        for lower in ("mir", "min_des"):
            rate = _bps(getattr(wanted, f"{lower}_bw_{side}_bit_rate"))
            if rate is not None and rate > most:
                name = {"mir": "mir", "min_des": "minDes"}[lower]
                reason = f"is more than marBw{direction}BitRate"
                yield fault(reason, member, f"{name}Bw{direction}BitRate")


def _limit_faults(terms: Terms, wanted: M5QosSpecification, member: str) -> Iterator[InvalidParam]:
    for rate, limit, name in (
        (wanted.mar_bw_dl_bit_rate, terms.downlink_limit_bps, "marBwDlBitRate"),
        (wanted.mar_bw_ul_bit_rate, terms.uplink_limit_bps, "marBwUlBitRate"),
    ):
        if limit is not None and bits_per_second(rate) > limit:
            yield fault(f"the policy template allows {bit_rate(limit)}", member, name)


def _limit(*rates: BitRate | None) -> int | None:
    return min((bits_per_second(rate) for rate in rates if rate), default=None)


def _first(limit: int | None, required: int | None) -> int | None:
    """A limit of nothing is one too."""
    return required if limit is None else limit


def _lower(*rates: int | None) -> int | None:
    return min((rate for rate in rates if rate is not None), default=None)


def _bps(rate: BitRate | None) -> int | None:
    return None if rate is None else bits_per_second(rate)
