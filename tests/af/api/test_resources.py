"""The spelling of 3GPP, and what the simple types refuse."""

import pytest
from pydantic import TypeAdapter, ValidationError

from fivegms_api.common_data import AbsoluteUrl, RelativeUrl, Uri
from fivegms_api.content_hosting import ContentHostingConfiguration, UrlSignature
from fivegms_api.m3 import (
    content_hosting_configuration_path,
    content_preparation_template_path,
    provisioning_session_path,
)
from fivegms_api.problem_details import InvalidParam, ProblemDetails
from fivegms_api.service_access_information import ServiceAccessInformation


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (AbsoluteUrl, ["http://a", "HTTPS://a/b?c"],
         ["a", "/a", "ftp://a", "http://", "http:///", "http://a#b", "http://a b", "http://ä"]),
        (RelativeUrl, ["a", "a/b?c=d:e", "./a", "a#b"], ["", "http:a", "x:y/z", "a b", "a\\b"]),
        (Uri, ["urn:a:b", "http://a"], ["", "a", ":a", "1:a", "urn:a b"]),
    ],
)  # fmt: skip
def test_urls(kind: object, good: list[str], bad: list[str]) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(kind)
    assert [adapter.validate_python(one) for one in good] == good
    for one in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(one)


def test_capitals_are_as_3gpp_has_them() -> None:
    document = (
        b'{"name":"n","ingestConfiguration":{"baseURL":"http://a/"},"distributionConfigurations":'
        b'[{"baseURL":"http://b/","urlSignature":{"urlPattern":"a","tokenName":"b",'
        b'"passphraseName":"c","passphrase":"d","tokenExpiryName":"e","useIPAddress":true}}]}'
    )
    assert ContentHostingConfiguration.model_validate_json(document).to_json() == document
    information = (
        b'{"provisioningSessionId":"s","provisioningSessionType":"DOWNLINK","streamingAccess":'
        b'{"eMBMSServiceAnnouncementLocator":"http://a/"}}'
    )
    assert ServiceAccessInformation.model_validate_json(information).to_json() == information


def test_a_passphrase_is_not_shown() -> None:
    signature = UrlSignature(
        url_pattern="a",
        token_name="b",
        passphrase_name="c",
        passphrase="secret",
        token_expiry_name="e",
        use_ip_address=False,
    )
    assert "secret" not in repr(signature)


def test_a_problem_is_spelled_by_ts_29_571() -> None:
    problem = ProblemDetails(
        type="urn:x:y", title="t", status=400, invalid_params=(InvalidParam(param="/a"),)
    )
    assert problem.to_json() == (
        b'{"type":"urn:x:y","title":"t","status":400,"invalidParams":[{"param":"/a"}]}'
    )


def test_m3_paths() -> None:
    assert content_hosting_configuration_path("s") == "/3gpp-m3/v1/content-hosting-configurations/s"
    assert provisioning_session_path("s") == "/fivegms-m3/v1/provisioning-sessions/s"
    template = content_preparation_template_path("s", "t")
    assert template == "/fivegms-m3/v1/provisioning-sessions/s/content-preparation-templates/t"
