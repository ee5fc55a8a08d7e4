"""M3 over HTTP: everything the AF says may be said twice, and outlives the server."""

import hashlib
import json

import pytest

from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE

HOSTING = {
    "name": "n",
    "ingestConfiguration": {"pull": False},
    "distributionConfigurations": [{}],
}
TEMPLATE = {"model": {"name": "m", "version": 1, "task": "t"}, "source": "net.onnx"}


async def put_hosting(peer, body, method="PUT", content_type="application/json"):
    return await peer.call(method, peer.hosting(), body, Content_Type=content_type)


def template_url(peer, template="t1"):
    return peer.session(f"/content-preparation-templates/{template}")


async def put_template(peer, body, content_type=MODEL_PREPARATION_MEDIA_TYPE, template="t1"):
    return await peer.call("PUT", template_url(peer, template), body, Content_Type=content_type)


def problem(body):
    return json.loads(body)["type"].rpartition(":")[2]


async def test_a_hosting_configuration_lives_its_life(peer):
    body = json.dumps(HOSTING, indent=1).encode()
    digest = f'"{hashlib.sha256(body).hexdigest()}"'
    assert (await put_hosting(peer, body))[0] == 201
    status, fields, _ = await put_hosting(peer, body)
    assert (status, fields["ETag"]) == (204, digest)
    status, fields, got = await peer.call("GET", peer.hosting())
    assert (status, got, fields["ETag"]) == (200, body, digest)
    assert json.loads((await peer.call("GET", peer.hosting("")[:-1]))[2]) == ["s1"]
    status, _, answer = await put_hosting(peer, body, "POST")
    assert (status, problem(answer)) == (409, "configuration-exists")
    assert (await peer.call("DELETE", peer.hosting()))[0] == 204
    assert (await peer.call("DELETE", peer.hosting()))[0] == 404
    assert (await put_hosting(peer, body, "POST"))[0] == 201


async def test_deleting_a_hosting_configuration_takes_its_content_along(peer):
    await peer.host()
    await peer.upload("a", b"x")
    await peer.call("DELETE", peer.hosting())
    assert (await peer.call("GET", peer.m4("a")))[0] == 404
    await peer.host()
    assert (await peer.call("GET", peer.m4("a")))[0] == 404


@pytest.mark.parametrize(
    ("body", "content_type", "status", "name"),
    [
        (b"{", "application/json", 400, "invalid-document"),
        (b'{"name": "n", "extra": 1}', "application/json", 400, "invalid-document"),
        (b"\xff", "application/json", 400, "invalid-document"),
        (b"{}", "text/plain", 415, "media-type-unsupported"),
        (b" " * (2**21 + 1), "application/json", 413, "body-too-large"),
    ],
)
async def test_a_configuration_that_is_none_is_refused(peer, body, content_type, status, name):
    answer, _, told = await put_hosting(peer, body, content_type=content_type)
    assert (answer, problem(told)) == (status, name)
    assert (await peer.call("GET", peer.hosting()))[0] == 404


async def test_a_refused_member_is_named(peer):
    body = json.dumps(HOSTING | {"colour": 1}).encode()
    _, _, told = await put_hosting(peer, body)
    assert [entry["param"] for entry in json.loads(told)["invalidParams"]] == ["/colour"]


async def test_a_template_lives_its_life(peer):
    body = json.dumps(TEMPLATE).encode()
    digest = hashlib.sha256(body).hexdigest()
    assert (await put_template(peer, body))[0] == 201
    assert (await put_template(peer, body))[0] == 204
    status, fields, got = await peer.call("GET", template_url(peer))
    assert (status, got, fields["ETag"]) == (200, body, f'"{digest}"')
    assert fields["Content-Type"] == MODEL_PREPARATION_MEDIA_TYPE
    listed = json.loads((await peer.call("GET", template_url(peer, "")[:-1]))[2])
    assert listed["contentPreparationTemplates"] == [
        {
            "contentPreparationTemplateId": "t1",
            "contentType": MODEL_PREPARATION_MEDIA_TYPE,
            "sha256": digest,
        }
    ]
    assert (await peer.call("DELETE", template_url(peer)))[0] == 204
    assert (await peer.call("DELETE", template_url(peer)))[0] == 404
    assert (await peer.call("GET", template_url(peer)))[0] == 404


async def test_a_template_of_another_type_is_kept_byte_for_byte(peer):
    body = bytes(range(256))
    assert (await put_template(peer, body, "application/x-other"))[0] == 201
    status, fields, got = await peer.call("GET", template_url(peer))
    assert (status, got, fields["Content-Type"]) == (200, body, "application/x-other")
    assert await peer.models() == []


async def test_a_template_needs_a_type_that_is_one(peer):
    status, _, told = await put_template(peer, b"x", "what")
    assert (status, problem(told)) == (415, "media-type-unsupported")


async def test_a_model_template_must_be_valid(peer):
    status, _, told = await put_template(peer, json.dumps(TEMPLATE | {"source": "../x"}).encode())
    assert (status, problem(told)) == (400, "invalid-document")
    assert json.loads(told)["invalidParams"][0]["param"] == "/source"


@pytest.mark.parametrize("session", [".hidden", "%2e%2e", "a%2Fb", "a" * 129])
async def test_an_id_that_cannot_be_kept_is_refused(peer, session):
    status, _, _ = await peer.call(
        "PUT", peer.hosting(session), json.dumps(HOSTING), Content_Type="application/json"
    )
    assert status in (400, 404)


async def test_status_tells_what_is_held_by_digest(peer):
    body = json.dumps(TEMPLATE).encode()
    await put_template(peer, body)
    await peer.host("s2")
    url = f"{peer.server.m3_url}/fivegms-m3/v1/status"
    status = json.loads((await peer.call("GET", url))[2])
    assert status["server"].startswith("5GMSAS/")
    first, second = status["provisioningSessions"]
    assert first["provisioningSessionId"] == "s1"
    assert first["contentPreparationTemplates"][0]["sha256"] == hashlib.sha256(body).hexdigest()
    assert "contentHostingConfigurationSha256" not in first
    assert len(second["contentHostingConfigurationSha256"]) == 64


async def test_everything_outlives_the_server(config, preparer, run):
    url = "/fivegms-m3/v1/status"
    async with run(config, preparer) as peer:
        await put_template(peer, json.dumps(TEMPLATE))
        await put_template(peer, b"\x00\xff", "application/x-other", "t2")
        await peer.host()
        await peer.upload("a", b"x")
        _, _, before = await peer.call("GET", peer.server.m3_url + url)
    async with run(config, preparer) as peer:
        assert (await peer.call("GET", peer.server.m3_url + url))[2] == before
        assert (await peer.call("GET", peer.m4("a")))[2] == b"x"


async def test_a_session_is_deleted_with_all_it_has(config, preparer, run):
    async with run(config, preparer) as peer:
        await peer.template()
        await peer.host(template="t1")
        await peer.upload("net.onnx", b"x" * 1000)
        await peer.model_when("PUBLISHED")
        for _ in range(2):
            assert (await peer.call("DELETE", peer.session()))[0] == 204
        assert (await peer.call("GET", peer.m4("model.mpd")))[0] == 404
        assert (await peer.call("GET", peer.session("/ai-models")))[0] == 404
    async with run(config, preparer):
        pass
    left = [file.name for file in config.data_dir.rglob("*") if file.is_file()]
    assert left == ["lock"]


async def purge(peer, pattern):
    return await peer.call("POST", peer.hosting() + "/purge", {"pattern": pattern})


async def test_purge_removes_what_matches(peer):
    await peer.host()
    for path in ("a/1.m4s", "a/2.m4s", "b.mpd"):
        await peer.upload(path, b"x")
    status, fields, body = await purge(peer, r"^a/.*\.m4s$")
    assert (status, body, fields["Content-Type"]) == (200, b"2", "application/json")
    assert (await peer.call("GET", peer.m4("a/1.m4s")))[0] == 404
    assert (await peer.call("GET", peer.m4("b.mpd")))[0] == 200
    assert (await purge(peer, "^a/"))[0] == 204


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("(", "pattern-invalid"), ("a" * 1025, "pattern-invalid"), (r"(a)\1", "pattern-invalid")],
)
async def test_a_purge_pattern_that_cannot_be_used(peer, pattern, name):
    await peer.host()
    await peer.upload("a" * 60 + "b", b"x")
    status, _, body = await purge(peer, pattern)
    assert (status, problem(body)) == (400, name)


async def test_purge_needs_a_session_and_a_pattern(peer):
    assert (await purge(peer, "x"))[0] == 404
    await peer.template()
    assert (await purge(peer, "x"))[0] == 404
    await peer.host()
    assert (await peer.call("POST", peer.hosting() + "/purge", {"other": "x"}))[0] == 400
    status, _, _ = await peer.call("POST", peer.hosting() + "/purge", b"{}", Content_Type="a/b")
    assert status == 415


@pytest.mark.parametrize("form", [b"pattern=\xff", b"pattern=%ff", b"pattern=%ED%A0%80", b"x=1"])
@pytest.mark.parametrize("charset", ["", "; charset=nonsense"])
async def test_a_purge_form_that_is_none_is_refused(peer, form, charset):
    await peer.host()
    content_type = f"application/x-www-form-urlencoded{charset}"
    url = f"{peer.hosting()}/purge"
    status, _, body = await peer.call("POST", url, form, Content_Type=content_type)
    assert (status, problem(body)) == (400, "invalid-document")


async def test_a_body_in_a_broken_coding_is_refused(peer):
    coding = {"Content_Type": "application/json", "Content_Encoding": "gzip"}
    status, _, body = await peer.call("PUT", peer.hosting(), b"no gzip", **coding)
    assert (status, problem(body)) == (400, "invalid-document")


async def test_members_are_taken_in_the_spelling_of_the_standard_only(peer):
    document = dict(HOSTING)
    document["ingest_configuration"] = document.pop("ingestConfiguration")
    status, _, body = await put_hosting(peer, json.dumps(document))
    params = {fault["param"] for fault in json.loads(body)["invalidParams"]}
    assert (status, params) == (400, {"/ingestConfiguration", "/ingest_configuration"})


async def test_an_unknown_url_and_method_are_problems(peer):
    status, _, body = await peer.call("GET", f"{peer.server.m3_url}/nothing")
    assert (status, problem(body)) == (404, "unknown-resource")
    status, fields, body = await peer.call("PATCH", peer.hosting())
    assert (status, problem(body)) == (405, "method-not-allowed")
    assert "PUT" in fields["Allow"]
