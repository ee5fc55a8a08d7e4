from typing import Any

import pytest

from fivegms_api.ai_models import (
    AiModel,
    AiModelState,
    FailureReason,
    MeasuredAccuracy,
    PreparationProgress,
    PreparedVariant,
    WithheldVariant,
)


def model(session: str, **members: Any) -> AiModel:
    values: dict[str, Any] = {
        "provisioning_session_id": session.rsplit("/", 1)[-1],
        "content_preparation_template_id": "t1",
        "name": "detector",
        "version": 1,
        "task": "object-detection",
        "state": AiModelState.PUBLISHED,
        "manifest": "model.mpd",
    }
    return AiModel(**(values | members))


@pytest.mark.requirement("R097")
async def test_a_provider_sees_every_model_of_the_session(af: Any) -> None:
    session, other = await af.session(), await af.session()
    af.server.published = [
        model(session, name="a"),
        model(session, name="b", state=AiModelState.AWAITING_UPLOAD),
        model(other, name="c"),
    ]
    answer = await af.get(f"{session}/ai-models")
    assert answer.status == 200
    assert [one["name"] for one in answer.json["aiModels"]] == ["a", "b"]


async def test_what_was_withheld_is_shown_to_the_provider(af: Any) -> None:
    session = await af.session()
    below = WithheldVariant(
        id="int4", precision="int4", codec="int4+zstd", size_bytes=10, minimum_accuracy=0.6,
        reason="top1 0.4 is below the 0.6 asked for",
    )  # fmt: skip
    af.server.published = [model(session, withheld=(below,))]
    [shown] = (await af.get(f"{session}/ai-models/detector")).json["withheld"]
    assert (shown["id"], shown["minimumAccuracy"]) == ("int4", 0.6)


async def test_the_states_on_the_way_are_shown(af: Any) -> None:
    session = await af.session()
    progress = PreparationProgress(stage="encoding int8", fraction=0.5)
    af.server.published = [model(session, state=AiModelState.PREPARING, progress=progress)]
    shown = (await af.get(f"{session}/ai-models/detector")).json
    assert shown["state"] == "PREPARING"
    assert shown["progress"] == {"stage": "encoding int8", "fraction": 0.5}
    reason = FailureReason(type="urn:fivegms:problem:x", detail="mend the model")
    af.server.published = [model(session, state=AiModelState.FAILED, reason=reason)]
    shown = (await af.get(f"{session}/ai-models/detector")).json
    assert shown["reason"]["detail"] == "mend the model"


@pytest.mark.requirement("R147")
async def test_a_published_model_has_its_figures_and_its_url(af: Any) -> None:
    session, template = await af.published_model()
    accuracy = MeasuredAccuracy(metric="mAP@0.5", value=0.98, data_set="clip.mp4")
    variant = PreparedVariant(
        subset=0, id="int8", precision="int8", codec="int8+zstd", size_bytes=1000,
        sha256="0" * 64, segments=1, accuracy=(accuracy,), latency_ms=3.5,
    )  # fmt: skip
    template_id = template.rsplit("/", 1)[-1]
    published = model(session, content_preparation_template_id=template_id, variants=(variant,))
    af.server.published = [published, model(session, name="not-distributed")]
    shown = (await af.get(f"{session}/ai-models/detector")).json
    session_id = session.rsplit("/", 1)[-1]
    base = f"http://m4.example/m4d/provisioning-session-{session_id}/"
    assert shown["locator"] == f"{base}model.mpd"
    assert shown["variants"][0]["sizeBytes"] == 1000
    assert shown["variants"][0]["accuracy"][0]["value"] == 0.98
    assert "locator" not in (await af.get(f"{session}/ai-models/not-distributed")).json


async def test_the_newest_version_answers_to_the_name(af: Any) -> None:
    session = await af.session()
    af.server.published = [model(session, version=version) for version in (1, 3, 2)]
    assert (await af.get(f"{session}/ai-models/detector")).json["version"] == 3


async def test_a_model_that_is_not_there(af: Any) -> None:
    answer = await af.get(f"{await af.session()}/ai-models/detector")
    assert (answer.status, answer.problem) == (404, "unknown-ai-model")


async def test_states_need_the_as(af: Any) -> None:
    session = await af.session()
    af.server.stop()
    answer = await af.get(f"{session}/ai-models")
    assert (answer.status, answer.problem) == (503, "application-server-unavailable")
    assert answer.headers["Retry-After"] == "5"


async def test_without_an_as_there_are_no_states(start_af: Any) -> None:
    af = await start_af(application_servers=())
    answer = await af.get(f"{await af.session()}/ai-models")
    assert (answer.status, answer.problem) == (503, "no-application-server")
