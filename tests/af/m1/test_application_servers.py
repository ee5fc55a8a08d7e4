"""Whether each AS follows, as M1 tells it."""

from typing import Any

from fivegms_af.config import ApplicationServerAddress
from fivegms_af.errors import ApplicationServerRefused


async def states(af: Any, session: str) -> list[dict[str, Any]]:
    answer = await af.get(f"{session}/application-servers")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "max-age=0"
    servers: list[dict[str, Any]] = answer.json["applicationServers"]
    return servers


async def test_an_as_that_has_everything_is_in_step(af: Any) -> None:
    session, _ = await af.published_model()
    [server] = await states(af, session)
    assert server == {
        "server": "http://as.example:1",
        "state": "IN_STEP",
        "since": "2026-11-23T12:00:00.250000Z",
    }


async def test_an_as_that_is_away_and_comes_back(af: Any) -> None:
    session = await af.session()
    await af.template(session)
    af.server.stop()
    af.clock.advance(10)
    url = await af.hosting(session)
    [server] = await states(af, session)
    assert server["state"] == "UNREACHABLE"
    assert server["since"] == "2026-11-23T12:00:10.250000Z"
    assert server["reason"]["type"] == "urn:fivegms:problem:application-server-unavailable"
    af.clock.advance(10)
    assert (await af.send("PUT", url, (await af.get(url)).json)).status == 204
    assert (await states(af, session))[0]["since"] == server["since"]
    af.server.start()
    assert (await af.send("PUT", url, (await af.get(url)).json)).status == 204
    [server] = await states(af, session)
    assert server["state"] == "IN_STEP"
    assert "reason" not in server


async def test_an_as_that_refuses_says_why(af: Any) -> None:
    session = await af.session()
    other, _ = await af.published_model()
    af.server.refusals[session.rsplit("/", 1)[-1]] = ApplicationServerRefused(409, "no room")
    url = await af.hosting(session)
    [server] = await states(af, session)
    assert server["state"] == "REFUSED"
    assert "no room" in server["reason"]["detail"]
    assert (await states(af, other))[0]["state"] == "IN_STEP"
    af.server.refusals.clear()
    assert (await af.send("PUT", url, (await af.get(url)).json)).status == 204
    assert (await states(af, session))[0]["state"] == "IN_STEP"


async def test_credentials_of_an_as_are_not_shown(start_af: Any) -> None:
    address = ApplicationServerAddress("http://user:secret@as:1", "http://as:2", "http://m4")
    af = await start_af(application_servers=(address,))
    assert [one["server"] for one in await states(af, await af.session())] == ["http://as:1"]


async def test_without_an_as_nobody_follows(start_af: Any) -> None:
    af = await start_af(application_servers=())
    assert await states(af, await af.session()) == []


async def test_of_a_session_that_is_not_there(af: Any) -> None:
    answer = await af.get(f"{af.m1}/provisioning-sessions/unknown/application-servers")
    assert (answer.status, answer.problem) == (404, "unknown-provisioning-session")
