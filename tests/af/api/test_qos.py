"""Bit rates between text and number, and the resources whose spelling is 3GPP's own."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fivegms_api.network_assistance import NetworkAssistanceSession
from fivegms_api.policy_templates import PolicyTemplate
from fivegms_api.qos import M5QosSpecification, bit_rate, bits_per_second
from fivegms_api.service_data_flows import IpPacketFilterSet


@given(st.integers(0, 10**27 - 1))
def test_a_rate_survives_being_spelled(bps: int) -> None:
    assert bits_per_second(bit_rate(bps)) == bps


@given(st.from_regex(r"[0-9]{1,15}(\.[0-9]{1,12})? [KMGT]?bps", fullmatch=True))
def test_whatever_rate_is_accepted_can_be_told_again(text: str) -> None:
    rates = ("marBwDlBitRate", "marBwUlBitRate", "mirBwDlBitRate", "mirBwUlBitRate")
    M5QosSpecification.model_validate(dict.fromkeys(rates, text))
    again = bit_rate(bits_per_second(text))
    M5QosSpecification.model_validate(dict.fromkeys(rates, again))


@pytest.mark.parametrize(
    ("text", "bps"),
    [("0 bps", 0), ("1.5 Kbps", 1500), ("0.0000001 Gbps", 100), ("2 Tbps", 2 * 10**12)],
)
def test_units_are_powers_of_a_thousand(text: str, bps: int) -> None:
    assert bits_per_second(text) == bps


@pytest.mark.parametrize(
    "text", ["20", "20Mbps", "-1 bps", "1 kbps", "1e3 bps", "1. bps", "9" * 16 + " bps", "1 bps\n"]
)
def test_what_is_no_bit_rate_is_refused(text: str) -> None:
    rates = dict.fromkeys(("marBwUlBitRate", "mirBwDlBitRate", "mirBwUlBitRate"), "0 bps")
    with pytest.raises(ValidationError):
        M5QosSpecification.model_validate({"marBwDlBitRate": text} | rates)


@pytest.mark.parametrize(
    ("model", "document"),
    [
        (PolicyTemplate, {"externalReference": "a", "qoSSpecification": {"maxBtrDl": "1 bps"}}),
        (IpPacketFilterSet, {"toSTc": "b8fc", "direction": "UPLINK"}),
        (
            NetworkAssistanceSession,
            {
                "provisioningSessionId": "s",
                "serviceDataFlowDescriptions": [{"domainName": "a.example"}],
                "notficationURL": "http://ue.example/",
            },
        ),
    ],
)
def test_3gpp_spells_some_members_its_own_way(model: Any, document: dict[str, Any]) -> None:
    assert model.model_validate(document).model_dump(
        by_alias=True, exclude_none=True, mode="json"
    ) == (document)
