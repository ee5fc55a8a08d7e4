import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.bodies import MAX_DEPTH, canonical_json, parse_json, validate
from fivegms_af.errors import BodyMalformed, MembersRefused
from fivegms_api.content_hosting import ContentHostingConfiguration
from fivegms_api.edge_resources import M1EasRelocationRequirements
from fivegms_api.model_preparation import ModelPreparation
from fivegms_api.provisioning_sessions import ProvisioningSessionRequest
from fivegms_api.wire import WireModel

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: (
        st.lists(children)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), children)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b'{"a":1,"a":2}', "'a' occurs twice"),
        (b'{"b":{"a":1,"c":2,"a":2}}', "'a' occurs twice"),
        (b"[NaN]", "NaN is not a JSON number"),
        (b"[-Infinity]", "-Infinity is not a JSON number"),
        (b"[1e999]", "not JSON compliant"),
        (b'["\xff"]', "utf-8"),
        (b'["\\ud800"]', "surrogates not allowed"),
        (b'{"\\udfff":1}', "surrogates not allowed"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested deeper"),
        (b"[" * 100_000, "not JSON"),
        (b"9" * 5000, "not JSON"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"{} x", "Extra data"),
    ],
)
def test_what_is_not_json_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(BodyMalformed, match=reason):
        parse_json(body)


def test_json_of_the_greatest_depth_is_read() -> None:
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


@given(json_values)
def test_canonical_json_reads_back(value: Any) -> None:
    assert parse_json(canonical_json(value)) == value


@given(json_values, st.data())
def test_broken_json_is_read_or_named(value: Any, data: st.DataObject) -> None:
    body = bytearray(json.dumps(value).encode())
    del body[data.draw(st.integers(0, len(body))) :]
    if body:
        body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(BodyMalformed):
        canonical_json(parse_json(bytes(body)))


HOSTING = {
    "name": "n",
    "ingestConfiguration": {"pull": False},
    "distributionConfigurations": [{"entryPoint": {"relativePath": "a", "contentType": "b/c"}}],
}


@pytest.mark.parametrize(
    ("model", "document", "faults"),
    [
        (ProvisioningSessionRequest, {"provisioningSessionType": "DOWNLINK"}, {"/appId"}),
        (ProvisioningSessionRequest, {"provisioningSessionType": "down", "appId": "a"},
         {"/provisioningSessionType"}),
        (ProvisioningSessionRequest, {"provisioningSessionType": "DOWNLINK", "appId": 5},
         {"/appId"}),
        (ProvisioningSessionRequest, {"provisioningSessionType": "DOWNLINK", "appId": "\0"},
         {"/appId"}),
        (ProvisioningSessionRequest, {"provisioning_session_type": "DOWNLINK", "appId": "a"},
         {"/provisioningSessionType", "/provisioning_session_type"}),
        (ProvisioningSessionRequest, [], {""}),
        (ProvisioningSessionRequest, None, {""}),
        (ContentHostingConfiguration, HOSTING | {"a/b~": 1}, {"/a~1b~0"}),
        (ContentHostingConfiguration, HOSTING | {"distributionConfigurations": [{"foo": 1}]},
         {"/distributionConfigurations/0/foo"}),
        (ContentHostingConfiguration, HOSTING | {"ingestConfiguration": {"pull": "no"}},
         {"/ingestConfiguration/pull"}),
        (ContentHostingConfiguration, HOSTING | {"ingestConfiguration": {"base_url": "http://a"}},
         {"/ingestConfiguration/base_url"}),
        (ModelPreparation,
         {"model": {"name": "m", "task": "t"}, "source": "m", "evaluation": {"media": "x"}},
         {"/evaluation/groundTruth"}),
        (ModelPreparation, {"model": {"name": "m", "task": "t"}, "source": "m", "evaluation": "x"},
         {"/evaluation"}),
        (ModelPreparation, {"model": {"name": "m", "task": "t"}, "source": "../m"}, {"/source"}),
        (ModelPreparation, {"model": {"name": "m", "task": "t", "version": 1.0}, "source": "m"},
         {"/model/version"}),
    ],
)  # fmt: skip
def test_faults_are_named_by_pointer(
    model: type[WireModel], document: Any, faults: set[str]
) -> None:
    with pytest.raises(MembersRefused) as refused:
        validate(model, document)
    assert {fault.param for fault in refused.value.params} == faults
    assert all(fault.reason for fault in refused.value.params)


def test_a_document_with_endless_faults_names_some() -> None:
    with pytest.raises(MembersRefused) as refused:
        validate(ProvisioningSessionRequest, {f"m{i}": 1 for i in range(10_000)})
    assert len(refused.value.params) == 50


def test_null_is_no_way_to_leave_a_member_out() -> None:
    body = {"name": "n", "distributionConfigurations": [{"domainNameAlias": None}]}
    with pytest.raises(MembersRefused) as refused:
        validate(ContentHostingConfiguration, body)
    assert [one.param for one in refused.value.params] == [
        "/distributionConfigurations/0/domainNameAlias"
    ]


def test_null_is_a_value_of_3gpp_s_nullable_types() -> None:
    requirements = {"tolerance": "RELOCATION_TOLERANT", "maxInterruptionDuration": None}
    read = validate(M1EasRelocationRequirements, requirements)
    assert read.max_interruption_duration is None
