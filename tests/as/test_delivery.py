"""M4d by table: what every kind of request for a small and a large object is answered."""

import hashlib
import json
import os
from datetime import UTC, datetime
from email.parser import BytesParser

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict
from structlog.testing import capture_logs

from fivegms_as.distribution import Distribution
from fivegms_as.documents import MemoryDocuments
from fivegms_as.memory_store import MemoryStore
from fivegms_as.namespace import StoredObject
from fivegms_as.problems import problems
from fivegms_as.sessions import Hosting, Session, Sessions
from fivegms_as.small_objects import ENTRY_BYTES, ReadyObject, SmallObjects
from fivegms_as.store import Addition, UploadTerms

HOSTING = {"name": "n", "ingestConfiguration": {}, "distributionConfigurations": [{}]}
SMALL = bytes(range(100))
LARGE = bytes(range(256)) * 2048  # 512 KiB: over the limit of what is held in memory
SIZES = {"small": SMALL, "large": LARGE}


@pytest.fixture(params=list(SIZES))
def name(request):
    return request.param


@pytest.fixture
async def stocked(peer):
    await peer.host()
    for path, data in SIZES.items():
        await peer.upload(f"{path}.bin", data)
    return peer


async def load(peer):
    _, _, told = await peer.call("GET", f"{peer.server.m3_url}/healthz")
    return json.loads(told)["m4d"]


async def ask(peer, name, method="GET", **fields):
    return await peer.call(method, peer.m4(f"{name}.bin"), **fields)


def etag(data):
    return f'"{hashlib.sha256(data).hexdigest()}"'


class RepublishedMeanwhile(MemoryStore):
    """Replaces an object between the look-up of its first version and the reading of it."""

    old = None

    def open(self, stored):
        if self.old is stored:
            put(self, b"new")
        return super().open(stored)


def put(store, data):
    draft = store.begin("s1", "a", UploadTerms("text/plain"))
    draft.append(data)
    now = datetime(2026, 11, 1, tzinfo=UTC)
    store.publish("s1", [Addition("a", draft, "text/plain")], [], now)


@pytest.mark.parametrize("fields", [{}, {"Range": "bytes=0-1"}])
async def test_an_object_that_is_replaced_meanwhile_is_sent_as_it_is_now(
    aiohttp_client, delivery_of, fields
):
    store, sessions = RepublishedMeanwhile(), Sessions(MemoryDocuments())
    store.create_session("s1")
    sessions.save(Session("s1", Hosting.parse(json.dumps(HOSTING).encode())))
    put(store, b"old")
    store.old = store.find("s1", "a")
    app = web.Application(middlewares=[problems])
    app.add_routes(delivery_of(store, sessions).routes())
    client = await aiohttp_client(app)
    answer = await client.get("/m4d/provisioning-session-s1/a", headers=fields)
    assert await answer.read() == b"new"[: 2 if fields else 3]
    assert answer.headers["ETag"] == etag(b"new")


@pytest.mark.parametrize("asked", [None, "bytes=100-300000", "bytes=0-1,300000-300001"])
async def test_a_file_that_ends_early_ends_the_connection(stocked, config, asked):
    [blob] = (config.data_dir / "content" / "blobs").glob(f"*/{etag(LARGE)[1:-1]}")
    os.truncate(blob, 200_000)
    with capture_logs() as logged, pytest.raises(aiohttp.ClientError):
        await ask(stocked, "large", **({"Range": asked} if asked else {}))
    assert [entry["event"] for entry in logged] == ["content cannot be read"]
    assert await load(stocked) == {"requests": 0, "bodyBytes": 0}


@pytest.mark.requirement("R099")
@pytest.mark.requirement("R003a")
async def test_get_and_head_say_the_same(stocked, name):
    data = SIZES[name]
    for _ in range(2):  # from the disk, and from memory where it is small
        status, got, body = await ask(stocked, name)
        assert (status, body == data) == (200, True)
        status, told, body = await ask(stocked, name, "HEAD")
        assert (status, body) == (200, b"")
        assert {k: v for k, v in got.items() if k != "Date"} == {
            k: v for k, v in told.items() if k != "Date"
        }
        assert got["Content-Length"] == str(len(data))
        assert got["ETag"] == etag(data)
        assert got["Accept-Ranges"] == "bytes"
        assert got["Cache-Control"] == "no-cache"
        assert got["Access-Control-Allow-Origin"] == "*"
        assert "ETag" in got["Access-Control-Expose-Headers"]
        assert got["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert got["Server"].startswith("5GMSAS/")
        assert "Last-Modified" in got


async def test_content_named_by_its_digest_is_kept_for_ever(stocked):
    path = f"segments/{hashlib.sha256(SMALL).hexdigest()}.m4s"
    await stocked.upload(path, SMALL)
    _, fields, _ = await stocked.call("GET", stocked.m4(path))
    assert fields["Cache-Control"] == "public, max-age=31536000, immutable"
    assert fields["Content-Type"] == "video/iso.segment"


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("0-9", 0, 9), ("90-", 90, None), ("-10", -10, None)]
)
async def test_one_range(stocked, name, asked, first, last):
    data = SIZES[name]
    status, fields, body = await ask(stocked, name, Range=f"bytes={asked}")
    expected = data[first : None if last is None else last + 1]
    assert (status, body) == (206, expected)
    start = first % len(data)
    assert fields["Content-Range"] == f"bytes {start}-{start + len(body) - 1}/{len(data)}"
    assert fields["ETag"] == etag(data)


async def test_several_ranges_come_as_parts(stocked, name):
    data = SIZES[name]
    status, fields, body = await ask(stocked, name, Range="bytes=0-4,50-59,-3")
    assert (status, int(fields["Content-Length"])) == (206, len(body))
    head = f"Content-Type: {fields['Content-Type']}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + body)
    parts = {part["Content-Range"]: part.get_payload(decode=True) for part in message.get_payload()}
    n = len(data)
    assert parts[f"bytes 0-4/{n}"] == data[:5]
    assert parts[f"bytes 50-59/{n}"] == data[50:60]
    assert len(parts) == 3


@pytest.mark.parametrize("asked", ["bytes=9999999-", "bytes=-0", "bytes=" + "0-0," * 17])
async def test_a_range_that_cannot_be_satisfied(stocked, name, asked):
    status, fields, body = await ask(stocked, name, Range=asked)
    assert status == 416
    assert fields["Content-Range"] == f"bytes */{len(SIZES[name])}"
    assert json.loads(body)["type"].endswith(":range-not-satisfiable")


@pytest.mark.parametrize("asked", ["bytes=5-2", "lines=1-2", "nonsense"])
async def test_a_range_field_that_is_none_is_ignored(stocked, name, asked):
    status, _, body = await ask(stocked, name, Range=asked)
    assert (status, body == SIZES[name]) == (200, True)


async def test_a_range_counts_only_for_the_version_that_was_meant(stocked, name):
    data = SIZES[name]
    status, _, _ = await ask(stocked, name, Range="bytes=0-9", If_Range=etag(data))
    assert status == 206
    status, _, body = await ask(stocked, name, Range="bytes=0-9", If_Range='"other"')
    assert (status, len(body)) == (200, len(data))


async def test_head_knows_no_ranges(stocked, name):
    status, fields, _ = await ask(stocked, name, "HEAD", Range="bytes=0-9")
    assert (status, fields["Content-Length"]) == (200, str(len(SIZES[name])))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_the_client_has_is_not_sent_again(stocked, name, method):
    _, before, _ = await ask(stocked, name)
    for fields in (
        {"If_None_Match": before["ETag"]},
        {"If_Modified_Since": before["Last-Modified"]},
    ):
        status, told, body = await ask(stocked, name, method, **fields)
        assert (status, body) == (304, b"")
        assert told["ETag"] == before["ETag"]
        assert told["Cache-Control"] == before["Cache-Control"]
        assert told["Access-Control-Allow-Origin"] == "*"


async def test_a_precondition_that_fails_is_412(stocked, name):
    status, _, body = await ask(stocked, name, If_Match='"other"')
    assert (status, json.loads(body)["status"]) == (412, 412)


async def test_a_replaced_object_is_a_new_version_at_once(stocked):
    await ask(stocked, "small")
    await stocked.upload("small.bin", b"new")
    status, fields, body = await ask(stocked, "small", If_None_Match=etag(SMALL))
    assert (status, body, fields["ETag"]) == (200, b"new", etag(b"new"))


async def test_a_browser_may_ask_from_anywhere(stocked):
    status, fields, _ = await ask(
        stocked,
        "small",
        "OPTIONS",
        Origin="https://app.example",
        Access_Control_Request_Method="GET",
        Access_Control_Request_Headers="range",
    )
    assert status == 204
    assert fields["Access-Control-Allow-Origin"] == "*"
    assert "GET" in fields["Access-Control-Allow-Methods"]
    assert "Range" in fields["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("path", ["none", "small.bin/", "SMALL.bin", "../s1/small.bin"])
async def test_what_is_not_there_is_404_and_readable_for_a_browser(stocked, path):
    status, fields, body = await stocked.call("GET", stocked.m4(path))
    assert status == 404
    assert fields["Content-Type"] == "application/problem+json"
    assert fields["Access-Control-Allow-Origin"] == "*"
    assert json.loads(body)["type"].startswith("urn:fivegms:problem:")


async def test_other_methods_are_405_with_those_that_are_allowed(stocked):
    status, fields, body = await ask(stocked, "small", "POST")
    assert status == 405
    assert set(fields["Allow"].split(",")) == {"GET", "HEAD", "OPTIONS"}
    assert json.loads(body)["type"].endswith(":method-not-allowed")
    assert json.loads(body)["instance"] == "/m4d/provisioning-session-s1/small.bin"


async def test_what_a_template_works_on_stays_inside(peer):
    await peer.template()
    await peer.host(template="t1")
    await peer.upload("net.onnx", b"secret")
    await peer.model_when("PUBLISHED")
    assert (await peer.call("GET", peer.m4("model.mpd")))[0] == 200
    assert (await peer.call("GET", peer.m4("net.onnx")))[0] == 404
    await peer.host()
    assert (await peer.call("GET", peer.m4("net.onnx")))[0] == 200


async def test_health_is_told_on_both_ports_and_the_load_to_the_af_alone(stocked):
    await ask(stocked, "small")
    await ask(stocked, "large", Range="bytes=0-9")
    _, _, told = await stocked.call("GET", f"{stocked.server.m4_url}/healthz")
    assert json.loads(told) == {"status": "ok"}
    _, _, told = await stocked.call("GET", f"{stocked.server.m3_url}/healthz")
    assert json.loads(told) == {
        "quarantined": 0,
        "status": "ok",
        "m4d": {"requests": 2, "bodyBytes": len(SMALL) + 10},
    }


async def test_the_load_is_what_was_sent(stocked, name):
    assert (await ask(stocked, name, "HEAD"))[0] == 200
    assert (await ask(stocked, name, If_None_Match=etag(SIZES[name])))[0] == 304
    assert await load(stocked) == {"requests": 2, "bodyBytes": 0}
    assert (await ask(stocked, name, Range="bytes=9999999-"))[0] == 416
    assert (await ask(stocked, name, If_Match='"other"'))[0] == 412
    assert await load(stocked) == {"requests": 2, "bodyBytes": 0}
    _, fields, _ = await ask(stocked, name, Range="bytes=0-1,5-6")
    assert await load(stocked) == {"requests": 3, "bodyBytes": int(fields["Content-Length"])}


def ready(path, data):
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    return ReadyObject(StoredObject(path, "00", len(data), "x/y", moment), data, CIMultiDict())


def test_memory_holds_the_most_recently_read_objects():
    small, here = SmallObjects(capacity_bytes=2 * ENTRY_BYTES + 10), Distribution()
    a, b, c = ready("a", b"1234"), ready("b", b"1234"), ready("c", b"1234")
    small.put(here, "a", a)
    small.put(here, "b", b)
    assert small.get(here, "a", a.stored) is a
    small.put(here, "c", c)
    held = [small.get(here, one.stored.path, one.stored) for one in (a, b, c)]
    assert held == [a, None, c]
    assert small.size_bytes == 2 * ENTRY_BYTES + 10


def test_memory_is_bounded_however_many_paths_lead_to_one_object():
    small, here = SmallObjects(capacity_bytes=2**20), Distribution()
    one = ready("a", b"1")
    for number in range(10_000):
        small.put(here, f"{number}/a", one)
    held = [number for number in range(10_000) if small.get(here, f"{number}/a", one.stored)]
    assert len(held) <= 2**20 // ENTRY_BYTES
    assert small.size_bytes <= 2**20


def test_memory_holds_one_version_and_nothing_too_large():
    small, here = SmallObjects(capacity_bytes=ENTRY_BYTES + 10), Distribution()
    old, new, large = ready("a", b"1"), ready("a", b"22"), ready("b", b"x" * 11)
    small.put(here, "a", old)
    small.put(here, "a", new)
    small.put(here, "b", large)
    assert small.get(here, "a", old.stored) is None
    assert small.get(here, "a", new.stored) is new
    assert small.get(Distribution(), "a", new.stored) is None
    assert small.get(here, "b", large.stored) is None
    assert small.size_bytes == ENTRY_BYTES + 3
