"""A domain name belongs to the provider that took it first as an alias."""

import asyncio
from typing import Any

from support.postgresql import on_both_databases


def aliased(hosting: dict[str, Any], name: str) -> dict[str, Any]:
    distributions = hosting["distributionConfigurations"]
    return hosting | {
        "distributionConfigurations": [one | {"domainNameAlias": name} for one in distributions]
    }


HOSTING = {
    "name": "models",
    "ingestConfiguration": {
        "pull": False,
        "protocol": "urn:3gpp:5gms:content-protocol:dash-if-ingest",
    },
    "distributionConfigurations": [
        {"entryPoint": {"relativePath": "a.mpd", "contentType": "application/dash+xml"}}
    ],
}


async def session_of(af: Any, provider: str) -> str:
    answer = await af.send(
        "POST",
        f"{af.m1}/provisioning-sessions",
        {"provisioningSessionType": "DOWNLINK", "appId": "app", "aspId": provider},
    )
    return f"{answer.headers['Location']}/content-hosting-configuration"


@on_both_databases
async def test_no_provider_takes_the_name_of_another(af: Any) -> None:
    first, second = await session_of(af, "one"), await session_of(af, "two")
    assert (await af.send("POST", first, aliased(HOSTING, "cdn.example"))).status == 201
    refused = await af.send("POST", second, aliased(HOSTING, "CDN.example"))
    member = "/distributionConfigurations/0/domainNameAlias"
    assert (refused.status, list(refused.faults)) == (400, [member])
    assert (await af.get(second)).status == 404
    assert (await af.send("POST", second, aliased(HOSTING, "other.example"))).status == 201


async def test_a_provider_shares_a_name_among_its_sessions_and_gives_it_up(af: Any) -> None:
    first, again = await session_of(af, "one"), await session_of(af, "one")
    for url in (first, again):
        assert (await af.send("POST", url, aliased(HOSTING, "cdn.example"))).status == 201
    second = await session_of(af, "two")
    for url in (first, again):
        assert (await af.send("POST", second, aliased(HOSTING, "cdn.example"))).status == 400
        assert (await af.delete(url)).status == 204
    assert (await af.send("POST", second, aliased(HOSTING, "cdn.example"))).status == 201


@on_both_databases
async def test_of_two_that_take_a_name_at_once_one_gets_it(af: Any) -> None:
    urls = [await session_of(af, provider) for provider in ("one", "two")]
    answers = await asyncio.gather(
        *(af.send("POST", url, aliased(HOSTING, "cdn.example")) for url in urls)
    )
    assert sorted(answer.status for answer in answers) == [201, 400]
