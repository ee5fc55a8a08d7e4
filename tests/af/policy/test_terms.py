"""Policy templates into terms, requests into demands, networks into recommendations."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.errors import MembersRefused
from fivegms_af.policy.control import Demand, NetworkState, Terms
from fivegms_af.policy.kpi import KPI_PROFILES, MBPS, RECALLED
from fivegms_af.policy.terms import check_template, demand_within, recommend, terms_of
from fivegms_api.policy_templates import PolicyTemplate
from fivegms_api.qos import M5QosSpecification, Snssai, SponsoringStatus, bits_per_second
from support import shared_data


def template(**members: Any) -> PolicyTemplate:
    return PolicyTemplate.model_validate({"externalReference": "a"} | members)


def test_every_member_of_a_template_is_a_term() -> None:
    found = terms_of(
        template(
            qoSSpecification={
                "qosReference": "gold",
                "maxBtrDl": "20 Mbps",
                "maxAuthBtrDl": "15 Mbps",
                "maxAuthBtrUl": "3 Mbps",
                "defPacketLossRateDl": 1,
                "defPacketLossRateUl": 2,
            },
            applicationSessionContext={"dnn": "internet", "sliceInfo": {"sst": 1}},
            chargingSpecification={"sponId": "acme", "sponStatus": "SPONSOR_DISABLED"},
        )
    )
    assert found == Terms(
        qos_reference="gold",
        downlink_limit_bps=15_000_000,
        uplink_limit_bps=3_000_000,
        downlink_loss=1,
        uplink_loss=2,
        dnn="internet",
        slice=Snssai(sst=1),
        sponsor="acme",
        sponsoring=SponsoringStatus.SPONSOR_DISABLED,
    )


def test_a_limit_of_nothing_is_a_limit() -> None:
    demand = demand_within(Terms(downlink_limit_bps=0), None, "qosSpecification")
    assert (demand.downlink_most_bps, demand.uplink_most_bps) == (0, None)


@pytest.mark.requirement("R019")
def test_a_kpi_profile_is_what_the_service_requires() -> None:
    kpi = template(qoSSpecification={"qosReference": "urn:fivegms:kpi:SI-MEDIA"})
    check_template(kpi)
    found = terms_of(kpi)
    assert found.qos_reference is None
    assert (found.downlink_required_bps, found.uplink_required_bps) == (150 * MBPS, 1_500_000)
    assert found.latency_ms == 100
    demand = demand_within(found, None, "qosSpecification")
    assert (demand.downlink_most_bps, demand.downlink_least_bps) == (150 * MBPS, 150 * MBPS)
    assert demand.latency_ms == 100


@pytest.mark.parametrize("profile", [*KPI_PROFILES.values()], ids=lambda one: one.id)
def test_kpi_profiles_are_those_that_were_collected(profile: Any) -> None:
    collected = json.loads(shared_data("kpi_profiles.json").read_text(encoding="utf-8"))
    (row,) = (one for one in collected["profiles"] if one["id"] == profile.id)
    both = row.get("both", {})
    for way, found in (("dl", profile.downlink_bps), ("ul", profile.uplink_bps)):
        stated = row.get(way, both)
        rate = stated.get("rate_mbps")
        if rate is None and "size_bytes" in stated:
            rate = stated["size_bytes"] * 8 / 1e3 / stated["max_latency_ms"]
        assert found == (None if rate is None else round(rate * 1e6))
    if row["kind"] == "split_inference":
        assert profile.uplink_latency_ms == row.get("ul", {}).get("max_latency_ms")
        assert profile.downlink_latency_ms == row.get("dl", {}).get("max_latency_ms")
    assert (RECALLED in profile.source) == (row["provenance"] == "R")


def wanted(down: str = "10 Mbps", up: str = "1 Mbps", **members: Any) -> M5QosSpecification:
    return M5QosSpecification.model_validate(
        {
            "marBwDlBitRate": down,
            "marBwUlBitRate": up,
            "mirBwDlBitRate": "0 bps",
            "mirBwUlBitRate": "0 bps",
        }
        | members
    )


def test_a_demand_is_what_was_asked_for() -> None:
    qos = wanted(minDesBwDlBitRate="5 Mbps", mirBwDlBitRate="2 Mbps", desLatency=0, desLoss=3)
    assert demand_within(Terms(latency_ms=50), qos, "q") == Demand(
        downlink_most_bps=10_000_000,
        uplink_most_bps=1_000_000,
        downlink_desired_bps=5_000_000,
        downlink_least_bps=2_000_000,
        uplink_least_bps=0,
        latency_ms=0,
        loss=3,
    )


@pytest.mark.parametrize(
    ("qos", "params"),
    [
        (wanted("11 Mbps"), ["/q/marBwDlBitRate"]),
        (wanted(up="3 Mbps"), ["/q/marBwUlBitRate"]),
        (wanted(mirBwDlBitRate="10.1 Mbps"), ["/q/mirBwDlBitRate"]),
        (wanted(minDesBwUlBitRate="2 Mbps"), ["/q/minDesBwUlBitRate"]),
    ],
)
def test_what_exceeds_the_terms_is_named(qos: M5QosSpecification, params: list[str]) -> None:
    terms = Terms(downlink_limit_bps=10_000_000, uplink_limit_bps=2_000_000)
    with pytest.raises(MembersRefused) as refused:
        demand_within(terms, qos, "q")
    assert [one.param for one in refused.value.params] == params


rates = st.none() | st.integers(0, 10**12)


@given(rates, rates, rates, rates, rates)
def test_no_more_is_recommended_than_wanted_or_there(
    want_down: int | None,
    want_up: int | None,
    have_down: int | None,
    have_up: int | None,
    least: int | None,
) -> None:
    demand = Demand(want_down, want_up, downlink_least_bps=least)
    found = recommend(demand, NetworkState(have_down, have_up))
    if found is None:
        assert (want_down is None and have_down is None) or (want_up is None and have_up is None)
        return
    down, up = map(bits_per_second, (found.mar_bw_dl_bit_rate, found.mar_bw_ul_bit_rate))
    assert down == min(one for one in (want_down, have_down) if one is not None)
    assert up == min(one for one in (want_up, have_up) if one is not None)
    assert bits_per_second(found.mir_bw_dl_bit_rate) <= down
