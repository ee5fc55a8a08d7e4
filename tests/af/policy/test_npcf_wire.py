"""A PCF's bodies, by value and against what a broken one may send."""

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.policy.control import Demand, PacketFilter, PolicyFlow, Terms
from fivegms_af.policy.npcf_wire import (
    Feature,
    agreed_features,
    granted,
    missing_features,
    refusal,
    session_context,
    supported_features,
)
from fivegms_api.service_data_flows import Direction

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["ascReqData", "ascRespData", "medComponents", "1", "suppFeat", "marBwDl"]
            )
            | st.text(),
            inner,
        )
    ),
)


def flow(terms: Terms | None = None, demand: Demand | None = None, ue: str = "::1") -> PolicyFlow:
    return PolicyFlow(
        "id",
        "app",
        ip_address(ue),
        (PacketFilter(Direction.DOWNLINK),),
        terms or Terms(),
        demand or Demand(),
    )


def test_a_flow_without_wishes_needs_no_feature() -> None:
    assert missing_features(flow(), None) == ()
    assert session_context(flow(), "http://af/n")["ascReqData"]["ueIpv6"] == "::1"


@pytest.mark.parametrize(
    ("terms", "demand", "feature"),
    [
        (Terms(sponsor="a"), Demand(), Feature.SPONSORED_CONNECTIVITY),
        (Terms(qos_reference="a"), Demand(), Feature.AUTHORIZATION_WITH_REQUIRED_QOS),
        (Terms(uplink_loss=0), Demand(), Feature.CHEM),
        (Terms(), Demand(uplink_desired_bps=0), Feature.IMS_SBI),
        (Terms(), Demand(latency_ms=0), Feature.FLUS),
        (Terms(), Demand(loss=0), Feature.QOS_HINT),
    ],
)
def test_what_is_asked_for_needs_its_feature(
    terms: Terms, demand: Demand, feature: Feature
) -> None:
    (missing,) = missing_features(flow(terms, demand), "0")
    assert feature.name in missing
    assert missing_features(flow(terms, demand), supported_features(feature)) == ()


@given(json_values)
def test_no_answer_breaks_the_reader(answer: Any) -> None:
    found = answer if isinstance(answer, dict) else {}
    assert granted("r", flow(demand=Demand(1, 2)), found).reference == "r"
    assert refusal(found, 400)
    try:
        agreed = agreed_features(found)
    except ValueError:
        return
    missing_features(flow(Terms(qos_reference="a")), agreed)


@pytest.mark.parametrize("mask", ["-1", "0x1", " 1", "1_0", "g", 7, "1" * 65])
def test_a_mask_that_is_none_agrees_to_nothing(mask: Any) -> None:
    with pytest.raises(ValueError, match="no hexadecimal number"):
        agreed_features({"ascRespData": {"suppFeat": mask}})


@pytest.mark.parametrize(
    ("echoed", "found"), [("3 Mbps", 3_000_000), ("3 mbps", 7), ("x", 7), (None, 7), (5, 7)]
)
def test_an_echoed_rate_is_what_is_granted(echoed: Any, found: int) -> None:
    answer = {"ascReqData": {"medComponents": {"1": {"marBwDl": echoed}}}}
    assert granted("r", flow(demand=Demand(7, 8)), answer).downlink_bps == found


def test_a_refusal_without_words_says_its_status() -> None:
    assert refusal({}, 403) == "status 403"
    assert refusal({"title": "a", "cause": "B"}, 403) == "a; B"
