"""M1_ServerCertificatesProvisioning against its YAML."""

from typing import Any

import pytest

from fivegms_af.config import ApplicationServerAddress
from support.authority import Authority
from support.m1_bodies import HOSTING

PEM = "application/x-pem-file"
WITH_TLS = ApplicationServerAddress(
    "http://as.example:1", "http://as.example:2", "http://m4.example", "https://m4.example:8443"
)


@pytest.mark.shows("createOrReserveServerCertificate", 200, 400, 404, 415)
@pytest.mark.shows("retrieveServerCertificate", 200, 204, 304, 404)
@pytest.mark.shows("uploadServerCertificate", 204, 400, 404, 409, 412, 415)
@pytest.mark.shows("destroyServerCertificate", 204, 404, 412)
async def test_a_certificate_from_reservation_to_destruction(af: Any) -> None:
    session = await af.session()
    reserved = await af.send("POST", f"{session}/certificates?csr", ["media.example"])
    assert reserved.status == 200
    url = reserved.headers["Location"]
    assert (await af.get(url)).status == 204
    chain = Authority.new(af.clock()).sign(reserved.body, af.clock())
    assert (await af.send("PUT", url, b"no certificate", PEM)).status == 400
    assert (await af.send("PUT", url, chain, "text/plain")).status == 415
    assert (await af.send("PUT", url, chain, PEM)).status == 204
    assert (await af.send("PUT", url, chain, PEM, If_Match='"another"')).status == 412
    assert (await af.send("PUT", url, chain, PEM)).status == 409
    seen = await af.get(url)
    assert seen.body == chain
    assert (await af.get(url, If_None_Match=seen.headers["ETag"])).status == 304
    assert (await af.delete(url, If_Match='"another"')).status == 412
    assert (await af.delete(url)).status == 204
    for method in ("GET", "PUT", "DELETE"):
        assert (await af.send(method, url, chain, PEM)).status == 404
    assert (await af.send("POST", f"{session}/certificates?csr", {})).status == 400
    assert (await af.send("POST", f"{session}/certificates", b"a", "text/plain")).status == 415
    assert (await af.request("POST", f"{session}-not/certificates")).status == 404


@pytest.mark.shows("createOrReserveServerCertificate", 200)
@pytest.mark.shows("destroyServerCertificate", 409)
async def test_a_certificate_that_is_referred_to_stays(start_af: Any) -> None:
    af = await start_af(application_servers=(WITH_TLS,))
    session = await af.session()
    made = await af.request("POST", f"{session}/certificates")
    certificate = made.headers["Location"]
    (distribution,) = HOSTING["distributionConfigurations"]
    named = distribution | {"certificateId": certificate.rsplit("/", 1)[-1]}
    await af.hosting(session, {**HOSTING, "distributionConfigurations": [named]})
    assert (await af.delete(certificate)).status == 409
