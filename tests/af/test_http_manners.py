"""What every resource has in common: methods, media types, limits, headers, and no 500."""

import asyncio
import json
from collections import defaultdict
from typing import Any

import pytest
import structlog
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fivegms_af.m1.table import M1_ROUTES
from fivegms_af.m5.table import M5_ROUTES
from fivegms_af.middleware import answering
from fivegms_af.observability import Metrics
from fivegms_af.request_id import RequestIds
from fivegms_af.routes import Handler
from support.postgresql import Cluster

RESOURCES = sorted({(route.api.base_path, route.path) for route in (*M1_ROUTES, *M5_ROUTES)})


def url(af: Any, base_path: str, path: str) -> str:
    root = af.m5 if "m5" in base_path else af.m1.removesuffix("/3gpp-m1/v2")
    filled = path.format_map(defaultdict(lambda: "a"))
    return f"{root}{base_path}{filled}"


@pytest.mark.parametrize(("base_path", "path"), RESOURCES)
async def test_every_resource_says_which_methods_it_has(af: Any, base_path: str, path: str) -> None:
    routes = (*M1_ROUTES, *M5_ROUTES)
    methods = {one.method for one in routes if (one.api.base_path, one.path) == (base_path, path)}
    allowed = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    options = await af.request("OPTIONS", url(af, base_path, path))
    assert options.status == 204
    assert set(options.headers["Allow"].split(", ")) == allowed
    for method in sorted({"GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"} - allowed):
        refused = await af.request(method, url(af, base_path, path))
        assert (refused.status, refused.problem) == (405, "method-not-allowed")
        assert set(refused.headers["Allow"].split(", ")) == allowed


async def test_a_path_that_is_none_of_ours(af: Any) -> None:
    for path in ("/", "/3gpp-m1/v1/provisioning-sessions", "/3gpp-m1/v2/provisioning-sessions/"):
        answer = await af.get(af.m1.removesuffix("/3gpp-m1/v2") + path)
        assert (answer.status, answer.problem) == (404, "unknown-resource")
        assert answer.json["instance"] == path


async def test_answers_name_the_api_that_they_come_from(af: Any) -> None:
    session = await af.get(await af.session())
    assert session.headers["Server"].startswith("5GMSAF/")
    assert "info.title=M1_ProvisioningSessions; info.version=2.1.0" in session.headers["Server"]
    unknown = await af.get(f"{af.m5}/nothing")
    assert unknown.headers["Server"].startswith("5GMSAF/")


async def test_requests_have_identifiers(af: Any) -> None:
    session = await af.session()
    given_id = await af.get(session, X_Request_Id="abc-1")
    assert given_id.headers["X-Request-Id"] == "abc-1"
    odd = await af.get(session, X_Request_Id="a b")
    assert odd.headers["X-Request-Id"] not in ("", "a b")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", "application/jsonx"])
async def test_json_resources_take_json(af: Any, content_type: str) -> None:
    body = b'{"provisioningSessionType":"DOWNLINK","appId":"a"}'
    refused = await af.send("POST", f"{af.m1}/provisioning-sessions", body, content_type)
    assert (refused.status, refused.problem) == (415, "media-type-unsupported")
    parameters = "Application/JSON; charset=UTF-8"
    assert (await af.send("POST", f"{af.m1}/provisioning-sessions", body, parameters)).status == 201


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a":1,"a":2}', b"NaN", b'["\\ud800"]'])
async def test_what_is_not_json_is_400(af: Any, body: bytes) -> None:
    refused = await af.send("POST", f"{af.m1}/provisioning-sessions", body)
    assert (refused.status, refused.problem) == (400, "body-malformed")


async def test_a_body_beyond_the_limit_is_413(start_af: Any) -> None:
    af = await start_af(max_body_bytes=1000)
    session = await af.session()
    templates = f"{session}/content-preparation-templates"
    assert (await af.send("POST", templates, b"x" * 1000, "a/b")).status == 201
    refused = await af.send("POST", templates, b"x" * 1001, "a/b")
    assert (refused.status, refused.problem) == (413, "body-too-large")
    assert len((await af.get(session)).json["contentPreparationTemplateIds"]) == 1


async def test_a_client_that_leaves_within_its_body_is_no_fault_of_the_af() -> None:
    began, ended = asyncio.Event(), asyncio.get_running_loop().create_future()

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except BaseException as error:
            ended.set_result(error)
            raise
        ended.set_result(response)
        return response

    async def read(request: web.Request) -> web.Response:
        began.set()
        return web.Response(body=await request.read())

    answer = answering(Metrics().observer("m1", ()), RequestIds())
    app = web.Application(middlewares=[watch, answer])
    app.router.add_post("/", read)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with structlog.testing.capture_logs() as logged:
        _, writer = await asyncio.open_connection(*runner.addresses[0])
        writer.write(b"POST / HTTP/1.1\r\nHost: af\r\nContent-Length: 9\r\n\r\nshort")
        await began.wait()
        writer.close()
        await writer.wait_closed()
        assert isinstance(await ended, ConnectionError)
    await runner.cleanup()
    assert logged == []


async def test_a_body_in_a_broken_coding_is_400(af: Any) -> None:
    refused = await af.send(
        "POST", f"{af.m1}/provisioning-sessions", b"no gzip", Content_Encoding="gzip"
    )
    assert refused.status == 400


async def test_health(af: Any) -> None:
    for base in (af.m1.removesuffix("/3gpp-m1/v2"), af.m5):
        answer = await af.get(f"{base}/healthz")
        assert (answer.status, answer.json) == (200, {"status": "ok"})
        answer = await af.get(f"{base}/readyz")
        assert answer.json == {"status": "ready", "unreachableApplicationServers": 0}


async def test_an_af_is_ready_though_its_as_is_down(af: Any) -> None:
    af.server.stop()
    await af.hosting(await af.session())
    answer = await af.get(f"{af.m5}/readyz")
    assert (answer.status, answer.json["unreachableApplicationServers"]) == (200, 1)


async def test_an_af_without_its_database_lives_but_is_not_ready(
    start_af: Any, postgresql: Cluster
) -> None:
    af = await start_af(database_url=postgresql.migrated())
    postgresql.stop()
    try:
        assert (await af.get(f"{af.m5}/healthz")).status == 200
        assert (await af.get(f"{af.m5}/readyz")).status == 503
    finally:
        postgresql.start()


async def test_requests_at_the_same_time_are_all_kept(af: Any) -> None:
    session = await af.session()
    urls = await asyncio.gather(*(af.template(session, manifest=f"{one}.mpd") for one in range(8)))
    listed = (await af.get(session)).json["contentPreparationTemplateIds"]
    assert sorted(listed) == sorted(one.rsplit("/", 1)[-1] for one in urls)


async def test_of_two_creations_at_the_same_time_one_succeeds(af: Any) -> None:
    url = f"{await af.session()}/content-hosting-configuration"
    document = {
        "name": "n",
        "ingestConfiguration": {
            "pull": False,
            "protocol": "urn:3gpp:5gms:content-protocol:dash-if-ingest",
        },
        "distributionConfigurations": [],
    }
    answers = await asyncio.gather(*(af.send("POST", url, document) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["name", "pull", "ingestConfiguration", "distributionConfigurations",
                         "entryPoint", "relativePath", "provisioningSessionType", "appId", "x"]),
        inner,
    ),
    max_leaves=10,
)  # fmt: skip


@given(document=json_values)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_json_is_a_server_error(af: Any, document: Any) -> None:
    body = json.dumps(document).encode()
    session = await af.session()
    answers = [
        await af.send("POST", f"{af.m1}/provisioning-sessions", body),
        await af.send("POST", f"{session}/content-hosting-configuration", body),
    ]
    assert {answer.status for answer in answers} <= {201, 400}
