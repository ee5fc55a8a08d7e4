"""M2 over real connections: whole uploads, broken ones, and what is refused."""

import asyncio
import base64
import hashlib
import json
import threading
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from fivegms_as.documents import MemoryDocuments
from fivegms_as.ingest import Ingest
from fivegms_as.memory_store import MemoryStore
from fivegms_as.problems import problems
from fivegms_as.sessions import Hosting, Session, Sessions
from fivegms_as.store import UploadTerms

DATA = bytes(range(256)) * 4096  # 1 MiB
PARTIAL = "application/partial-upload"
HOSTING = {"name": "n", "ingestConfiguration": {}, "distributionConfigurations": [{}]}


def repr_digest(data):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def problem(body):
    return json.loads(body)["type"].rpartition(":")[2]


@pytest.fixture
async def hosted(peer):
    assert await peer.host() == 201
    return peer


async def broken_put(peer, path, sent, announced, fields=""):
    """Send the head and some of the body of a PUT, and drop the connection."""
    url = urlsplit(peer.m2(path))
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    head = f"PUT {url.path} HTTP/1.1\r\nHost: as\r\nContent-Length: {announced}\r\n{fields}\r\n"
    writer.write(head.encode() + sent)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def kept_bytes(peer, path):
    """How much the server kept, asked until it has noticed that there was an upload at all."""
    async with asyncio.timeout(30):
        while True:
            status, fields, _ = await peer.call("HEAD", peer.m2(path))
            if status == 204 and fields["Upload-Complete"] == "?0":
                return int(fields["Upload-Offset"])


async def test_a_new_path_is_created_and_then_replaced(hosted):
    status, fields, _ = await hosted.call("PUT", hosted.m2("a/b"), DATA)
    assert status == 201
    assert fields["ETag"] == f'"{hashlib.sha256(DATA).hexdigest()}"'
    assert fields["Repr-Digest"] == repr_digest(DATA)
    status, _, _ = await hosted.call("PUT", hosted.m2("a/b"), b"other")
    assert status == 204
    assert (await hosted.call("GET", hosted.m4("a/b")))[2] == b"other"


async def test_a_body_without_a_length_is_taken(hosted):
    async def chunks():
        for start in range(0, len(DATA), 100_000):
            yield DATA[start : start + 100_000]

    status, _, _ = await hosted.call("PUT", hosted.m2("a"), chunks())
    assert status == 201
    assert (await hosted.call("GET", hosted.m4("a")))[2] == DATA


async def test_names_are_decoded_and_kept(hosted):
    status, _, _ = await hosted.call("PUT", hosted.m2("%C3%9Cbung/A%20b.bin"), b"x")
    assert status == 201
    assert (await hosted.call("GET", hosted.m4("%C3%9Cbung/A%20b.bin")))[0] == 200
    assert (await hosted.call("GET", hosted.m4("%C3%BCbung/a%20b.bin")))[0] == 404


async def test_the_declared_type_is_delivered(hosted):
    await hosted.call("PUT", hosted.m2("a.bin"), b"x", Content_Type="video/mp4")
    assert (await hosted.call("GET", hosted.m4("a.bin")))[1]["Content-Type"] == "video/mp4"


async def test_a_digest_that_holds_is_accepted(hosted):
    status, _, _ = await hosted.call("PUT", hosted.m2("a"), DATA, Repr_Digest=repr_digest(DATA))
    assert status == 201


async def test_damaged_content_is_refused_and_the_old_stays(hosted):
    await hosted.upload("a", b"old")
    status, _, body = await hosted.call(
        "PUT", hosted.m2("a"), DATA, Repr_Digest=repr_digest(b"other")
    )
    assert (status, problem(body)) == (400, "digest-mismatch")
    assert (await hosted.call("GET", hosted.m4("a")))[2] == b"old"
    status, fields, _ = await hosted.call("HEAD", hosted.m2("a"))
    assert "Upload-Offset" not in fields


@pytest.mark.parametrize(
    ("fields", "status", "name"),
    [
        ({"Repr_Digest": "sha-256=x"}, 400, "digest-field-invalid"),
        ({"Content_Encoding": "gzip"}, 415, "upload-type-unsupported"),
        ({"Content_Type": "video"}, 400, "upload-field-invalid"),
        ({"Content_Type": "video/mp4; a=\xff"}, 400, "upload-field-invalid"),
        ({"Content_Range": "bytes 0-1/2"}, 400, "upload-field-invalid"),
        ({"Upload_Complete": "1"}, 400, "upload-field-invalid"),
    ],
)
async def test_fields_that_are_refused(hosted, fields, status, name):
    answer, _, body = await hosted.call("PUT", hosted.m2("a"), b"xy", **fields)
    assert (answer, problem(body)) == (status, name)
    assert (await hosted.call("HEAD", hosted.m2("a")))[0] == 404


async def test_an_empty_upload_is_refused(hosted):
    async def nothing():
        return
        yield b""

    for body in (b"", nothing()):
        status, _, answer = await hosted.call("PUT", hosted.m2("a"), body)
        assert (status, problem(answer)) == (400, "empty-upload")
    assert (await hosted.call("HEAD", hosted.m2("a")))[0] == 404


async def test_an_upload_that_is_too_large_is_refused(hosted):
    async def endless():
        for _ in range(9):
            yield DATA

    for body in (DATA * 9, endless()):
        status, fields, answer = await hosted.call("PUT", hosted.m2("a"), body)
        assert (status, problem(answer)) == (413, "upload-too-large")
        assert fields["Upload-Limit"] == f"max-size={8 * 2**20}"
    assert (await hosted.call("HEAD", hosted.m2("a")))[0] == 404


@pytest.mark.parametrize("path", ["..", "a/%2e%2e/b", "a//b", "a%00b", "a%5Cb", "a/", "x" * 1025])
async def test_a_path_that_cannot_be_kept_is_refused(hosted, path):
    url = urlsplit(hosted.m2(""))
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = f"PUT {url.path}{path} HTTP/1.1\r\nHost: as\r\nContent-Length: 1\r\n\r\nx"
    writer.write(head.encode())
    assert b" 400 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_only_a_session_with_push_ingest_takes_uploads(peer):
    status, _, body = await peer.call("PUT", peer.m2("a"), b"x")
    assert (status, problem(body)) == (404, "unknown-provisioning-session")
    await peer.template()
    assert (await peer.call("PUT", peer.m2("a"), b"x"))[0] == 404
    await peer.host(origin="http://origin.example/")
    status, _, body = await peer.call("PUT", peer.m2("a"), b"x")
    assert (status, problem(body)) == (409, "pull-ingest-configured")


async def test_what_a_broken_connection_brought_is_kept_and_continued(hosted):
    await hosted.upload("a", b"old")
    cut = 700_000
    digest = f"Content-Type: video/mp4\r\nRepr-Digest: {repr_digest(DATA)}\r\n"
    await broken_put(hosted, "a", DATA[:cut], len(DATA), digest)
    kept = await kept_bytes(hosted, "a")
    assert kept <= cut
    assert (await hosted.call("GET", hosted.m4("a")))[2] == b"old"
    status, fields, _ = await hosted.call(
        "PATCH",
        hosted.m2("a"),
        DATA[kept:],
        Content_Type=PARTIAL,
        Upload_Offset=str(kept),
        Upload_Complete="?1",
    )
    assert (status, fields["Upload-Complete"]) == (204, "?1")
    status, fields, body = await hosted.call("GET", hosted.m4("a"))
    assert (body == DATA, fields["Content-Type"]) == (True, "video/mp4")


async def test_a_partial_upload_survives_a_restart(config, preparer, run):
    async with run(config, preparer) as peer:
        await peer.host()
        await peer.call("PUT", peer.m2("a"), DATA[:1000], Upload_Complete="?0")
    async with run(config, preparer) as peer:
        assert await kept_bytes(peer, "a") == 1000
        fields = {"Content_Type": PARTIAL, "Upload_Offset": "1000"}
        status, _, _ = await peer.call("PATCH", peer.m2("a"), DATA[1000:], **fields)
        assert status == 201
        assert (await peer.call("GET", peer.m4("a")))[2] == DATA


async def test_an_upload_can_be_sent_in_parts(hosted):
    status, fields, _ = await hosted.call(
        "PUT", hosted.m2("a"), b"one", Upload_Complete="?0", Repr_Digest=repr_digest(b"onetwothree")
    )
    assert (status, fields["Upload-Offset"]) == (204, "3")
    for offset, part, complete, expected in ((3, b"two", "?0", 204), (6, b"three", "?1", 201)):
        status, _, _ = await hosted.call(
            "PATCH",
            hosted.m2("a"),
            part,
            Content_Type=PARTIAL,
            Upload_Offset=str(offset),
            Upload_Complete=complete,
        )
        assert status == expected
    assert (await hosted.call("GET", hosted.m4("a")))[2] == b"onetwothree"


async def patch(peer, data, **fields):
    defaults = {"Content_Type": PARTIAL, "Upload_Offset": "3"}
    return await peer.call("PATCH", peer.m2("a"), data, **(defaults | fields))


@pytest.fixture
async def begun(hosted):
    await hosted.call("PUT", hosted.m2("a"), b"one", Upload_Complete="?0")
    return hosted


@pytest.mark.parametrize(
    ("fields", "status", "name"),
    [
        ({"Upload_Offset": "2"}, 409, "upload-offset-mismatch"),
        ({"Upload_Offset": "4"}, 409, "upload-offset-mismatch"),
        ({"Upload_Offset": "-3"}, 400, "upload-field-invalid"),
        ({"Upload_Offset": ""}, 400, "upload-field-invalid"),
        ({"Upload_Offset": "9" * 20}, 400, "upload-field-invalid"),
        ({"Upload_Offset": "9" * 19}, 413, "upload-too-large"),
        ({"Content_Type": "text/plain"}, 415, "upload-type-unsupported"),
    ],
)
async def test_a_part_that_does_not_fit_is_refused_and_the_rest_stays(begun, fields, status, name):
    answer, answered, body = await patch(begun, b"two", **fields)
    assert (answer, problem(body)) == (status, name)
    if status == 409:
        assert answered["Upload-Offset"] == "3"
    assert (await patch(begun, b"two"))[0] == 201


async def test_a_continued_upload_must_have_the_announced_digest(begun):
    status, _, body = await patch(begun, b"two", Repr_Digest=repr_digest(b"x"))
    assert (status, problem(body)) == (400, "digest-mismatch")
    assert (await begun.call("HEAD", begun.m2("a")))[0] == 404


async def test_a_continued_upload_must_have_the_announced_size(hosted):
    await broken_put(hosted, "a", DATA[:10], 100)
    kept = await kept_bytes(hosted, "a")
    status, _, body = await patch(hosted, b"two", Upload_Offset=str(kept))
    assert (status, problem(body)) == (400, "upload-incomplete")


async def test_there_must_be_something_to_continue(hosted):
    status, _, body = await patch(hosted, b"two")
    assert (status, problem(body)) == (404, "no-partial-upload")


@pytest.fixture
async def half_sent(hosted):
    """An upload to `a` whose connection stays open and silent."""
    url = urlsplit(hosted.m2("a"))
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(f"PUT {url.path} HTTP/1.1\r\nHost: as\r\nContent-Length: 6\r\n\r\none".encode())
    await writer.drain()
    async with asyncio.timeout(30):
        while (await hosted.call("PUT", hosted.m2("a"), b"x"))[0] != 409:
            pass
    yield hosted
    writer.close()


async def test_a_second_upload_at_the_same_time_is_refused(half_sent):
    status, _, body = await half_sent.call("PUT", half_sent.m2("a"), b"x")
    assert (status, problem(body)) == (409, "upload-in-progress")
    assert json.loads(body)["instance"] == "/m2d/s1/a"
    assert (await half_sent.call("PUT", half_sent.m2("b"), b"x"))[0] == 201


async def test_who_resumes_takes_over_from_a_dead_connection(half_sent):
    kept = await kept_bytes(half_sent, "a")
    rest = b"onetwo"[kept:]
    assert (await patch(half_sent, rest, Upload_Offset=str(kept)))[0] == 201
    assert (await half_sent.call("GET", half_sent.m4("a")))[2] == b"onetwo"


async def test_an_upload_ends_with_the_hosting_that_it_began_in(hosted, config):
    go_on = asyncio.Event()

    async def chunks():
        yield 2 * DATA
        await go_on.wait()
        yield DATA

    upload = asyncio.create_task(hosted.call("PUT", hosted.m2("a"), chunks()))
    async with asyncio.timeout(30):
        while not any(part.stat().st_size for part in config.data_dir.rglob("*.part")):
            await hosted.models()
    assert (await hosted.call("DELETE", hosted.hosting()))[0] == 204
    assert await hosted.host() == 201
    go_on.set()
    status, _, body = await upload
    assert (status, problem(body)) == (409, "upload-withdrawn")
    assert (await hosted.call("GET", hosted.m4("a")))[0] == 404


async def test_content_and_uploads_are_deleted(hosted):
    await hosted.upload("a", b"x")
    await hosted.call("PUT", hosted.m2("b"), b"one", Upload_Complete="?0")
    for path in ("a", "b"):
        assert (await hosted.call("DELETE", hosted.m2(path)))[0] == 204
        assert (await hosted.call("DELETE", hosted.m2(path)))[0] == 404
        assert (await hosted.call("HEAD", hosted.m2(path)))[0] == 404
    assert (await hosted.call("GET", hosted.m4("a")))[0] == 404


async def test_head_tells_what_is_complete(hosted):
    await hosted.upload("a", b"abc")
    status, fields, _ = await hosted.call("HEAD", hosted.m2("a"))
    assert (status, fields["Upload-Complete"]) == (204, "?1")
    assert fields["Repr-Digest"] == repr_digest(b"abc")


async def test_prepared_content_is_not_for_uploads(peer):
    await peer.template()
    await peer.host(template="t1")
    await peer.upload("net.onnx", b"x")
    await peer.model_when("PUBLISHED")
    for method in ("PUT", "DELETE"):
        status, _, body = await peer.call(method, peer.m2("model.mpd"), b"x")
        assert (status, problem(body)) == (409, "prepared-content")


class WatchedStore(MemoryStore):
    """Refuses to be asked on the event loop what may wait for a disk; notes who reads a part."""

    def __init__(self):
        super().__init__()
        self.resumed = []
        self.before_publication = lambda: None

    def resume(self, session, path):
        self.resumed.append(path)
        return super().resume(session, path)

    def partial_bytes(self, session, path):
        assert threading.current_thread() is not threading.main_thread()
        return super().partial_bytes(session, path)

    def publish(self, session, additions, removals, now):
        self.before_publication()
        super().publish(session, additions, removals, now)


@pytest.fixture
def watched():
    store = WatchedStore()
    store.create_session("s1")
    draft = store.begin("s1", "a", UploadTerms("text/plain"))
    draft.append(b"abc")
    return store


@pytest.fixture
async def provider(aiohttp_client, watched):
    """A client of M2 over the watched store, which has a part of `a`."""
    sessions = Sessions(MemoryDocuments())
    sessions.save(Session("s1", Hosting.parse(json.dumps(HOSTING).encode())))
    ingest = Ingest(
        watched,
        sessions,
        max_upload_bytes=2**20,
        clock=lambda: datetime(2026, 11, 1, tzinfo=UTC),
        on_change=lambda session: None,
    )
    app = web.Application(middlewares=[problems])
    app.add_routes(ingest.routes())
    return await aiohttp_client(app)


async def test_the_disk_is_asked_off_the_event_loop(provider):
    answer = await provider.head("/m2d/s1/a")
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, "3")


async def test_a_part_is_read_only_to_be_continued(provider, watched):
    fields = {"Content-Type": PARTIAL, "Upload-Offset": "2"}
    answer = await provider.patch("/m2d/s1/a", data=b"d", headers=fields)
    assert (answer.status, answer.headers["Upload-Offset"]) == (409, "3")
    assert (await provider.delete("/m2d/s1/a")).status == 204
    assert (await provider.delete("/m2d/s1/a")).status == 404
    assert watched.resumed == []


async def test_hosting_that_ends_at_the_last_moment_withdraws_the_upload(provider, watched):
    watched.before_publication = lambda: watched.delete_session("s1")
    answer = await provider.put("/m2d/s1/b", data=b"x")
    assert (answer.status, problem(await answer.read())) == (409, "upload-withdrawn")
