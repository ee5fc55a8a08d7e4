import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from fivegms_af.config import ApplicationServerAddress
from fivegms_af.errors import ApplicationServerRefused
from fivegms_af.memory_application_server import MemoryApplicationServer
from fivegms_af.patching import JSON_PATCH, MERGE_PATCH
from fivegms_api.content_protocols import DASH_IF_INGEST

HOSTING: dict[str, Any] = {
    "name": "media",
    "ingestConfiguration": {"pull": False, "protocol": DASH_IF_INGEST},
    "distributionConfigurations": [
        {
            "entryPoint": {
                "relativePath": "media.mpd",
                "contentType": "application/dash+xml",
                "profiles": ["urn:mpeg:dash:profile:isoff-live:2011"],
            }
        }
    ],
}


async def test_creation_assigns_where_content_goes_in_and_out(af: Any) -> None:
    session = await af.session()
    url = await af.hosting(session, HOSTING)
    shown = (await af.get(url)).json
    session_id = session.rsplit("/", 1)[-1]
    expected = deepcopy(HOSTING)
    expected["ingestConfiguration"]["baseURL"] = f"http://as.example:2/m2d/{session_id}/"
    expected["distributionConfigurations"][0] |= {
        "canonicalDomainName": "m4.example",
        "baseURL": f"http://m4.example/m4d/provisioning-session-{session_id}/",
    }
    assert shown == expected
    assert json.loads(af.server.hostings[session_id]) == expected


async def test_a_second_creation_is_refused_and_changes_nothing(af: Any) -> None:
    session = await af.session()
    url = await af.hosting(session, HOSTING)
    before = await af.get(url)
    refused = await af.send("POST", url, HOSTING | {"name": "other"})
    assert refused.status == 409
    assert refused.problem == "content-hosting-configuration-exists"
    assert (await af.get(url)).body == before.body


async def test_an_edit_that_moves_a_distribution_moves_its_address(af: Any) -> None:
    two = HOSTING | {"distributionConfigurations": [{"domainNameAlias": "a.example"}, {}]}
    url = await af.hosting(await af.session(), two)
    seen = (await af.get(url)).json
    first, second = seen["distributionConfigurations"]
    edited = [second | {"domainNameAlias": "b.example"}, first]
    updated = await af.send("PUT", url, seen | {"distributionConfigurations": edited})
    assert updated.status == 204
    shown = (await af.get(url)).json["distributionConfigurations"]
    assert shown[0]["baseURL"] == first["baseURL"].replace("a.example", "b.example")
    assert shown[1]["baseURL"] == second["baseURL"].replace("m4.example", "a.example")
    alias = "/distributionConfigurations/0/domainNameAlias"
    patch = [{"op": "replace", "path": alias, "value": "c.example"}]
    assert (await af.send("PATCH", url, patch, JSON_PATCH)).status == 200
    foreign = [{"baseURL": "http://mine.example/"}]
    refused = await af.send("PUT", url, seen | {"distributionConfigurations": foreign})
    assert (refused.status, refused.problem) == (400, "members-refused")


async def test_a_configuration_that_was_fetched_edited_and_put_back(af: Any) -> None:
    url = await af.hosting(await af.session(), HOSTING)
    seen = await af.get(url)
    af.clock.advance(60)
    updated = await af.send("PUT", url, seen.json | {"name": "x"}, If_Match=seen.headers["ETag"])
    assert updated.status == 204
    shown = await af.get(url)
    assert shown.json == seen.json | {"name": "x"}
    assert shown.headers["ETag"] == updated.headers["ETag"] != seen.headers["ETag"]
    assert shown.headers["Last-Modified"] == "Mon, 23 Nov 2026 12:01:00 GMT"


async def test_of_two_updates_from_one_state_one_succeeds(af: Any) -> None:
    url = await af.hosting(await af.session(), HOSTING)
    etag = (await af.get(url)).headers["ETag"]
    assert (await af.send("PUT", url, HOSTING | {"name": "x"}, If_Match=etag)).status == 204
    for method, kind in (("PUT", "application/json"), ("PATCH", MERGE_PATCH)):
        late = await af.send(method, url, HOSTING | {"name": "y"}, kind, If_Match=etag)
        assert late.status == 412
        assert late.problem == "precondition-failed"
    assert (await af.delete(url, If_Match=etag)).status == 412
    assert (await af.get(url)).json["name"] == "x"


async def test_what_the_client_has_is_not_sent_again(af: Any) -> None:
    url = await af.hosting(await af.session(), HOSTING)
    seen = await af.get(url)
    answer = await af.get(url, If_None_Match=seen.headers["ETag"])
    assert answer.status == 304
    assert answer.body == b""
    assert answer.headers["ETag"] == seen.headers["ETag"]
    date = seen.headers["Last-Modified"]
    assert (await af.get(url, If_Modified_Since=date)).status == 304
    head = await af.request("HEAD", url)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["ETag"] == seen.headers["ETag"]


async def test_merge_patch(af: Any) -> None:
    url = await af.hosting(await af.session(), HOSTING)
    patched = await af.send("PATCH", url, {"name": "x"}, MERGE_PATCH)
    assert patched.status == 200
    assert patched.json["name"] == "x"
    assert patched.body == (await af.get(url)).body


async def test_json_patch(af: Any) -> None:
    url = await af.hosting(await af.session(), HOSTING)
    path = "/distributionConfigurations/0/entryPoint/relativePath"
    patch = [
        {"op": "test", "path": path, "value": "media.mpd"},
        {"op": "replace", "path": path, "value": "a/b.mpd"},
    ]
    patched = await af.send("PATCH", url, patch, JSON_PATCH)
    assert patched.status == 200
    [distribution] = patched.json["distributionConfigurations"]
    assert distribution["entryPoint"]["relativePath"] == "a/b.mpd"
    again = await af.send("PATCH", url, patch, JSON_PATCH)
    assert (again.status, again.problem) == (409, "patch-does-not-apply")
    odd = await af.send("PATCH", url, [{"op": "odd"}], JSON_PATCH)
    assert (odd.status, odd.problem) == (400, "patch-malformed")


@pytest.mark.parametrize(
    ("patch", "param"),
    [
        ({"name": None}, "/name"),
        ({"foo": 1}, "/foo"),
        ({"ingestConfiguration": {"pull": True}}, "/ingestConfiguration/protocol"),
        ({"distributionConfigurations": [{"certificateId": "c"}]},
         "/distributionConfigurations/0/certificateId"),
    ],
)  # fmt: skip
async def test_a_patch_is_judged_by_what_comes_of_it(af: Any, patch: Any, param: str) -> None:
    url = await af.hosting(await af.session(), HOSTING)
    before = await af.get(url)
    refused = await af.send("PATCH", url, patch, MERGE_PATCH)
    assert refused.status == 400
    assert param in refused.faults
    assert (await af.get(url)).body == before.body


async def test_a_configuration_that_is_not_there(af: Any) -> None:
    url = f"{await af.session()}/content-hosting-configuration"
    answers = [
        await af.get(url),
        await af.delete(url),
        await af.send("PUT", url, HOSTING),
        await af.send("PATCH", url, {}, MERGE_PATCH),
        await af.request("POST", f"{url}/purge", data={"pattern": "a"}),
    ]
    assert {answer.status for answer in answers} == {404}
    assert {answer.problem for answer in answers} == {"unknown-content-hosting-configuration"}


async def test_deletion_withdraws_it(af: Any) -> None:
    session = await af.session()
    url = await af.hosting(session, HOSTING)
    assert (await af.delete(url)).status == 204
    assert (await af.get(url)).status == 404
    assert af.server.hostings == {}
    await af.hosting(session, HOSTING)


async def test_a_model_names_a_template_of_its_own_session(af: Any) -> None:
    session = await af.session()
    template = (await af.template(await af.session())).rsplit("/", 1)[-1]
    document = deepcopy(HOSTING)
    document["distributionConfigurations"][0]["contentPreparationTemplateId"] = template
    refused = await af.send("POST", f"{session}/content-hosting-configuration", document)
    assert refused.status == 400
    assert set(refused.faults) == {"/distributionConfigurations/0/contentPreparationTemplateId"}


async def test_purging_adds_up_what_went(af: Any) -> None:
    session = await af.session()
    purge = f"{await af.hosting(session, HOSTING)}/purge"
    session_id = session.rsplit("/", 1)[-1]
    assert (await af.request("POST", purge, data={"pattern": r"\.m4s$"})).status == 204
    af.server.purge_count = 3
    purged = await af.request("POST", purge, data={"pattern": "é"})
    assert (purged.status, purged.json) == (200, 3)
    everything = {"Content-Type": "application/x-www-form-urlencoded"}
    await af.request("POST", purge, headers=everything)
    assert af.server.purged == [
        (session_id, r"\.m4s$"),
        (session_id, "é"),
        (session_id, ".*"),
    ]


async def test_what_every_as_dropped_is_added_up(start_af: Any, server: Any) -> None:
    other = MemoryApplicationServer()
    address = ApplicationServerAddress("http://as:1", "http://as:2", "http://m4.example")
    af = await start_af(
        others=[other], application_servers=(address, replace(address, m3_url="http://b"))
    )
    session = await af.session()
    purge = f"{await af.hosting(session, HOSTING)}/purge"
    assert server.hostings == other.hostings
    server.purge_count, other.purge_count = 3, 4
    purged = await af.request("POST", purge, data={"pattern": "."})
    assert (purged.status, purged.json) == (200, 7)
    other.stop()
    assert (await af.request("POST", purge, data={"pattern": "."})).status == 503
    listed = (await af.get(f"{session}/application-servers")).json["applicationServers"]
    assert [one["server"] for one in listed] == ["http://as:1", "http://b"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"pattern=a(", "pattern"),
        (b"pattern=", "pattern"),
        (b"pattern=" + b"a" * 2000, "pattern"),
        (b"patern=a", "patern"),
        (b"pattern=a&other=b", "other"),
        (b"pattern=a&pattern=b", "pattern"),
        (b"\xff=a", ""),
        (b"a&" * 20, ""),
    ],
)
async def test_a_pattern_that_is_none_is_refused(af: Any, body: bytes, named: str) -> None:
    purge = f"{await af.hosting(await af.session(), HOSTING)}/purge"
    refused = await af.send("POST", purge, body, "application/x-www-form-urlencoded")
    assert refused.status == 400
    assert set(refused.faults) == {named}
    assert af.server.purged == []


async def test_purging_needs_the_as(af: Any) -> None:
    purge = f"{await af.hosting(await af.session(), HOSTING)}/purge"
    af.server.stop()
    answer = await af.request("POST", purge, data={"pattern": "a"})
    assert (answer.status, answer.problem) == (503, "application-server-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    af.server.error = ApplicationServerRefused(400, "too slow a pattern")
    answer = await af.request("POST", purge, data={"pattern": "a"})
    assert answer.status == 400
    assert "too slow a pattern" in answer.faults["pattern"]


async def test_a_configuration_is_kept_while_the_as_is_down(af: Any) -> None:
    session = await af.session()
    af.server.stop()
    url = await af.hosting(session, HOSTING)
    assert (await af.get(url)).status == 200


async def test_without_an_as_nothing_is_hosted(start_af: Any) -> None:
    af = await start_af(application_servers=())
    url = f"{await af.session()}/content-hosting-configuration"
    refused = await af.send("POST", url, HOSTING)
    assert (refused.status, refused.problem) == (503, "no-application-server")
