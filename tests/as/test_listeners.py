"""M2 has listeners of its own where it is given them, and is said to be open where it is not."""

import dataclasses

import pytest
from structlog.testing import capture_logs

from fivegms_api.endpoint import Endpoint
from fivegms_as.listeners import warn_if_shared

M2_PATH, M4_PATH = "/m2d/s1/a", "/m4d/provisioning-session-s1/a"


@pytest.fixture
def apart(config):
    return dataclasses.replace(config, m2=config.m4, m4_tls=config.m4)


async def test_ues_cannot_reach_an_m2_of_its_own(apart, preparer, run):
    async with run(apart, preparer) as peer:
        server = peer.server
        assert len({server.m2_url, server.m3_url, server.m4_url}) == 3
        assert await peer.host() == 201
        assert await peer.upload("a", b"bytes") == 201
        for method in ("PUT", "HEAD", "PATCH", "DELETE", "OPTIONS"):
            status, _, _ = await peer.call(method, server.m4_url + M2_PATH, b"")
            assert status == 404
            status, _, _ = await peer.call(method, server.m3_url + M2_PATH, b"")
            assert status == 404
        status, _, _ = await peer.call("GET", server.m2_url + M4_PATH)
        assert status == 404
        assert (await peer.call("GET", peer.m4("a")))[2] == b"bytes"


async def test_an_m2_of_its_own_says_that_it_is_up(apart, preparer, run):
    async with run(apart, preparer) as peer:
        for path in ("healthz", "readyz"):
            status, _, _ = await peer.call("GET", f"{peer.server.m2_url}/{path}")
            assert status == 200


async def test_without_one_m2_is_where_m4_is(config, preparer, run):
    async with run(config, preparer) as peer:
        assert peer.server.m2_url == peer.server.m4_url


@pytest.mark.parametrize(
    ("hosts", "shared"),
    [
        (("127.0.0.1", None), []),
        (("::1", "localhost"), []),
        (("0.0.0.0", None), ["0.0.0.0:1"]),
        (("127.0.0.1", "as.example"), ["as.example:1"]),
        (("::", "0.0.0.0"), ["[::]:1", "0.0.0.0:1"]),
    ],
)
def test_an_m2_that_others_reach_with_m4_is_warned_of(hosts, shared):
    m4, m4_tls = (None if host is None else Endpoint(host, 1) for host in hosts)
    with capture_logs() as logged:
        warn_if_shared(m4, m4_tls)
    assert [line["m4"] for line in logged] == ([shared] if shared else [])
    assert all(line["log_level"] == "warning" for line in logged)
