"""Distributions over HTTP: every member of a distribution configuration, as a UE meets it."""

import asyncio
import dataclasses
import json
from ipaddress import ip_network

import pytest
from multidict import CIMultiDict

from fivegms_api.content_hosting import UrlSignature
from fivegms_api.endpoint import Endpoint
from fivegms_api.locators import ISO_3166
from fivegms_api.m3 import distribution_path
from fivegms_api.url_signature import sign

EXPIRES = 1_900_000_000
FENCE = {"locatorType": ISO_3166, "locators": ["DE"]}
SIGNATURE = {
    "urlPattern": "[.]mpd$",
    "tokenName": "token",
    "passphraseName": "secret",
    "passphrase": "horse battery",
    "tokenExpiryName": "expires",
    "useIPAddress": True,
    "ipAddressName": "ip",
}
RULES = [
    {
        "urlPatternFilter": "[.]mpd$",
        "cachingDirectives": {"noCache": False, "maxAge": 5, "statusCodeFilters": [200]},
    },
    {
        "urlPatternFilter": "^live/",
        "cachingDirectives": {"noCache": False, "maxAge": 1, "statusCodeFilters": [404]},
    },
    {"urlPatternFilter": "[.]m4s$", "cachingDirectives": {"noCache": True}},
]


def problem(body):
    return json.loads(body)["type"].rpartition(":")[2]


@pytest.fixture
def config(config, tmp_path):
    """The usual server, which knows where its clients are: here."""
    locations = tmp_path / "locations.csv"
    locations.write_text("127.0.0.1/32,DE\n198.51.100.0/24,FR\n", encoding="utf-8")
    return dataclasses.replace(config, locations=locations)


async def get(peer, path, index=0, method="GET", **fields):
    return await peer.call(method, peer.m4(path, index=index), **fields)


@pytest.mark.requirement("R099")
async def test_each_distribution_carries_its_own(peer, preparer):
    preparer.files = lambda task: {json.loads(task.template.read_bytes())["manifest"]: b"<MPD/>"}
    for name in ("t1", "t2"):
        url = peer.session(f"/content-preparation-templates/{name}")
        model = {"name": name, "version": 1, "task": "t"}
        document = {"model": model, "source": "net.onnx", "manifest": f"{name}.mpd"}
        media_type = "application/vnd.fivegms.model-preparation+json"
        await peer.call("PUT", url, json.dumps(document), Content_Type=media_type)
    of_templates = [{"contentPreparationTemplateId": name} for name in ("t1", "t2")]
    await peer.host(distributions=[{}, *of_templates])
    await peer.upload("net.onnx", b"model")
    for index, name in enumerate(("t1", "t2")):
        while (await peer.models())[index]["state"] != "PUBLISHED":
            pass
        assert (await get(peer, f"{name}.mpd", index + 1))[0] == 200
    paths = ("net.onnx", "t1.mpd", "t2.mpd")
    statuses = [[(await get(peer, path, index))[0] for path in paths] for index in range(4)]
    assert statuses == [
        [200, 404, 404],
        [404, 200, 404],
        [404, 404, 200],
        [404, 404, 404],
    ]


async def test_a_distribution_that_is_not_there_is_not_found(peer):
    await peer.host()
    await peer.upload("a", b"x")
    assert (await get(peer, "a"))[0] == 200
    for name in ("distribution-0", "distribution-01", "distribution-1", "distribution-99999"):
        url = f"{peer.server.m4_url}/m4d/{name}/provisioning-session-s1/a"
        assert (await peer.call("GET", url))[0] == 404


async def test_an_alias_is_answered_and_other_names_are_not(peer):
    await peer.host(domainNameAlias="Media.Example")
    await peer.upload("a", b"x")
    for host in ("media.example", "MEDIA.example:8080", "media.example.", "127.0.0.1:80"):
        assert (await get(peer, "a", Host=host))[0] == 200
    for host in ("other.example", "media.example.org", "[::1]", ""):
        status, fields, body = await get(peer, "a", Host=host)
        assert (status, problem(body)) == (421, "misdirected-request")
        assert fields["Access-Control-Allow-Origin"] == "*"
        assert fields["Cache-Control"] == "no-store"


async def test_a_name_that_is_no_text_is_refused_like_any_other(peer):
    await peer.host(domainNameAlias="media.example")
    endpoint = Endpoint.parse(peer.server.m4_url.removeprefix("http://"))
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    path = distribution_path("s1", 0).encode()
    writer.write(b"GET %sa HTTP/1.1\r\nHost: \xff\r\nConnection: close\r\n\r\n" % path)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 421 ")
    assert b"this is not" in answer


async def test_the_canonical_name_is_answered_besides_the_alias(peer):
    await peer.host(domainNameAlias="media.example", canonicalDomainName="as.example")
    await peer.upload("a", b"x")
    assert (await get(peer, "a", Host="as.example"))[0] == 200


async def test_without_an_alias_every_name_is_answered(peer):
    await peer.host()
    await peer.upload("a", b"x")
    assert (await get(peer, "a", Host="whatever.example"))[0] == 200


async def test_paths_are_rewritten(peer):
    rules = [{"requestPathPattern": "^/v1/", "mappedPath": "/models/"}]
    await peer.host(pathRewriteRules=rules)
    await peer.upload("models/a b.mpd", b"x")
    for path in ("v1/a b.mpd", "v1/a%20b.mpd", "models/a b.mpd"):
        assert (await get(peer, path))[2] == b"x"
    assert (await get(peer, "v2/a b.mpd"))[0] == 404
    await peer.host(pathRewriteRules=[{"requestPathPattern": "^/v1/", "mappedPath": "/../"}])
    assert (await get(peer, "v1/a"))[0] == 404


async def test_caching_directives_are_told(peer):
    await peer.host(cachingConfigurations=RULES)
    for path in ("a.mpd", "s.m4s", "live/x", "other"):
        await peer.upload(path, b"abc")
    told = {path: (await get(peer, path))[1]["Cache-Control"] for path in ("a.mpd", "s.m4s")}
    assert told == {"a.mpd": "max-age=5", "s.m4s": "no-cache"}
    assert (await get(peer, "other"))[1]["Cache-Control"] == "no-cache"
    etag = (await get(peer, "a.mpd"))[1]["ETag"]
    status, fields, _ = await get(peer, "a.mpd", If_None_Match=etag)
    assert (status, fields["Cache-Control"]) == (304, "max-age=5")
    status, fields, _ = await get(peer, "a.mpd", Range="bytes=0-1")
    assert (status, fields["Cache-Control"]) == (206, "max-age=5")


async def test_caching_directives_for_what_is_not_there(peer):
    await peer.host(cachingConfigurations=RULES)
    status, fields, body = await get(peer, "live/2.m4s")
    assert (status, fields["Cache-Control"], problem(body)) == (404, "max-age=1", "unknown-content")
    assert "Cache-Control" not in (await get(peer, "a.mpd"))[1]


async def test_a_new_configuration_counts_at_once(peer):
    await peer.host(cachingConfigurations=RULES)
    await peer.upload("a.mpd", b"x")
    assert (await get(peer, "a.mpd"))[1]["Cache-Control"] == "max-age=5"
    await peer.host()
    assert (await get(peer, "a.mpd"))[1]["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("size_bytes", [3, 300_000])
async def test_signed_urls_are_honoured(peer, size_bytes):
    signature = UrlSignature.model_validate(SIGNATURE, by_alias=True)
    await peer.host(urlSignature=SIGNATURE)
    await peer.upload("a b.mpd", b"x" * size_bytes)
    await peer.upload("s.m4s", b"x")
    url = sign(peer.m4("a%20b.mpd"), signature, EXPIRES, "127.0.0.1")
    status, fields, body = await peer.call("GET", url)
    assert (status, len(body), fields["Cache-Control"]) == (200, size_bytes, "no-cache")
    assert (await peer.call("HEAD", url))[0] == 200
    assert (await get(peer, "s.m4s"))[0] == 200


@pytest.mark.requirement("R008b")
async def test_urls_without_a_good_signature_are_refused_by_name(peer):
    signature = UrlSignature.model_validate(SIGNATURE, by_alias=True)
    await peer.host(urlSignature=SIGNATURE)
    await peer.upload("a.mpd", b"x")
    url = peer.m4("a.mpd")
    refused = {
        url: "signature-missing",
        f"{url}?x=.m4s": "signature-missing",
        sign(url, signature, EXPIRES, "127.0.0.2"): "signature-invalid",
        sign(url, signature, EXPIRES, "127.0.0.1") + "A": "signature-invalid",
        sign(peer.m4("b.mpd"), signature, EXPIRES, "127.0.0.1").replace("b.mpd", "a.mpd"): (
            "signature-invalid"
        ),
        sign(url, signature, 1_700_000_000, "127.0.0.1"): "signature-expired",
    }
    for asked, name in refused.items():
        status, fields, body = await peer.call("GET", asked)
        assert (status, problem(body), fields["Cache-Control"]) == (403, name, "no-store")
        assert fields["Access-Control-Allow-Origin"] == "*"
        assert b"battery" not in body


async def test_a_preflight_needs_no_signature(peer):
    await peer.host(urlSignature=SIGNATURE, domainNameAlias="media.example", geoFencing=FENCE)
    for index in (0, 1):
        status, fields, _ = await get(peer, "a.mpd", index, "OPTIONS", Host="x")
        assert (status, fields["Access-Control-Allow-Origin"]) == (204, "*")


async def test_content_stays_inside_its_fence(config, preparer, run):
    config = dataclasses.replace(config, trusted_proxies=(ip_network("127.0.0.0/8"),))
    async with run(config, preparer) as peer:
        await peer.host(geoFencing=FENCE)
        await peer.upload("a", b"x")
        status, fields, _ = await get(peer, "a")
        assert (status, fields["Cache-Control"]) == (200, "no-cache")
        for client, told in (("198.51.100.7", "in FR"), ("203.0.113.1", "not known")):
            status, fields, body = await get(peer, "a", X_Forwarded_For=client)
            assert (status, problem(body)) == (451, "outside-geo-fence")
            assert told in json.loads(body)["detail"]
            assert fields["Cache-Control"] == "no-store"
        lines = CIMultiDict([("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "198.51.100.7")])
        async with peer.http.get(peer.m4("a"), headers=lines) as answer:
            assert answer.status == 451  # the last line is the proxy's


async def test_only_trusted_proxies_speak_for_clients(peer):
    await peer.host(geoFencing=FENCE)
    await peer.upload("a", b"x")
    assert (await get(peer, "a", X_Forwarded_For="198.51.100.7"))[0] == 200


async def test_a_fence_is_refused_where_nobody_knows_where_clients_are(config, preparer, run):
    async with run(dataclasses.replace(config, locations=None), preparer) as peer:
        status, told = await peer.try_hosting(geoFencing=FENCE)
        assert (status, told["type"]) == (400, "urn:fivegms:problem:not-supported")
        assert [fault["param"] for fault in told["invalidParams"]] == [
            "/distributionConfigurations/0/geoFencing"
        ]


async def test_a_fence_stays_shut_when_the_locations_are_gone(config, preparer, run):
    async with run(config, preparer) as peer:
        await peer.host(geoFencing=FENCE)
        await peer.upload("a", b"x")
    async with run(dataclasses.replace(config, locations=None), preparer) as peer:
        assert (await get(peer, "a"))[0] == 451


@pytest.mark.parametrize(
    ("members", "at"),
    [
        ({"certificateId": "c1"}, "certificateId"),
        (
            {
                "supplementaryDistributionNetworks": [
                    {"distributionNetworkType": "NETWORK_EMBMS", "distributionMode": "MODE_HYBRID"}
                ]
            },
            "supplementaryDistributionNetworks",
        ),
    ],
)
async def test_what_this_server_cannot_do_is_refused_by_name(peer, members, at):
    status, told = await peer.try_hosting(**members)
    assert (status, told["type"]) == (400, "urn:fivegms:problem:not-supported")
    params = [fault["param"] for fault in told["invalidParams"]]
    assert params == [f"/distributionConfigurations/0/{at}"]


async def test_a_pattern_that_is_none_is_refused_by_name(peer):
    rules = [{"requestPathPattern": "(", "mappedPath": "/"}]
    status, told = await peer.try_hosting(pathRewriteRules=rules)
    assert (status, told["type"]) == (400, "urn:fivegms:problem:invalid-document")
    assert told["invalidParams"][0]["param"].endswith("/pathRewriteRules/0/requestPathPattern")


async def test_the_status_says_what_the_server_can_do(peer):
    url = f"{peer.server.m3_url}/fivegms-m3/v1/status"
    capabilities = json.loads((await peer.call("GET", url))[2])["capabilities"]
    assert capabilities.pop("inferenceSlots") >= 1
    assert capabilities == {
        "geoFencingLocatorTypes": [ISO_3166],
        "tls": False,
        "pullIngest": True,
    }


async def test_an_edge_resources_configuration_is_reported_with_the_hosting(peer):
    await peer.host(edgeResourcesConfigurationId="e1")
    _, _, body = await peer.call("GET", peer.hosting())
    (distribution,) = json.loads(body)["distributionConfigurations"]
    assert distribution["edgeResourcesConfigurationId"] == "e1"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("m2d/s1/a", "DELETE, HEAD, OPTIONS, PATCH, PUT"),
        ("3gpp-m3/v1/content-hosting-configurations/s1", "DELETE, GET, HEAD, OPTIONS, POST, PUT"),
        ("3gpp-m3/v1/certificates/s1:c1", "DELETE, GET, HEAD, OPTIONS, POST, PUT"),
        ("fivegms-m3/v1/status", "GET, HEAD, OPTIONS"),
    ],
)
async def test_options_lists_the_methods(peer, path, allowed):
    base = peer.server.m2_url if path.startswith("m2d") else peer.server.m3_url
    status, fields, _ = await peer.call("OPTIONS", f"{base}/{path}")
    assert (status, fields["Allow"]) == (204, allowed)


@pytest.mark.parametrize("body", [b'{"name": "a", "name": "b"}', b'{"x": {"y": 1, "y": 2}}'])
async def test_a_member_that_occurs_twice_is_refused(peer, body):
    status, _, told = await peer.call("PUT", peer.hosting(), body, Content_Type="application/json")
    assert (status, problem(told)) == (400, "invalid-document")
    assert "occurs twice" in json.loads(told)["detail"]
