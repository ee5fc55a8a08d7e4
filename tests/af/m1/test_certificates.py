"""Server Certificates on M1: made, reserved, uploaded, used, destroyed."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fivegms_af.certificate_authority import CertificateAuthority
from fivegms_af.config import ApplicationServerAddress
from fivegms_af.m1.documents import MAX_OF_A_KIND
from support.authority import Authority, requested_names

PEM = "application/x-pem-file"
KEY = b"PRIVATE KEY"
WITH_TLS = ApplicationServerAddress(
    "http://as.example:1", "http://as.example:2", "http://m4.example", "https://m4.example:8443"
)


async def create(af: Any, session: str, query: str = "", aliases: Any = None) -> Any:
    url = f"{session}/certificates{query}"
    if aliases is None:
        return await af.request("POST", url)
    return await af.send("POST", url, aliases)


async def reserve(af: Any, session: str, *aliases: str) -> tuple[str, bytes]:
    """The URL of a reserved certificate, and its signing request."""
    answer = await create(af, session, "?csr=true", list(aliases))
    assert answer.status == 200, answer.body
    return answer.headers["Location"], answer.body


async def upload(af: Any, url: str, request: bytes, **options: Any) -> Any:
    chain = Authority.new(af.clock()).sign(request, af.clock(), **options)
    return await af.send("PUT", url, chain, PEM)


def session_id(session: str) -> str:
    return session.rsplit("/", 1)[-1]


def hosting_with(certificate: str, **members: Any) -> dict[str, Any]:
    return {
        "name": "n",
        "ingestConfiguration": {
            "pull": False,
            "protocol": "urn:3gpp:5gms:content-protocol:dash-if-ingest",
        },
        "distributionConfigurations": [{"certificateId": certificate} | members],
    }


async def test_a_certificate_is_made_for_the_as(af: Any) -> None:
    session = await af.session()
    made = await create(af, session)
    assert made.status == 200
    assert made.headers["Content-Type"] == PEM
    [certificate] = x509.load_pem_x509_certificates(made.body)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["m4.example"]
    url = made.headers["Location"]
    assert url.startswith(f"{session}/certificates/")
    shown = await af.get(url)
    assert (shown.status, shown.body) == (200, made.body)
    assert shown.headers["ETag"] == made.headers["ETag"]
    assert KEY not in shown.body
    certificate_id = url.rsplit("/", 1)[-1]
    assert (await af.get(session)).json["serverCertificateIds"] == [certificate_id]
    sent = af.server.certificates[session_id(session)][certificate_id]
    assert sent.startswith(made.body)
    assert KEY in sent


async def test_an_as_that_is_known_by_its_address_gets_a_certificate_for_that(
    start_af: Any,
) -> None:
    address = ApplicationServerAddress("http://a:1", "http://a:2", "http://127.0.0.1:8080")
    af = await start_af(application_servers=(address,))
    made = await create(af, await af.session())
    [certificate] = x509.load_pem_x509_certificates(made.body)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [str(one) for one in names.value.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


async def test_the_operators_ca_issues_it(start_af: Any, clock: Any, tmp_path: Path) -> None:
    authority = Authority.new(clock())
    loaded = CertificateAuthority.load(*authority.save(tmp_path))
    af = await start_af(certificate_authority=loaded)
    session = await af.session()
    [certificate] = x509.load_pem_x509_certificates((await create(af, session)).body)
    certificate.verify_directly_issued_by(authority.certificate)
    clock.advance(timedelta(days=400).total_seconds())
    late = await create(af, session)
    assert (late.status, late.problem) == (503, "certificate-authority-expired")


@pytest.mark.parametrize("query", ["?csr=true", "?csr", "?csr=false"])
async def test_a_reserved_certificate_awaits_its_upload(start_af: Any, query: str) -> None:
    af = await start_af(application_servers=(WITH_TLS,))
    session = await af.session()
    answer = await create(af, session, query)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == PEM
    assert requested_names(answer.body) == ["m4.example"]
    url = answer.headers["Location"]
    awaited = await af.get(url)
    assert (awaited.status, awaited.body) == (204, b"")
    assert af.server.certificates == {}
    used = hosting_with(url.rsplit("/", 1)[-1])
    refused = await af.send("POST", f"{session}/content-hosting-configuration", used)
    assert "awaits" in refused.faults["/distributionConfigurations/0/certificateId"]


async def test_an_uploaded_certificate_is_served_with_the_key_that_nobody_saw(af: Any) -> None:
    session = await af.session()
    url, request = await reserve(af, session, "media.example", "Other.example")
    assert requested_names(request) == ["m4.example", "media.example", "other.example"]
    assert (await upload(af, url, request)).status == 204
    shown = await af.get(url)
    assert len(x509.load_pem_x509_certificates(shown.body)) == 2
    certificate_id = url.rsplit("/", 1)[-1]
    sent = af.server.certificates[session_id(session)][certificate_id]
    assert sent.startswith(shown.body)
    assert KEY in sent
    assert KEY not in shown.body
    again = await upload(af, url, request)
    assert (again.status, again.problem) == (409, "server-certificate-there")
    assert (await af.get(url)).body == shown.body


async def test_a_made_certificate_takes_no_upload(af: Any) -> None:
    url = (await create(af, await af.session())).headers["Location"]
    refused = await af.send("PUT", url, b"anything", PEM)
    assert (refused.status, refused.problem) == (409, "server-certificate-there")
    stale = await af.send("PUT", url, b"anything", PEM, If_Match='"other"')
    assert stale.status == 412


async def test_every_failing_of_an_upload_has_its_name(af: Any) -> None:
    url, request = await reserve(af, await af.session(), "media.example")
    _, other_request = await reserve(af, await af.session(), "media.example")
    authority, now = Authority.new(af.clock()), af.clock()
    good = authority.sign(request, now)
    key = x509.load_pem_x509_csr(request).public_key()
    bad = {
        "certificate-malformed": b"nothing",
        "certificate-key-foreign": authority.sign(other_request, now),
        "certificate-not-in-force": authority.sign(request, now, lasts=timedelta(seconds=0)),
        "certificate-name-missing": authority.issue(key, ["a.example"], now),
        "certificate-chain-broken": good.replace(authority.pem, Authority.new(now).pem),
        "certificate-unsuitable": authority.sign(request, now, ca=True),
    }
    for name, pem in bad.items():
        refused = await af.send("PUT", url, pem, PEM)
        assert (refused.status, refused.problem) == (400, name)
        assert set(refused.faults) == {""}
    wrong = await af.send("PUT", url, good, "text/plain")
    assert (wrong.status, wrong.problem) == (415, "media-type-unsupported")
    assert (await af.get(url)).status == 204
    assert (await af.send("PUT", url, good, PEM)).status == 204


@pytest.mark.parametrize(
    ("query", "aliases", "named"),
    [
        ("?csr", ["a b"], "/0"),
        ("?csr", {"a": 1}, ""),
        ("", ["media.example"], ""),
        ("?cst", None, "query cst"),
        ("?csr&csr", None, "query csr"),
    ],
)
async def test_a_request_that_asks_for_what_is_not_there(
    af: Any, query: str, aliases: Any, named: str
) -> None:
    session = await af.session()
    refused = await create(af, session, query, aliases)
    assert refused.status == 400
    assert set(refused.faults) == {named}
    assert "serverCertificateIds" not in (await af.get(session)).json


async def test_aliases_come_as_json(af: Any) -> None:
    url = f"{await af.session()}/certificates?csr"
    refused = await af.send("POST", url, b"a.example", "text/plain")
    assert (refused.status, refused.problem) == (415, "media-type-unsupported")


async def test_a_certificate_in_use_stays(start_af: Any) -> None:
    af = await start_af(application_servers=(WITH_TLS,))
    session = await af.session()
    url = (await create(af, session)).headers["Location"]
    certificate_id = url.rsplit("/", 1)[-1]
    hosting = f"{session}/content-hosting-configuration"
    created = await af.send("POST", hosting, hosting_with(certificate_id))
    assert created.status == 201
    [distribution] = created.json["distributionConfigurations"]
    assert distribution["baseURL"].startswith("https://m4.example:8443/m4d/")
    assert af.server.calls[-2:] == [
        ("put_certificate", session_id(session), certificate_id),
        ("put_hosting", session_id(session)),
    ]
    refused = await af.delete(url)
    assert (refused.status, refused.problem) == (409, "server-certificate-in-use")
    assert (await af.delete(hosting)).status == 204
    assert (await af.delete(url, If_Match='"other"')).status == 412
    assert (await af.delete(url)).status == 204
    assert (await af.get(url)).status == 404
    assert af.server.certificates[session_id(session)] == {}
    assert "serverCertificateIds" not in (await af.get(session)).json


async def test_a_certificate_goes_with_its_session(af: Any) -> None:
    session = await af.session()
    url = (await create(af, session)).headers["Location"]
    assert (await af.delete(session)).status == 204
    assert (await af.get(url)).problem == "unknown-provisioning-session"
    assert af.server.certificates == {}


async def test_a_certificate_that_is_not_there(af: Any) -> None:
    session = await af.session()
    mine = (await create(af, await af.session())).headers["Location"].rsplit("/", 1)[-1]
    for name in ("unknown", mine, "a" * 300, "..%2f"):
        for method in ("GET", "PUT", "DELETE"):
            answer = await af.request(method, f"{session}/certificates/{name}", data=b"")
            assert answer.status == 404
            assert answer.problem in ("unknown-server-certificate", "unknown-resource")


async def test_without_an_as_there_is_no_name_to_certify(start_af: Any) -> None:
    af = await start_af(application_servers=())
    answer = await create(af, await af.session())
    assert (answer.status, answer.problem) == (503, "no-application-server")


async def test_a_certificate_outlives_the_af(start_af: Any, af: Any) -> None:
    session = await af.session()
    url, request = await reserve(af, session, "media.example")
    await upload(af, url, request)
    body = (await af.get(url)).body
    await af.stop()
    again = await start_af()
    path = url.removeprefix(af.m1)
    assert (await again.get(again.m1 + path)).body == body
    assert json.loads((await again.get(again.m1 + session.removeprefix(af.m1))).body)


async def test_a_session_has_so_many_certificates(af: Any) -> None:
    session = await af.session()
    for _ in range(MAX_OF_A_KIND):
        await reserve(af, session)
    refused = await create(af, session)
    assert (refused.status, refused.problem) == (409, "sub-resource-limit")
