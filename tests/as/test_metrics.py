"""What an AS counts, as Prometheus reads it from M3."""

from dataclasses import replace

from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client.parser import text_string_to_metric_families


async def scraped(peer):
    """The value of every sample by its name and the values of its labels."""
    status, fields, text = await peer.call("GET", f"{peer.server.m3_url}/metrics")
    assert (status, fields["Content-Type"].split(";")[0]) == (200, "text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


async def test_requests_are_counted_by_interface_and_status(peer):
    await peer.host()
    await peer.upload("a.bin", b"content")
    for path in ("a.bin", "a.bin", "nothing.bin"):
        await peer.call("GET", peer.m4(path))
    await peer.call("GET", f"{peer.server.m4_url}/elsewhere")
    counted = await scraped(peer)
    assert counted["fivegms_as_requests_total", "m3", "201"] == 1
    assert counted["fivegms_as_requests_total", "m2", "201"] == 1
    assert counted["fivegms_as_requests_total", "m4", "200"] == 2
    assert counted["fivegms_as_requests_total", "m4", "404"] == 1
    assert counted["fivegms_as_requests_total", "none", "404"] == 1


async def test_bytes_and_the_memory_cache_are_counted(peer):
    await peer.host()
    await peer.upload("a.bin", b"content")
    for _ in range(3):
        await peer.call("GET", peer.m4("a.bin"))
    counted = await scraped(peer)
    assert counted["fivegms_as_ingested_objects_total",] == 1
    assert counted["fivegms_as_ingested_bytes_total",] == 7
    assert counted["fivegms_as_delivered_bytes_total",] == 21
    assert counted["fivegms_as_memory_cache_requests_total", "miss"] == 1
    assert counted["fivegms_as_memory_cache_requests_total", "hit"] == 2
    assert counted["fivegms_as_memory_cache_bytes",] > 7  # its fields count too


async def test_models_are_counted_by_state(peer):
    await peer.template()
    await peer.host(template="t1")
    counted = await scraped(peer)
    assert counted["fivegms_as_models", "AWAITING_UPLOAD"] == 1
    assert counted["fivegms_as_models", "PUBLISHED"] == 0
    assert counted["fivegms_as_hosted_sessions",] == 1
    assert counted["fivegms_as_quarantined_files",] == 0


async def test_pulls_are_counted_by_outcome(run, config):
    async def answer(request):
        if request.path == "/a.bin":
            return web.Response(body=b"content", headers={"Cache-Control": "max-age=900"})
        raise web.HTTPNotFound

    origin = web.Application()
    origin.router.add_get("/{path}", answer)
    async with (
        TestServer(origin) as server,
        run(replace(config, allow_private_origins=True), None) as peer,
    ):
        await peer.host(origin=str(server.make_url("/")))
        for path in ("a.bin", "a.bin", "nothing.bin"):
            await peer.call("GET", peer.m4(path))
        counted = await scraped(peer)
    assert counted["fivegms_as_pulls_total", "fetched"] == 1
    assert counted["fivegms_as_pulls_total", "fresh"] == 1
    assert counted["fivegms_as_pulls_total", "failed"] == 1
