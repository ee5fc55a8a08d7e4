"""Jobs over HTTP: what M3 and M2 set going, and what M4 and M3 show of it."""

import asyncio
import json

import pytest

from fivegms_as.errors import PreparationRefused, PreparerCrashed, StoreFull


async def read(peer, path="model.mpd"):
    status, _, body = await peer.call("GET", peer.m4(path))
    return body if status == 200 else status


@pytest.fixture
async def waiting(peer):
    """A session with a template that waits for `net.onnx`."""
    assert await peer.template() == 201
    assert await peer.host(template="t1") == 201
    return peer


@pytest.mark.requirement("R099")
@pytest.mark.requirement("R101")
async def test_an_uploaded_model_is_prepared_and_delivered(waiting):
    model = await waiting.model_when("AWAITING_UPLOAD")
    assert model["reason"]["detail"] == "not ingested yet: net.onnx"
    assert await waiting.upload("net.onnx", b"model") == 201
    model = await waiting.model_when("PUBLISHED")
    assert (model["manifest"], model["sourceBytes"]) == ("model.mpd", 5)
    assert model["variants"][0]["id"] == "fp32"
    status, fields, body = await waiting.call("GET", waiting.m4("model.mpd"))
    assert (status, body) == (200, b"<MPD>model")
    assert fields["Content-Type"] == "application/dash+xml"


async def test_a_template_may_come_after_the_model(peer, preparer):
    await peer.host()
    await peer.upload("net.onnx", b"model")
    await peer.template()
    await peer.model_when("PUBLISHED")
    assert preparer.prepared == [b"model"]


async def test_preparation_waits_for_the_evaluation_set(peer, preparer):
    evaluation = {"media": "e/clip.mp4", "groundTruth": "e/clip.json"}
    await peer.template(evaluation=evaluation)
    await peer.host(template="t1")
    await peer.upload("net.onnx", b"model")
    await peer.upload("e/clip.mp4", b"media")
    model = await peer.model_when("AWAITING_UPLOAD")
    assert model["reason"]["detail"] == "not ingested yet: e/clip.json"
    seen = {}

    def look(task):
        files = (f for f in task.inputs.rglob("*") if f.is_file())
        seen.update({f.relative_to(task.inputs).as_posix(): f.read_bytes() for f in files})
        return {"model.mpd": b"<MPD/>"}

    preparer.files = look
    await peer.upload("e/clip.json", b"{}")
    await peer.model_when("PUBLISHED")
    assert seen == {"net.onnx": b"model", "e/clip.mp4": b"media", "e/clip.json": b"{}"}


async def test_progress_is_told(waiting, preparer):
    preparer.gate.clear()
    await waiting.upload("net.onnx", b"model")
    await preparer.started.wait()
    model = await waiting.model_when("PREPARING")
    assert model["progress"] == {"stage": "checking", "fraction": 0.5}
    assert await read(waiting) == 404
    preparer.gate.set()
    await waiting.model_when("PUBLISHED")


async def test_the_same_bytes_again_are_not_prepared_again(waiting, preparer):
    for _ in range(3):
        await waiting.upload("net.onnx", b"model")
        await waiting.upload("other.bin", b"unrelated")
        await waiting.template()
        await waiting.model_when("PUBLISHED")
    assert preparer.prepared == [b"model"]


async def test_a_changed_template_prepares_again(waiting, preparer):
    await waiting.upload("net.onnx", b"model")
    await waiting.model_when("PUBLISHED")
    await waiting.template(manifest="other.mpd")
    async with asyncio.timeout(30):
        while await read(waiting, "other.mpd") == 404:
            pass
    assert preparer.prepared == [b"model", b"model"]


async def test_the_old_version_is_served_until_the_new_one_is_there(waiting, preparer):
    await waiting.upload("net.onnx", b"one")
    await waiting.model_when("PUBLISHED")
    preparer.gate.clear()
    await waiting.upload("net.onnx", b"two")
    candidate, served = await waiting.models()
    assert (candidate["state"], served["state"]) == ("PREPARING", "PUBLISHED")
    assert await read(waiting) == b"<MPD>one"
    preparer.gate.set()
    await waiting.model_when("PUBLISHED")
    assert await read(waiting) == b"<MPD>two"
    assert len(await waiting.models()) == 1


async def test_the_version_before_can_still_be_fetched_and_the_one_before_that_is_gone(
    waiting, preparer
):
    def by_content(task):
        source = task.source.read_bytes()
        return {"model.mpd": b"<MPD>" + source, f"segments/{source.decode()}.m4s": source}

    preparer.files = by_content
    for version in (b"one", b"two", b"three"):
        await waiting.upload("net.onnx", version)
        await waiting.model_when("PUBLISHED")
    assert await read(waiting, "segments/one.m4s") == 404
    assert await read(waiting, "segments/two.m4s") == b"two"
    assert await read(waiting, "segments/three.m4s") == b"three"


async def test_a_newer_upload_wins_over_a_running_job(waiting, preparer):
    preparer.gate.clear()
    await waiting.upload("net.onnx", b"one")
    await preparer.started.wait()
    preparer.started.clear()
    await waiting.upload("net.onnx", b"two")
    await preparer.started.wait()
    assert preparer.cancelled == 1
    preparer.gate.set()
    await waiting.model_when("PUBLISHED")
    assert preparer.prepared == [b"two"]


@pytest.mark.requirement("R009a")
async def test_a_refusal_is_told_and_the_old_version_stays(waiting, preparer):
    await waiting.upload("net.onnx", b"good")
    await waiting.model_when("PUBLISHED")
    preparer.error = PreparationRefused("cyclic-graph", "node a feeds itself")
    await waiting.upload("net.onnx", b"bad")
    failed = await waiting.model_when("FAILED")
    assert failed["reason"] == {"type": "cyclic-graph", "detail": "node a feeds itself"}
    assert await read(waiting) == b"<MPD>good"
    preparer.error = None
    await waiting.upload("net.onnx", b"good")
    await waiting.model_when("PUBLISHED")
    assert preparer.prepared == [b"good"]


@pytest.mark.parametrize(
    ("error", "type_"),
    [
        (PreparerCrashed("ended by SIGSEGV"), "preparer-crashed"),
        (StoreFull("no room"), "store-full"),
        (ZeroDivisionError("bug"), "preparation-failed"),
    ],
)
async def test_every_failure_has_a_type(waiting, preparer, error, type_):
    preparer.error = error
    await waiting.upload("net.onnx", b"x")
    assert (await waiting.model_when("FAILED"))["reason"]["type"] == type_


async def test_a_failed_model_is_tried_again_when_more_content_comes(waiting, preparer):
    preparer.error = PreparationRefused("external-data-missing", "weights.bin is missing")
    await waiting.upload("net.onnx", b"graph")
    await waiting.model_when("FAILED")
    preparer.error = None
    await waiting.upload("weights.bin", b"weights")
    await waiting.model_when("PUBLISHED")


@pytest.mark.parametrize(
    "made",
    [
        {},
        {"other.mpd": b"x"},
        {"model.mpd": b"x", "net.onnx": b"x"},
        {"model.mpd": b"", "a\nb": b""},
    ],
    ids=["nothing", "no manifest", "ingested path", "bad name"],
)
async def test_what_a_preparer_leaves_is_checked(waiting, preparer, made):
    preparer.files = lambda _task: made
    await waiting.upload("net.onnx", b"x")
    reason = (await waiting.model_when("FAILED"))["reason"]
    assert reason["type"] == "prepared-output-invalid"
    assert await read(waiting, "model.mpd") == 404


async def test_a_link_that_a_preparer_leaves_is_refused(waiting, preparer, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")

    def link(task):
        task.out.mkdir()
        (task.out / "s.m4s").symlink_to(tmp_path / "secret")
        return {"model.mpd": b"x"}

    preparer.files = link
    await waiting.upload("net.onnx", b"x")
    assert (await waiting.model_when("FAILED"))["reason"]["type"] == "prepared-output-invalid"


async def test_a_deleted_template_takes_its_model_along(waiting, preparer):
    await waiting.upload("net.onnx", b"x")
    await waiting.model_when("PUBLISHED")
    url = waiting.session("/content-preparation-templates/t1")
    assert (await waiting.call("DELETE", url))[0] == 204
    async with asyncio.timeout(30):
        while await read(waiting) != 404:
            pass
    assert await waiting.models() == []


async def test_a_deleted_session_stops_its_job(waiting, preparer):
    preparer.gate.clear()
    await waiting.upload("net.onnx", b"x")
    await preparer.started.wait()
    await waiting.call("DELETE", waiting.session())
    async with asyncio.timeout(30):
        while not preparer.cancelled:
            await waiting.call("GET", waiting.session())


async def test_a_deleted_source_stops_its_job(waiting, preparer):
    preparer.gate.clear()
    await waiting.upload("net.onnx", b"x")
    await preparer.started.wait()
    await waiting.call("DELETE", waiting.m2("net.onnx"))
    await waiting.model_when("AWAITING_UPLOAD")
    async with asyncio.timeout(30):
        while not preparer.cancelled:
            await waiting.models()


async def test_purged_segments_are_made_again(waiting, preparer):
    await waiting.upload("net.onnx", b"x")
    await waiting.model_when("PUBLISHED")
    url = waiting.hosting() + "/purge"
    assert (await waiting.call("POST", url, {"pattern": r"\.m4s$"}))[2] == b"1"
    async with asyncio.timeout(30):
        while await read(waiting, "s.m4s") != b"x":
            pass
    assert preparer.prepared == [b"x", b"x"]


async def test_a_model_whose_content_is_purged_waits_for_another_upload(waiting):
    await waiting.upload("net.onnx", b"x")
    await waiting.model_when("PUBLISHED")
    assert (await waiting.call("POST", waiting.hosting() + "/purge", {"pattern": ""}))[2] == b"3"
    assert [model["state"] for model in await waiting.models()] == ["AWAITING_UPLOAD"]
    await waiting.upload("net.onnx", b"x")
    await waiting.model_when("PUBLISHED")
    assert await read(waiting) == b"<MPD>x"


async def test_a_template_that_becomes_another_type_takes_its_model_along(waiting):
    await waiting.upload("net.onnx", b"x")
    await waiting.model_when("PUBLISHED")
    url = waiting.session("/content-preparation-templates/t1")
    await waiting.call("PUT", url, b"x", Content_Type="application/x-other")
    async with asyncio.timeout(30):
        while await read(waiting) != 404:
            pass
    assert await waiting.models() == []


async def test_two_templates_of_one_session_share_paths_without_harm(waiting, preparer):
    body = json.dumps(
        {
            "model": {"name": "second", "version": 1, "task": "t"},
            "source": "net.onnx",
            "manifest": "second.mpd",
        }
    )
    url = waiting.session("/content-preparation-templates/t2")
    kind = "application/vnd.fivegms.model-preparation+json"
    await waiting.call("PUT", url, body, Content_Type=kind)
    await waiting.upload("net.onnx", b"x")
    async with asyncio.timeout(30):
        while {model["state"] for model in await waiting.models()} != {"PUBLISHED"}:
            pass
    await waiting.call("DELETE", url)
    async with asyncio.timeout(30):
        while await read(waiting, "second.mpd") != 404:
            pass
    assert await read(waiting, "s.m4s") == b"x"


async def test_an_upload_does_not_replace_what_was_prepared_meanwhile(waiting, config):
    go_on = asyncio.Event()

    async def chunks():
        yield b"mine"
        await go_on.wait()
        yield b"too"

    upload = asyncio.create_task(waiting.call("PUT", waiting.m2("model.mpd"), chunks()))
    async with asyncio.timeout(30):
        while not any(config.data_dir.rglob("*.part")):
            await waiting.models()
    await waiting.upload("net.onnx", b"model")
    await waiting.model_when("PUBLISHED")
    go_on.set()
    status, _, body = await upload
    assert (status, json.loads(body)["type"]) == (409, "urn:fivegms:problem:prepared-content")
    assert await read(waiting) == b"<MPD>model"


async def test_two_templates_that_write_one_manifest_both_fail(waiting):
    body = json.dumps({"model": {"name": "b", "task": "t"}, "source": "net.onnx"})
    url = waiting.session("/content-preparation-templates/t2")
    kind = "application/vnd.fivegms.model-preparation+json"
    await waiting.call("PUT", url, body, Content_Type=kind)
    await waiting.upload("net.onnx", b"x")
    async with asyncio.timeout(30):
        while {model["state"] for model in await waiting.models()} != {"FAILED"}:
            pass
    reasons = {model["reason"]["type"] for model in await waiting.models()}
    assert reasons == {"prepared-output-invalid"}
    assert await read(waiting) == 404


async def test_all_models_are_listed(waiting):
    await waiting.template("s2")
    url = f"{waiting.server.m3_url}/fivegms-m3/v1/ai-models"
    models = json.loads((await waiting.call("GET", url))[2])["aiModels"]
    assert [model["provisioningSessionId"] for model in models] == ["s1", "s2"]


async def test_an_interrupted_job_runs_again_after_a_restart(config, preparer, run):
    preparer.gate.clear()
    async with run(config, preparer) as peer:
        await peer.template()
        await peer.host(template="t1")
        await peer.upload("net.onnx", b"x")
        await preparer.started.wait()
    assert preparer.prepared == []
    preparer.gate.set()
    async with run(config, preparer) as peer:
        await peer.model_when("PUBLISHED")
    async with run(config, preparer) as peer:
        assert await read(peer) == b"<MPD>x"
        await peer.model_when("PUBLISHED")
    assert preparer.prepared == [b"x"]


async def test_a_model_is_told_as_published_once_the_disk_has_it(waiting, config):
    document = config.data_dir / "preparation" / "s1.json"
    for number in range(5):
        await waiting.upload("net.onnx", str(number).encode())
        model = await waiting.model_when("PUBLISHED")
        [record] = json.loads(document.read_bytes())
        assert record["attempt"] is None
        assert record["publication"]["sourceSha256"] == model["sourceSha256"]


async def test_a_job_that_takes_the_server_down_each_time_is_given_up(config, preparer, run):
    preparer.gate.clear()
    async with run(config, preparer) as peer:
        await peer.template()
        await peer.host(template="t1")
        await peer.upload("net.onnx", b"x")
        await preparer.started.wait()
    for _ in range(2):
        preparer.started.clear()
        async with run(config, preparer):
            await preparer.started.wait()
    async with run(config, preparer) as peer:
        model = await peer.model_when("FAILED")
    assert model["reason"]["type"] == "preparation-interrupted"
