"""What all JSON resources below a session share, shown on one that is single and one of many."""

import asyncio
from typing import Any

import pytest

from fivegms_af.m1.documents import MAX_OF_A_KIND
from support.postgresql import on_both_databases

pytestmark = on_both_databases

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
METRICS = {"scheme": "urn:fivegms:ai:metrics:2026", "samplingPeriod": 5}


async def consumption(af: Any, session: str) -> str:
    url = f"{session}/consumption-reporting-configuration"
    created = await af.send("POST", url, {"reportingInterval": 60})
    assert (created.status, created.headers["Location"]) == (201, url)
    return url


async def metrics(af: Any, session: str, **members: Any) -> str:
    url = f"{session}/metrics-reporting-configurations"
    created = await af.send("POST", url, METRICS | members)
    assert created.status == 201, created.body
    return str(created.headers["Location"])


def identifier(url: str) -> str:
    return url.rsplit("/", 1)[-1]


async def test_a_creation_answers_with_the_whole(af: Any) -> None:
    session = await af.session()
    created = await af.send("POST", f"{session}/metrics-reporting-configurations", METRICS)
    url = created.headers["Location"]
    assert created.json == METRICS | {"metricsReportingConfigurationId": identifier(url)}
    seen = await af.get(url)
    assert (seen.body, seen.headers["ETag"]) == (created.body, created.headers["ETag"])
    assert seen.headers["Cache-Control"] == "max-age=60"


async def test_a_single_resource_has_no_identifier(af: Any) -> None:
    url = await consumption(af, await af.session())
    assert (await af.get(url)).json == {"reportingInterval": 60}


async def test_the_session_lists_what_is_below_it(af: Any) -> None:
    session = await af.session()
    urls = [await metrics(af, session) for _ in range(3)]
    ids = [identifier(url) for url in urls]
    assert (await af.get(session)).json["metricsReportingConfigurationIds"] == ids
    await af.delete(urls[1])
    assert (await af.get(session)).json["metricsReportingConfigurationIds"] == [ids[0], ids[2]]


async def test_a_second_of_what_is_single_is_refused(af: Any) -> None:
    session = await af.session()
    url = await consumption(af, session)
    refused = await af.send("POST", url, {})
    assert (refused.status, refused.problem) == (409, "sub-resource-exists")
    assert "Consumption Reporting Configuration" in refused.json["detail"]
    await af.delete(url)
    await consumption(af, session)


async def test_of_many_at_once_one_is_created(af: Any) -> None:
    session = await af.session()
    url = f"{session}/consumption-reporting-configuration"
    answers = await asyncio.gather(*(af.send("POST", url, {}) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7


async def test_a_session_has_a_limited_number_of_a_kind(af: Any) -> None:
    session = await af.session()
    for _ in range(MAX_OF_A_KIND):
        last = await metrics(af, session)
    refused = await af.send("POST", f"{session}/metrics-reporting-configurations", METRICS)
    assert (refused.status, refused.problem) == (409, "sub-resource-limit")
    await af.delete(last)
    await metrics(af, session)


async def test_an_identifier_in_a_post_gives_way_to_ours(af: Any) -> None:
    url = await metrics(af, await af.session(), metricsReportingConfigurationId="mine")
    assert (await af.get(url)).json["metricsReportingConfigurationId"] == identifier(url) != "mine"


@pytest.mark.parametrize("given", ["its own", None, "another"])
async def test_an_identifier_is_sent_back_or_left_out_but_not_changed(af: Any, given: Any) -> None:
    url = await metrics(af, await af.session())
    value = identifier(url) if given == "its own" else given
    sent = METRICS | ({} if value is None else {"metricsReportingConfigurationId": value})
    answer = await af.send("PUT", url, sent)
    if given == "another":
        assert answer.faults == {"/metricsReportingConfigurationId": "is assigned by the 5GMS AF"}
    else:
        assert answer.status == 204
        assert (await af.get(url)).json["metricsReportingConfigurationId"] == identifier(url)


async def test_a_put_replaces_the_whole_and_tells_the_new_etag(af: Any) -> None:
    url = await metrics(af, await af.session(), reportingInterval=60)
    put = await af.send("PUT", url, METRICS)
    seen = await af.get(url)
    assert (put.status, put.headers["ETag"]) == (204, seen.headers["ETag"])
    assert "reportingInterval" not in seen.json


@pytest.mark.parametrize(
    ("media_type", "patch"),
    [
        (MERGE_PATCH, {"samplingPeriod": 7}),
        (JSON_PATCH, [{"op": "replace", "path": "/samplingPeriod", "value": 7}]),
    ],
)
async def test_both_kinds_of_patch(af: Any, media_type: str, patch: Any) -> None:
    url = await metrics(af, await af.session())
    patched = await af.send("PATCH", url, patch, media_type)
    assert (patched.status, patched.json["samplingPeriod"]) == (200, 7)
    assert (await af.get(url)).body == patched.body


async def test_a_patch_is_judged_like_a_put(af: Any) -> None:
    url = await metrics(af, await af.session())
    before = await af.get(url)
    refused = await af.send("PATCH", url, {"samplingPeriod": None}, MERGE_PATCH)
    assert refused.faults == {"/samplingPeriod": "is required"}
    renamed = await af.send("PATCH", url, {"metricsReportingConfigurationId": "x"}, MERGE_PATCH)
    assert set(renamed.faults) == {"/metricsReportingConfigurationId"}
    assert (await af.get(url)).body == before.body


async def test_a_change_that_was_meant_for_another_state(af: Any) -> None:
    url = await metrics(af, await af.session())
    old = (await af.get(url)).headers["ETag"]
    await af.send("PUT", url, METRICS | {"samplingPeriod": 9}, If_Match=old)
    for answer in (
        await af.send("PUT", url, METRICS, If_Match=old),
        await af.send("PATCH", url, {}, MERGE_PATCH, If_Match=old),
        await af.delete(url, If_Match=old),
    ):
        assert (answer.status, answer.problem) == (412, "precondition-failed")


async def test_no_update_is_lost(af: Any) -> None:
    url = await metrics(af, await af.session())

    async def add() -> None:
        while True:
            seen = await af.get(url)
            changed = {"samplingPeriod": seen.json["samplingPeriod"] + 1}
            etag = seen.headers["ETag"]
            answer = await af.send("PATCH", url, changed, MERGE_PATCH, If_Match=etag)
            if answer.status == 200:
                return
            assert answer.status == 412

    await asyncio.gather(*(add() for _ in range(8)))
    assert (await af.get(url)).json["samplingPeriod"] == 5 + 8


async def test_a_resource_belongs_to_its_session(af: Any) -> None:
    url = await metrics(af, await af.session())
    elsewhere = f"{await af.session()}/metrics-reporting-configurations/{identifier(url)}"
    for answer in (
        await af.get(elsewhere),
        await af.send("PUT", elsewhere, METRICS),
        await af.delete(elsewhere),
        await af.get(f"{url}%00"),
    ):
        assert (answer.status, answer.problem) == (404, "unknown-sub-resource")
    assert (await af.get(url)).status == 200


async def test_it_goes_with_its_session(af: Any) -> None:
    session = await af.session()
    url = await consumption(af, session)
    await af.delete(session)
    answer = await af.get(url)
    assert (answer.status, answer.problem) == (404, "unknown-provisioning-session")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"a":1}', b'{"samplingPeriod":1', b"\xff"])
async def test_what_is_no_such_resource_is_not_kept(af: Any, body: bytes) -> None:
    session = await af.session()
    refused = await af.send("POST", f"{session}/metrics-reporting-configurations", body)
    assert refused.status == 400
    assert refused.faults
    assert "metricsReportingConfigurationIds" not in (await af.get(session)).json
