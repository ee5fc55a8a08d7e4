import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_client.entry import SessionEntry, TaskEntry
from fivegms_client.errors import BadAnswer, NoModelOffered, NotFound
from fivegms_client.media_session_handler import MediaSessionHandler, ModelPlace
from fivegms_client.retry import RetryPolicy
from fivegms_client.service_access import (
    SaiCache,
    best_model,
    max_age_s,
    model_locator,
    read_ai_models,
    read_service_access_information,
)
from fivegms_client.transfer import Transfer
from fivegms_manifests.model import MPD_MEDIA_TYPE, PROFILE_URN
from support.fake_clock import FakeClock
from support.memory_server import MemoryServer

M5 = "http://af.test:7778"
SAI = f"{M5}/3gpp-m5/v2/service-access-information/ps-1"
MODELS = f"{M5}/fivegms-m5-ai/v1/models"
MPD = "http://as.test/m4d/provisioning-session-ps-1/model.mpd"


def entry_point(locator: object = MPD, **changes: Any) -> dict[str, Any]:
    return {
        "locator": locator,
        "contentType": MPD_MEDIA_TYPE,
        "profiles": [PROFILE_URN],
        **changes,
    }


def information(*entry_points: dict[str, Any], **more: Any) -> bytes:
    access = {"streamingAccess": {"entryPoints": list(entry_points)}} if entry_points else {}
    return json.dumps(
        {
            "provisioningSessionId": "ps-1",
            "provisioningSessionType": "DOWNLINK",
            **access,
            **more,
        }
    ).encode()


def ai_model(**changes: Any) -> dict[str, Any]:
    return {
        "provisioningSessionId": "ps-1",
        "contentPreparationTemplateId": "t-1",
        "name": "digits",
        "version": 1,
        "task": "object-detection",
        "state": "PUBLISHED",
        "manifest": "model.mpd",
        "locator": MPD,
        **changes,
    }


def models(*listed: dict[str, Any]) -> tuple[AiModel, ...]:
    return read_ai_models(json.dumps({"aiModels": listed}).encode()).ai_models


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("max-age=60", 60),
        ("public, Max-Age=5, must-revalidate", 5),
        ("", 0),
        ("s-maxage=9", 0),
        ("no-store, max-age=60", 0),
        ("no-cache", 0),
        ("max-age=-1", 0),
        ("max-age=99999999999999", 0),
    ],
)
def test_freshness_is_what_the_af_says(header: str, seconds: int) -> None:
    assert max_age_s(header) == seconds


def test_the_cache_is_fresh_then_conditional_then_fresh_again() -> None:
    cache = SaiCache()
    assert cache.fresh(SAI, 0) is None
    assert cache.condition(SAI) == {}
    kept = cache.store(SAI, information(), {"etag": '"1"', "cache-control": "max-age=60"}, now=100)
    assert cache.fresh(SAI, 159) is kept
    assert cache.fresh(SAI, 160) is None
    assert cache.condition(SAI) == {"If-None-Match": '"1"'}
    assert cache.confirm(SAI, {"cache-control": "max-age=10"}, now=200) is kept
    assert cache.fresh(SAI, 209) is kept
    assert cache.condition(SAI) == {"If-None-Match": '"1"'}


def test_a_confirmation_of_nothing_is_refused() -> None:
    with pytest.raises(BadAnswer, match="never fetched"):
        SaiCache().confirm(SAI, {}, now=0)


def test_the_model_is_the_entry_point_with_our_profile() -> None:
    media = entry_point("http://as.test/media.mpd", profiles=["urn:mpeg:dash:profile:full:2011"])
    bare = {"locator": "http://as.test/x.mpd", "contentType": MPD_MEDIA_TYPE}
    other = entry_point("http://as.test/x.json", contentType="application/json")
    read = read_service_access_information(information(media, bare, other, entry_point()))
    assert model_locator(read) == MPD


def test_a_name_picks_one_of_several_models() -> None:
    faces = entry_point("http://as.test/faces/model.mpd")
    read = read_service_access_information(information(faces, entry_point()))
    assert model_locator(read, "provisioning-session-ps-1") == MPD
    with pytest.raises(NoModelOffered, match="named cats"):
        model_locator(read, "cats")


def test_a_session_without_a_model_says_so() -> None:
    with pytest.raises(NoModelOffered, match="session ps-1 has no entry point"):
        model_locator(read_service_access_information(information()))


def test_members_of_a_later_release_are_ignored() -> None:
    later = information(entry_point(fresh=1), novelty={"a": 1})
    assert model_locator(read_service_access_information(later)) == MPD
    assert models(ai_model(novelty=1))[0].name == "digits"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        information(provisioningSessionType="SIDEWAYS"),
        information(entry_point(locator="file:///etc/passwd")),
        information(entry_point(locator=7)),
    ],
)
def test_malformed_information_is_refused(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="malformed"):
        read_service_access_information(body)


@given(position=st.integers(0, len(information(entry_point())) - 1), value=st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused(position: int, value: int) -> None:
    body = bytearray(information(entry_point()))
    body[position] = value
    try:
        model_locator(read_service_access_information(bytes(body)))
    except (BadAnswer, NoModelOffered):
        return


def test_the_newest_published_model_of_the_task_is_taken() -> None:
    listed = models(
        ai_model(version=1, published="2026-01-01T00:00:00Z", locator=f"{MPD}?1"),
        ai_model(version=2, published="2026-02-01T00:00:00Z", locator=f"{MPD}?2"),
        ai_model(version=3, state=AiModelState.PREPARING),
        ai_model(version=4, locator=None),
        ai_model(version=5, task="image-classification", published="2026-03-01T00:00:00Z"),
        ai_model(version=6, name="other", published="2026-03-01T00:00:00Z"),
    )
    newest = best_model(listed, "object-detection", "digits")
    assert newest.locator == f"{MPD}?2"
    assert newest.published == datetime(2026, 2, 1, tzinfo=UTC)


def test_a_task_without_a_model_says_so() -> None:
    with pytest.raises(NoModelOffered, match="no published model for task segmentation"):
        best_model(models(ai_model()), "segmentation")


class Af:
    """An AF in memory and a Media Session Handler that talks to it."""

    def __init__(self, client_id: str | None = None, cohort: str | None = None) -> None:
        self.server = MemoryServer(
            {
                SAI: information(entry_point()),
                f"{MODELS}?task=object-detection": json.dumps({"aiModels": [ai_model()]}).encode(),
                f"{MODELS}?task=none": b'{"aiModels": []}',
            }
        )
        self.server.headers[SAI] = {"etag": '"1"', "cache-control": "max-age=60"}
        self.time = FakeClock()
        transfer = Transfer(self.server, RetryPolicy(), self.time.clock())
        self.handler = MediaSessionHandler(transfer, client_id=client_id, cohort=cohort)


@pytest.fixture
def af() -> Af:
    return Af()


async def test_information_is_asked_for_once_while_it_is_fresh(af: Af) -> None:
    for _ in range(3):
        assert await af.handler.locate(SessionEntry(M5, "ps-1")) == ModelPlace(MPD, M5, "ps-1")
    assert len(af.server.asked(SAI)) == 1


async def test_stale_information_is_revalidated(af: Af) -> None:
    first = await af.handler.service_access_information(M5, "ps-1")
    af.time.time_s = 61
    assert await af.handler.service_access_information(M5, "ps-1") is first
    assert af.server.asked(SAI)[1].headers == {"If-None-Match": '"1"'}
    assert await af.handler.service_access_information(M5, "ps-1") is first
    assert len(af.server.asked(SAI)) == 2


async def test_changed_information_replaces_what_was_kept(af: Af) -> None:
    await af.handler.service_access_information(M5, "ps-1")
    af.time.time_s = 61
    af.server.files[SAI] = information(entry_point("http://as.test/new.mpd"))
    af.server.headers[SAI] = {"etag": '"2"', "cache-control": "max-age=60"}
    place = await af.handler.locate(SessionEntry(M5, "ps-1"))
    assert place.url == "http://as.test/new.mpd"


async def test_a_task_is_looked_up(af: Af) -> None:
    assert (await af.handler.locate(TaskEntry(M5, "object-detection"))).url == MPD
    with pytest.raises(NoModelOffered):
        await af.handler.locate(TaskEntry(M5, "none"))


async def test_an_unknown_session_is_named(af: Af) -> None:
    with pytest.raises(NotFound, match="ps%2F9"):
        await af.handler.locate(SessionEntry(M5, "ps/9"))


async def test_all_models_can_be_listed(af: Af) -> None:
    af.server.files[MODELS] = json.dumps({"aiModels": [ai_model()]}).encode()
    listed = await af.handler.models(f"{M5}/")
    assert [model.name for model in listed.ai_models] == ["digits"]


@pytest.mark.parametrize(
    ("client_id", "cohort", "told"),
    [("ue-1", None, "&client=ue-1"), (None, "beta", "&cohort=beta"),
     ("ue-1", "beta", "&client=ue-1&cohort=beta"), (None, None, "")],
)  # fmt: skip
async def test_an_af_is_told_of_the_ue_what_the_app_says_and_no_more(
    client_id: str | None, cohort: str | None, told: str
) -> None:
    af = Af(client_id, cohort)
    url = f"{MODELS}?task=object-detection{told}"
    af.server.files[url] = json.dumps({"aiModels": [ai_model()]}).encode()
    assert (await af.handler.locate(TaskEntry(M5, "object-detection"))).url == MPD
    assert [request.url for request in af.server.requests] == [url]
