"""Pull ingest over HTTP, from an origin that tests drive."""

import asyncio
import dataclasses
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from fivegms_api.m3 import NOT_IN_FORCE
from fivegms_as.origin import MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ORIGIN
from support.polling import eventually


@dataclass
class Origin:
    """Files with the fields that go with them, and what was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    status: int | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[web.Request] = field(default_factory=list)
    url: str = ""

    def counts(self) -> Counter[str]:
        return Counter(request.path for request in self.asked)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        await self.gate.wait()
        path = request.path.removeprefix("/live/")
        if self.status is not None:
            return web.Response(status=self.status)
        if path not in self.files:
            return web.Response(status=404, headers=self.fields.get(path))
        data = self.files[path]
        fields = {"ETag": f'"{hash(data)}"', **self.fields.get(path, {})}
        if request.headers.get("If-None-Match") == fields["ETag"]:
            return web.Response(status=304, headers=self.fields.get(path))
        return web.Response(body=data, headers=fields)


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    origin = Origin()
    origin.gate.set()
    app = web.Application()
    app.router.add_get("/{path:.*}", origin.answer)
    async with TestServer(app) as server:
        origin.url = str(server.make_url("/live"))
        yield origin


@pytest.fixture
def config(config):
    return dataclasses.replace(
        config, allow_private_origins=True, pull_retry_s=0.01, pull_timeout_s=5.0
    )


def problem(body):
    return json.loads(body)["type"].rpartition(":")[2]


async def get(peer, path="a.mpd", **fields):
    return await peer.call("GET", peer.m4(path), **fields)


def keep(origin, path, seconds, more=""):
    origin.fields[path] = {"Cache-Control": f"max-age={seconds}{more}"}


async def test_content_is_fetched_once_and_served_from_the_store(peer, origin):
    origin.files["d/a b.mpd"] = b"<MPD/>"
    origin.fields["d/a b.mpd"] = {"Cache-Control": "max-age=900", "Content-Type": "text/vtt"}
    await peer.host(origin=origin.url)
    ages = []
    for _ in range(3):
        status, fields, body = await get(peer, "d/a b.mpd?token=secret")
        assert (status, body, fields["Content-Type"]) == (200, b"<MPD/>", "text/vtt")
        assert fields["Cache-Control"] == "max-age=900"
        ages.append(int(fields["Age"]))
    assert ages == sorted(ages)
    (asked,) = origin.asked
    assert asked.raw_path == "/live/d/a%20b.mpd"
    assert "Cookie" not in asked.headers


async def test_large_content_and_ranges_are_served_alike(peer, origin):
    origin.files["big"] = bytes(range(256)) * 2000
    await peer.host(origin=origin.url)
    assert (await get(peer, "big"))[2] == origin.files["big"]
    status, fields, body = await get(peer, "big", Range="bytes=1-2")
    assert (status, body) == (206, b"\x01\x02")
    assert "Age" in fields
    assert (await peer.call("HEAD", peer.m4("big")))[0] == 200
    assert (await get(peer, "big", If_None_Match=fields["ETag"]))[0] == 304


async def test_an_empty_object_is_content(peer, origin):
    origin.files["empty"] = b""
    await peer.host(origin=origin.url)
    status, _, body = await get(peer, "empty")
    assert (status, body) == (200, b"")


async def test_what_is_stale_is_asked_for_with_its_entity_tag(peer, origin):
    origin.files["a.mpd"] = b"one"
    keep(origin, "a.mpd", 0)
    await peer.host(origin=origin.url)
    for _ in range(3):
        assert (await get(peer))[2] == b"one"
    assert len(origin.asked) == 3
    assert "If-None-Match" not in origin.asked[0].headers
    assert "If-None-Match" in origin.asked[1].headers
    origin.files["a.mpd"] = b"two"
    assert (await get(peer))[2] == b"two"


async def test_a_confirmation_need_not_say_everything_again(peer, origin):
    origin.files["a.mpd"] = b"one"
    keep(origin, "a.mpd", 3)
    await peer.host(origin=origin.url)
    await get(peer)
    origin.fields.clear()
    while len(origin.asked) < 2:
        _, fields, _ = await get(peer)
        assert fields["Cache-Control"] == "max-age=3"


async def test_caching_rules_decide_on_freshness_and_are_told(peer, origin):
    origin.files |= {"a.mpd": b"one", "s.m4s": b"s"}
    keep(origin, "s.m4s", 0)
    rules = [
        {"urlPatternFilter": "mpd$", "cachingDirectives": {"noCache": True}},
        {"urlPatternFilter": "m4s$", "cachingDirectives": {"noCache": False, "maxAge": 900}},
    ]
    await peer.host(origin=origin.url, cachingConfigurations=rules)
    for _ in range(2):
        assert (await get(peer))[1]["Cache-Control"] == "no-cache"
        assert (await get(peer, "s.m4s"))[1]["Cache-Control"] == "max-age=900"
    assert origin.counts() == {"/live/a.mpd": 2, "/live/s.m4s": 1}


async def test_what_the_origin_has_not_is_not_there_for_a_while(peer, origin):
    await peer.host(origin=origin.url)
    origin.fields["a.mpd"] = {"Cache-Control": "max-age=900"}
    for _ in range(3):
        status, _, body = await get(peer)
        assert (status, problem(body)) == (404, "unknown-content")
    assert len(origin.asked) == 1
    origin.files["a.mpd"] = b"now"
    await peer.call("POST", peer.hosting() + "/purge", {"pattern": "."})
    assert (await get(peer))[2] == b"now"


async def test_rules_decide_how_long_nothing_is_there(peer, origin):
    directives = {"noCache": False, "maxAge": 0, "statusCodeFilters": [404]}
    rules = [{"urlPatternFilter": "mpd$", "cachingDirectives": directives}]
    await peer.host(origin=origin.url, cachingConfigurations=rules)
    status, fields, _ = await get(peer)
    assert (status, fields["Cache-Control"]) == (404, "max-age=0")
    origin.files["a.mpd"] = b"now"
    assert (await get(peer))[2] == b"now"


async def test_content_that_the_origin_took_away_goes_here_too(peer, origin):
    origin.files["a.mpd"] = b"one"
    keep(origin, "a.mpd", 0)
    await peer.host(origin=origin.url)
    await get(peer)
    del origin.files["a.mpd"]
    assert (await get(peer))[0] == 404
    origin.status = 500
    assert (await get(peer))[0] == 502  # nothing stale is left to serve


async def test_everyone_who_waits_gets_the_same_answer(peer, origin):
    origin.files["a.mpd"] = b"one"
    origin.gate.clear()
    await peer.host(origin=origin.url)
    waiting = [asyncio.create_task(get(peer)) for _ in range(8)]

    async def asked():
        return len(origin.asked) == 1

    await eventually(asked)
    waiting[0].cancel()
    origin.gate.set()
    answers = await asyncio.gather(*waiting[1:])
    assert {body for _, _, body in answers} == {b"one"}
    assert len(origin.asked) == 1


@pytest.mark.parametrize(
    ("status", "code", "name"),
    [
        (500, 502, "origin-unavailable"),
        (503, 502, "origin-unavailable"),
        (429, 502, "origin-unavailable"),
        (403, 502, "origin-refused"),
        (204, 502, "origin-refused"),
        (304, 502, "origin-refused"),
        (410, 404, "unknown-content"),
    ],
)
async def test_an_answer_that_cannot_be_served_is_refused(peer, origin, status, code, name):
    await peer.host(origin=origin.url)
    origin.status = status
    found, fields, body = await get(peer)
    assert (found, problem(body)) == (code, name)
    assert fields["Access-Control-Allow-Origin"] == "*"


async def test_stale_content_is_better_than_none(peer, origin):
    origin.files["a.mpd"] = b"one"
    keep(origin, "a.mpd", 0)
    await peer.host(origin=origin.url)
    await get(peer)
    origin.status = 503
    status, fields, body = await get(peer)
    assert (status, body) == (200, b"one")
    assert int(fields["Age"]) > 0


@pytest.mark.parametrize("said", ["max-age=0, must-revalidate", "no-cache", "no-store"])
async def test_content_that_must_not_be_stale_is_not(peer, origin, said):
    origin.files["a.mpd"] = b"one"
    origin.fields["a.mpd"] = {"Cache-Control": said}
    await peer.host(origin=origin.url)
    assert (await get(peer))[1]["Cache-Control"] == said
    origin.status = 503
    assert (await get(peer))[0] == 502


async def test_pulled_content_outlives_the_server(config, preparer, run, origin):
    origin.files["a.mpd"] = b"one"
    async with run(config, preparer) as peer:
        await peer.host(origin=origin.url)
        await get(peer)
    async with run(config, preparer) as peer:
        assert (await get(peer))[2] == b"one"
        assert "If-None-Match" in origin.asked[1].headers
    origin.status = 500
    async with run(config, preparer) as peer:
        assert (await get(peer))[2] == b"one"


async def test_another_origin_has_other_content(peer, origin):
    origin.files |= {"a.mpd": b"live", "vod/a.mpd": b"vod"}
    keep(origin, "a.mpd", 900)
    await peer.host(origin=origin.url)
    assert (await get(peer))[2] == b"live"
    await peer.host(origin=f"{origin.url}/vod/")
    assert (await get(peer))[2] == b"vod"
    assert "If-None-Match" not in origin.asked[-1].headers


async def test_what_was_pushed_is_not_what_an_origin_has(peer, origin):
    await peer.host()
    await peer.upload("a.mpd", b"pushed")
    await peer.host(origin=origin.url)
    assert (await get(peer))[0] == 404
    origin.files["a.mpd"] = b"pulled"
    await peer.call("POST", peer.hosting() + "/purge", {"pattern": "."})
    assert (await get(peer))[2] == b"pulled"


async def test_an_upload_from_before_has_bytes_of_its_own(peer, origin):
    origin.files["a"] = b"pulled"
    await peer.host()
    await peer.call("PUT", peer.m2("a"), b"push", Upload_Complete="?0")
    await peer.host(origin=origin.url)
    assert (await get(peer, "a"))[2] == b"pulled"
    await peer.host()
    rest = {"Content_Type": "application/partial-upload", "Upload_Offset": "4"}
    assert (await peer.call("PATCH", peer.m2("a"), b"ed", **rest))[0] == 204
    assert (await get(peer, "a"))[2] == b"pushed"


async def test_nothing_is_pushed_where_content_is_pulled(peer, origin):
    await peer.host(origin=origin.url)
    status, _, body = await peer.call("PUT", peer.m2("a"), b"x")
    assert (status, problem(body)) == (409, "pull-ingest-configured")


async def test_a_server_that_pulls_nothing_refuses_by_name(config, preparer, run, origin):
    async with run(dataclasses.replace(config, pull_ingest=False), preparer) as peer:
        status, told = await peer.try_hosting(origin=origin.url)
        assert (status, told["type"]) == (400, "urn:fivegms:problem:not-supported")
        assert told["invalidParams"][0]["param"] == "/ingestConfiguration/pull"


async def test_what_was_taken_before_is_closed_where_nothing_is_pulled(
    config, preparer, run, origin
):
    origin.files["a.mpd"] = b"one"
    keep(origin, "a.mpd", 900)
    rules = [{"urlPatternFilter": ".", "cachingDirectives": {"noCache": False, "maxAge": 900}}]
    hosted = {"origin": origin.url, "cachingConfigurations": rules}
    async with run(config, preparer) as peer:
        await peer.host(**hosted)
        await get(peer)
    origin.asked.clear()
    with capture_logs() as log:
        async with run(dataclasses.replace(config, pull_ingest=False), preparer) as peer:
            status, _, body = await get(peer)
            assert (status, problem(body)) == (503, "pull-ingest-off")
            assert (await reported(peer))["contentHostingConfigurationSha256"] == NOT_IN_FORCE
            assert (await peer.try_hosting(**hosted))[0] == 400
    (warning,) = (entry for entry in log if entry["event"] == "configured for more than this")
    assert (warning["session"], warning["members"]) == ("s1", ["/ingestConfiguration/pull"])
    assert origin.asked == []
    async with run(config, preparer) as peer:
        assert (await reported(peer))["contentHostingConfigurationSha256"] != NOT_IN_FORCE
        assert (await get(peer))[2] == b"one"


async def test_no_source_is_pulled_where_nothing_is(config, preparer, run, origin):
    async with run(config, preparer) as peer:
        await peer.template()
        await peer.host(origin=origin.url, template="t1")
    origin.files["net.onnx"] = b"model"
    origin.asked.clear()
    async with run(dataclasses.replace(config, pull_ingest=False), preparer) as peer:

        async def told():
            (model,) = await peer.models()
            return model["reason"]["type"] == "pull-failed"

        await eventually(told)
    assert origin.asked == []


async def reported(peer):
    _, _, body = await peer.call("GET", f"{peer.server.m3_url}/fivegms-m3/v1/status")
    (session,) = json.loads(body)["provisioningSessions"]
    return session


async def test_what_was_not_asked_for_the_longest_goes(config, preparer, run, origin):
    origin.files |= {name: name.encode() * 100 for name in "abcd"}
    for name in origin.files:
        keep(origin, name, 900)
    small = dataclasses.replace(config, pull_cache_bytes=300)
    async with run(small, preparer) as peer:
        await peer.host(origin=origin.url)
        await peer.host("s2", origin=origin.url)
        for name, session in (("a", "s1"), ("b", "s2"), ("c", "s1"), ("a", "s1"), ("d", "s2")):
            assert (await peer.call("GET", peer.m4(name, session)))[0] == 200
        asked = len(origin.asked)
        for name, session in (("a", "s1"), ("c", "s1"), ("d", "s2")):
            assert (await peer.call("GET", peer.m4(name, session)))[2] == origin.files[name]
        assert len(origin.asked) == asked
        assert (await peer.call("GET", peer.m4("b", "s2")))[2] == origin.files["b"]
        assert len(origin.asked) == asked + 1
        assert stored_blobs(config) == 3
    async with run(dataclasses.replace(config, pull_cache_bytes=100), preparer):
        assert stored_blobs(config) == 1


def stored_blobs(config):
    return len(list((config.data_dir / "content" / "blobs").glob("*/*")))


async def test_an_object_larger_than_the_room_is_refused(config, preparer, run, origin):
    origin.files["a.mpd"] = b"x" * 301
    async with run(dataclasses.replace(config, pull_cache_bytes=300), preparer) as peer:
        await peer.host(origin=origin.url)
        status, _, body = await get(peer)
        assert (status, problem(body)) == (502, "origin-refused")


async def test_what_a_template_works_on_stays(config, preparer, run, origin):
    origin.files |= {"net.onnx": b"m" * 90, "net.onnx.data": b"d" * 90, "a": b"a" * 90}
    async with run(dataclasses.replace(config, pull_cache_bytes=100), preparer) as peer:
        await peer.template()
        await peer.host(
            origin=origin.url, distributions=[{"contentPreparationTemplateId": "t1"}, {}]
        )
        await peer.model_when("PUBLISHED")
        for name in ("net.onnx.data", "a", "net.onnx", "a", "a"):
            status, _, _ = await peer.call("GET", peer.m4(name, index=1))
            assert status == 200
        assert origin.counts()["/live/net.onnx"] <= 2  # it is not fresh for long
        await peer.model_when("PUBLISHED")
        assert stored_blobs(config) == 4  # source, external data, a, and what was published: MPD


async def test_what_is_pushed_is_never_evicted(config, preparer, run, origin):
    origin.files |= {"a": b"a" * 90, "b": b"b" * 90}
    async with run(dataclasses.replace(config, pull_cache_bytes=100), preparer) as peer:
        await peer.host(origin=origin.url)
        await get(peer, "a")
        await peer.host()  # from now on it is like what was pushed
        await peer.host("s2", origin=origin.url)
        for name in "ab":
            assert (await peer.call("GET", peer.m4(name, "s2")))[0] == 200
        assert (await get(peer, "a"))[2] == b"a" * 90


async def test_a_purge_reaches_what_is_on_its_way(peer, origin):
    origin.files["a.mpd"] = b"old"
    keep(origin, "a.mpd", 900)
    origin.gate.clear()
    await peer.host(origin=origin.url)
    waiting = asyncio.create_task(get(peer))

    async def asked():
        return len(origin.asked) == 1

    await eventually(asked)
    await peer.call("POST", peer.hosting() + "/purge", {"pattern": "."})
    origin.gate.set()
    assert (await waiting)[0] == 200
    assert len(origin.asked) == 2


async def test_a_new_origin_is_not_kept_waiting_by_the_old_one(peer, origin):
    origin.files |= {"a.mpd": b"live", "vod/a.mpd": b"vod"}
    origin.gate.clear()
    await peer.host(origin=origin.url)
    late = asyncio.create_task(get(peer))

    async def asked():
        return len(origin.asked) == 1

    await eventually(asked)
    await peer.host(origin=f"{origin.url}/vod/")
    waiting = asyncio.create_task(get(peer))
    origin.gate.set()
    assert (await waiting)[2] == b"vod"
    assert (await late)[0] == 502


async def test_a_slow_origin_keeps_no_other_waiting(peer, origin):
    origin.gate.clear()
    await peer.host(origin=origin.url)
    waiting = [asyncio.create_task(get(peer, f"{number}")) for number in range(MAX_CONNECTIONS + 1)]

    async def asked():
        return len(origin.asked) == MAX_CONNECTIONS_PER_ORIGIN

    await eventually(asked)
    quick = Origin(files={"a": b"quick"})
    quick.gate.set()
    app = web.Application()
    app.router.add_get("/{path:.*}", quick.answer)
    async with TestServer(app) as server:
        await peer.host("s2", origin=str(server.make_url("/live")))
        assert (await peer.call("GET", peer.m4("a", "s2")))[2] == b"quick"
    assert len(origin.asked) == MAX_CONNECTIONS_PER_ORIGIN
    origin.gate.set()
    assert {status for status, _, _ in await asyncio.gather(*waiting)} == {404}


async def test_guards_come_before_the_origin(peer, origin):
    origin.files["a.mpd"] = b"one"
    await peer.host(origin=origin.url, domainNameAlias="media.example")
    assert (await get(peer, Host="other.example"))[0] == 421
    assert origin.asked == []


async def test_paths_are_rewritten_before_they_are_pulled(peer, origin):
    origin.files["new/a.mpd"] = b"one"
    rules = [{"requestPathPattern": "^/old/", "mappedPath": "/new/"}]
    await peer.host(origin=origin.url, pathRewriteRules=rules)
    assert (await get(peer, "old/a.mpd"))[2] == b"one"


async def test_a_path_that_is_none_never_reaches_the_origin(peer, origin):
    await peer.host(origin=origin.url)
    for path in ("a//b", "%2e%2e/a", "a%5Cb", "a/", "x" * 1025):
        assert (await get(peer, path))[0] == 404
    assert origin.asked == []


async def test_objects_have_a_limit(config, preparer, run, origin):
    origin.files["a.mpd"] = b"x" * 1001
    async with run(dataclasses.replace(config, max_upload_bytes=1000), preparer) as peer:
        await peer.host(origin=origin.url)
        status, _, body = await get(peer)
        assert (status, problem(body)) == (502, "origin-refused")
    assert list((config.data_dir / "content" / "partials").iterdir()) == []


async def test_a_session_that_goes_takes_its_fetch_along(peer, origin):
    origin.files["a.mpd"] = b"one"
    origin.gate.clear()
    await peer.host(origin=origin.url)
    waiting = asyncio.create_task(get(peer))

    async def asked():
        return len(origin.asked) == 1

    await eventually(asked)
    await peer.call("DELETE", peer.session())
    origin.gate.set()
    status, _, body = await waiting
    assert (status, problem(body)) == (404, "unknown-content")
    await peer.host()
    assert (await get(peer))[0] == 404


@pytest.mark.requirement("R099")
async def test_a_model_is_prepared_from_what_is_pulled(peer, origin, preparer):
    origin.files |= {"net.onnx": b"model", "clip.mp4": b"clip", "clip.json": b"{}"}
    await peer.template(evaluation={"media": "clip.mp4", "groundTruth": "clip.json"})
    await peer.host(origin=origin.url, template="t1")
    await peer.model_when("PUBLISHED")
    assert (await get(peer, "model.mpd"))[2] == b"<MPD>model"
    assert (await get(peer, "net.onnx"))[0] == 404
    assert origin.counts() == {f"/live/{path}": 1 for path in origin.files}


async def test_a_source_that_cannot_be_pulled_is_told_and_tried_again(peer, origin, preparer):
    await peer.template()
    await peer.host(origin=origin.url, template="t1")

    async def told():
        (model,) = await peer.models()
        return model["reason"]["type"] == "pull-failed"

    await eventually(told)
    (model,) = await peer.models()
    assert (model["state"], model["reason"]["detail"]) == (
        "AWAITING_UPLOAD",
        "net.onnx: there is no content at net.onnx",
    )
    origin.files["net.onnx"] = b"model"
    await peer.model_when("PUBLISHED")


async def test_a_purged_source_is_pulled_and_prepared_again(peer, origin, preparer):
    origin.files["net.onnx"] = b"one"
    await peer.template()
    await peer.host(origin=origin.url, template="t1")
    await peer.model_when("PUBLISHED")
    origin.files["net.onnx"] = b"two"
    await peer.call("POST", peer.hosting() + "/purge", {"pattern": "net"})

    async def prepared_again():
        return preparer.prepared == [b"one", b"two"]

    await eventually(prepared_again)


async def test_nobody_seeks_for_a_template_that_is_gone(peer, origin):
    await peer.template()
    await peer.host(origin=origin.url, template="t1")

    async def asked():
        return len(origin.asked) > 1

    await eventually(asked)
    await peer.call("DELETE", peer.session())
    origin.asked.clear()
    await peer.host("s2", origin=origin.url)
    for _ in range(20):
        await get(peer, "x")
    assert origin.counts()["/live/net.onnx"] <= 1  # the one that was under way
