"""Certificates over M3, and TLS connections that are shown them."""

import asyncio
import dataclasses
import hashlib
import json
import ssl
from datetime import UTC, datetime

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from fivegms_as.certificates import Certificates
from fivegms_as.config import MutualTls
from fivegms_as.errors import ListenerInvalid
from fivegms_as.quarantine import Quarantine
from fivegms_as.server_names import ServerNames
from support.authority import Authority, private_pem

PEM = "application/x-pem-file"
CA = Authority.new(datetime.now(UTC))


def certificate(*names, key=None):
    """A body for M3: a certificate of the CA for names, or for this machine's address."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    addresses = ("127.0.0.1",) if not names else ()
    pem = CA.issue(key.public_key(), names, datetime.now(UTC), addresses=addresses)
    return pem + CA.pem + private_pem(key)


BODY = certificate()


def problem(body):
    return json.loads(body)["type"].rpartition(":")[2]


async def put(peer, body=BODY, name="c1", method="PUT", session="s1"):
    url = peer.certificate(name, session)
    return await peer.call(method, url, body, Content_Type=PEM)


async def status(peer):
    url = f"{peer.server.m3_url}/fivegms-m3/v1/status"
    return json.loads((await peer.call("GET", url))[2])


def trusting(pem=CA.pem):
    context = ssl.create_default_context(cadata=pem.decode())
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the CA of the tests has no key identifiers
    return context


async def shown(peer, name):
    """The certificate that a connection is shown which asks for a name; None where it is ended."""
    port = int(peer.server.m4_tls_url.rpartition(":")[2])
    context = trusting()
    context.check_hostname = False
    try:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=name
        )
    except (ssl.SSLError, ConnectionError):
        return None
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return der


def first(body):
    return x509.load_pem_x509_certificate(body).public_bytes(Encoding.DER)


@pytest.fixture
def config(config):
    return dataclasses.replace(config, m4_tls=config.m4)


async def test_a_certificate_lives_its_life(peer, config):
    digest = hashlib.sha256(BODY).hexdigest()
    assert (await put(peer))[0] == 201
    code, fields, _ = await put(peer)
    assert (code, fields["ETag"]) == (204, f'"{digest}"')
    code, fields, chain = await peer.call("GET", peer.certificate())
    assert (code, fields["Content-Type"], fields["ETag"]) == (200, PEM, f'"{digest}"')
    assert chain == BODY.partition(b"-----BEGIN PRIVATE")[0]
    assert json.loads((await peer.call("GET", peer.certificate().rpartition("/")[0]))[2]) == [
        "s1:c1"
    ]
    code, _, body = await put(peer, method="POST")
    assert (code, problem(body)) == (409, "configuration-exists")
    [reported] = (await status(peer))["provisioningSessions"]
    assert reported["certificates"] == [{"certificateId": "c1", "sha256": digest}]
    assert (await status(peer))["capabilities"]["tls"] is True
    assert (await peer.call("DELETE", peer.certificate()))[0] == 204
    for method in ("DELETE", "GET"):
        assert (await peer.call(method, peer.certificate()))[0] == 404
    assert (await put(peer, method="POST"))[0] == 201


async def test_keys_are_for_the_server_alone(peer, config, capfd):
    await put(peer)
    await put(peer, BODY.replace(b"A", b"B"))
    (file,) = (config.data_dir / "certificates").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o077 == 0
    said = "".join(capfd.readouterr())
    assert "PRIVATE" not in said


@pytest.mark.parametrize(
    ("body", "content_type", "code", "name"),
    [
        (b"", PEM, 400, "certificate-invalid"),
        (BODY.partition(b"-----BEGIN PRIVATE")[0], PEM, 400, "certificate-invalid"),
        (BODY.partition(b"-----BEGIN PRIVATE")[0] + CA.key_pem, PEM, 400, "certificate-invalid"),
        (BODY, "application/json", 415, "media-type-unsupported"),
        (b" " * (256 * 1024 + 1), PEM, 413, "body-too-large"),
    ],
)
async def test_a_certificate_that_is_none_is_refused(peer, body, content_type, code, name):
    url = peer.certificate()
    found, _, told = await peer.call("PUT", url, body, Content_Type=content_type)
    assert (found, problem(told)) == (code, name)
    assert (await peer.call("GET", url))[0] == 404


async def test_a_key_that_tls_does_not_take_is_refused(peer):
    key = rsa.generate_private_key(65537, 1024)
    pem = CA.issue(key.public_key(), ["a.example"], datetime.now(UTC))
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    code, _, told = await put(peer, pem + key_pem)
    assert (code, problem(told)) == (400, "certificate-invalid")
    assert "TLS does not take it" in json.loads(told)["detail"]


@pytest.mark.parametrize("name", [".hidden", "a%2Fb", "a" * 129])
async def test_an_id_that_cannot_be_kept_is_refused(peer, name):
    assert (await put(peer, name=name))[0] in (400, 404)


async def test_a_configuration_needs_its_certificate_first(peer):
    code, told = await peer.try_hosting(certificateId="c1")
    assert (code, told["type"]) == (409, "urn:fivegms:problem:certificate-unknown")
    assert "c1" in told["detail"]
    await put(peer)
    assert await peer.host(certificateId="c1") == 201
    code, _, body = await peer.call("DELETE", peer.certificate())
    assert (code, problem(body)) == (409, "certificate-in-use")
    await peer.host()
    assert (await peer.call("DELETE", peer.certificate()))[0] == 204


async def test_a_certificate_is_of_one_session(peer):
    await put(peer)
    assert await peer.host("s2", certificateId="c1") == 409


async def test_a_session_is_deleted_with_its_certificates(peer, config):
    await put(peer)
    assert (await peer.call("DELETE", peer.session()))[0] == 204
    assert (await peer.call("GET", peer.certificate()))[0] == 404
    assert list((config.data_dir / "certificates").iterdir()) == []
    assert (await status(peer))["provisioningSessions"] == []


@pytest.mark.parametrize("size_bytes", [3, 3_000_000])
async def test_content_is_delivered_by_tls_only(peer, size_bytes):
    await put(peer)
    await peer.host(certificateId="c1", canonicalDomainName="127.0.0.1")
    await peer.upload("a", b"x" * size_bytes)
    code, fields, body = await peer.call("GET", peer.m4("a"))
    assert (code, problem(body)) == (403, "tls-required")
    assert fields["Access-Control-Allow-Origin"] == "*"
    url = peer.m4("a").replace(peer.server.m4_url, peer.server.m4_tls_url)
    for asked in ({}, {"Range": "bytes=1-2"}, {"Range": "bytes=0-0,2-2"}):
        async with peer.http.get(url, ssl=trusting(), headers=asked) as answer:
            assert answer.status == (206 if asked else 200)
            body = await answer.read()
            assert asked or body == b"x" * size_bytes


async def test_a_distribution_without_a_certificate_is_delivered_either_way(peer):
    await put(peer)
    await peer.host(distributions=[{"certificateId": "c1"}, {}])
    await peer.host("s2")
    await peer.upload("a", b"x", "s2")
    url = peer.m4("a", "s2")
    assert (await peer.call("GET", url))[0] == 200


async def test_a_connection_is_shown_the_certificate_of_the_name_it_asks_for(peer):
    bodies = {name: certificate(f"{name}.example") for name in ("one", "two", "as")}
    for name, body in bodies.items():
        await put(peer, body, name)
    named = [
        {"certificateId": name, "domainNameAlias": f"{name.title()}.example"}
        for name in ("one", "two")
    ]
    common = {"certificateId": "as", "canonicalDomainName": "as.example"}
    await peer.host(distributions=[*named, common])
    for name, body in bodies.items():
        assert await shown(peer, f"{name}.example") == first(body)
    assert await shown(peer, "other.example") is None


async def test_a_certificate_changes_without_a_restart(peer):
    old, new = certificate("as.example"), certificate("as.example")
    await put(peer, old)
    await peer.host(certificateId="c1", domainNameAlias="as.example")
    assert await shown(peer, "as.example") == first(old)
    await put(peer, new)
    assert await shown(peer, "as.example") == first(new)
    await peer.host()
    assert await shown(peer, "as.example") is None


async def test_certificates_outlive_the_server(config, preparer, run):
    body = certificate("as.example")
    async with run(config, preparer) as peer:
        await put(peer, body)
        await peer.host(certificateId="c1", domainNameAlias="as.example")
        before = await status(peer)
    (config.data_dir / "certificates" / ".leftover").write_bytes(b"half")
    (config.data_dir / "certificates" / "s1:c2.pem").write_bytes(b"damaged")
    async with run(config, preparer) as peer:
        assert await status(peer) == before
        assert await shown(peer, "as.example") == first(body)
    assert [file.name for file in (config.data_dir / "certificates").iterdir()] == ["s1:c1.pem"]
    assert [file.name for file in (config.data_dir / "quarantine").iterdir()] == [
        "certificates-s1:c2.pem"
    ]


def test_without_any_name_the_first_certificate_is_shown(tmp_path, sessions_of):
    certificates = Certificates(tmp_path / "c", Quarantine(tmp_path / "q"))
    certificates.put("s1", "c1", BODY)
    hosted = sessions_of(certificateId="c1", domainNameAlias="as.example")
    assert ServerNames(hosted, certificates).certificate_key(None) == ("s1", "c1")
    assert ServerNames(sessions_of(), certificates).certificate_key(None) is None


@pytest.fixture
def m3_tls(tmp_path):
    (tmp_path / "ca.pem").write_bytes(CA.pem)
    return MutualTls(*CA.issue_files(tmp_path, "as"), tmp_path / "ca.pem")


def showing(files):
    context = trusting()
    context.load_cert_chain(*files)
    return context


@pytest.mark.requirement("R008a")
async def test_m3_takes_only_clients_that_the_ca_knows(config, preparer, run, m3_tls, tmp_path):
    config = dataclasses.replace(config, m3_tls=m3_tls)
    stranger = Authority.new(datetime.now(UTC), "Strangers")
    async with run(config, preparer) as peer:
        assert peer.server.m3_url.startswith("https://")
        url = f"{peer.server.m3_url}/fivegms-m3/v1/status"
        af = showing(CA.issue_files(tmp_path, "af"))
        async with peer.http.get(url, ssl=af) as answer:
            assert answer.status == 200
        for other in (trusting(), showing(stranger.issue_files(tmp_path, "x"))):
            with pytest.raises(aiohttp.ClientError):
                await peer.http.get(url, ssl=other)
        with pytest.raises(aiohttp.ClientError):
            await peer.http.get(url.replace("https", "http"))


async def test_files_that_are_no_certificate_keep_the_server_from_starting(
    config, preparer, run, m3_tls, tmp_path
):
    (tmp_path / "other.pem").write_bytes(b"nothing")
    for field in ("certificate", "key", "client_ca"):
        broken = dataclasses.replace(m3_tls, **{field: tmp_path / "other.pem"})
        with pytest.raises(ListenerInvalid):
            async with run(dataclasses.replace(config, m3_tls=broken), preparer):
                pass


async def test_an_encrypted_key_is_refused_without_asking_for_its_password(
    config, preparer, run, m3_tls
):
    key = load_pem_private_key(m3_tls.key.read_bytes(), password=None)
    coded = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"correct horse")
    )
    m3_tls.key.write_bytes(coded)
    with pytest.raises(ListenerInvalid, match="encrypted"):
        async with run(dataclasses.replace(config, m3_tls=m3_tls), preparer):
            pass
