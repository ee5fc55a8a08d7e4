from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fivegms_af.config import ApplicationServerAddress
from fivegms_af.provisioned import Hosting, Session
from fivegms_af.service_access import Place, locate, models_for_ues, service_access_information
from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import (
    ContentHostingConfiguration,
    DistributionConfiguration,
    IngestConfiguration,
    M1MediaEntryPoint,
)

SERVERS = ("https://af.example/3gpp-m5/v2/",)
NOW = datetime(2026, 11, 23, tzinfo=UTC)
ADDRESS = ApplicationServerAddress("http://as:1", "http://as:2", "http://m4")
ENTRY = M1MediaEntryPoint(
    relative_path="a/m.mpd", content_type="application/dash+xml", profiles=("urn:x:1", "urn:x:2")
)
HOSTING = ContentHostingConfiguration(
    name="n",
    ingest_configuration=IngestConfiguration(pull=False),
    distribution_configurations=(
        DistributionConfiguration(entry_point=ENTRY, content_preparation_template_id="t1"),
        DistributionConfiguration(),
    ),
)
EMPTY = Session("s1", ProvisioningSessionType.DOWNLINK, "a", None, NOW, 1)
SESSION = replace(EMPTY, hosting=Hosting(HOSTING, NOW))
MODEL = AiModel(
    provisioning_session_id="s1",
    content_preparation_template_id="t1",
    name="detector",
    version=1,
    task="object-detection",
    state=AiModelState.PUBLISHED,
    manifest="a/my model.mpd",
)


def test_a_session_that_hosts_nothing_shows_the_required_members() -> None:
    information = service_access_information(EMPTY, Place(SERVERS))
    assert information.to_json() == (
        b'{"provisioningSessionId":"s1","provisioningSessionType":"DOWNLINK"}'
    )


def test_entry_points_come_out_as_they_went_in() -> None:
    access = service_access_information(SESSION, Place(SERVERS, ADDRESS)).streaming_access
    assert access is not None
    assert access.entry_points is not None
    [entry] = access.entry_points
    assert entry.locator == "http://m4/m4d/provisioning-session-s1/a/m.mpd"
    assert (entry.content_type, entry.profiles) == (ENTRY.content_type, ENTRY.profiles)


def test_a_published_model_has_a_locator() -> None:
    located = locate(MODEL, SESSION, ADDRESS)
    assert located.locator == "http://m4/m4d/provisioning-session-s1/a/my%20model.mpd"
    early = MODEL.model_copy(update={"state": AiModelState.PREPARING, "locator": "http://x/"})
    assert locate(early, SESSION, ADDRESS).locator is None


@pytest.mark.requirement("R038")
def test_a_task_finds_its_model() -> None:
    other = MODEL.model_copy(update={"name": "classifier", "task": "image-classification"})
    found = models_for_ues([MODEL, other], {"s1": SESSION}, ADDRESS, task="image-classification")
    assert [model.name for model in found] == ["classifier"]
    assert models_for_ues([MODEL, other], {"s1": SESSION}, ADDRESS, task="speech") == ()
    [named] = models_for_ues([MODEL, other], {"s1": SESSION}, ADDRESS, name="detector")
    assert named.name == "detector"


def test_the_newest_version_comes_first() -> None:
    models = [MODEL.model_copy(update={"version": version}) for version in (1, 3, 2)]
    found = models_for_ues(models, {"s1": SESSION}, ADDRESS)
    assert [model.version for model in found] == [3, 2, 1]


@pytest.mark.parametrize(
    "model",
    [
        MODEL.model_copy(update={"state": AiModelState.FAILED}),
        MODEL.model_copy(update={"state": AiModelState.AWAITING_UPLOAD}),
        MODEL.model_copy(update={"provisioning_session_id": "of another AF"}),
        MODEL.model_copy(update={"content_preparation_template_id": "not distributed"}),
    ],
)
def test_what_a_ue_cannot_fetch_is_not_offered(model: AiModel) -> None:
    assert models_for_ues([model], {"s1": SESSION, "s2": EMPTY}, ADDRESS) == ()
