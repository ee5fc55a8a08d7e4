"""Models that a provider prepared: told of once all that their manifest names was ingested."""

from dataclasses import replace
from hashlib import sha256

import pytest

from fivegms_as.ingested_models import MAX_MANIFEST_BYTES
from fivegms_manifests.model import PROFILE_URN, ModelManifest, SegmentRef
from fivegms_manifests.model_mpd import write_model_mpd
from support.manifests import sample_manifest

INIT, WEIGHTS, TAIL = b"init", b"weights", b"tail"
MEDIA_TYPE = "application/dash+xml"


def entry(path="net/1/model.mpd", profiles=(PROFILE_URN,)):
    return {"relativePath": path, "contentType": MEDIA_TYPE, "profiles": list(profiles)}


def segment(data):
    digest = sha256(data).hexdigest()
    return SegmentRef(f"segments/{digest}.m4s", digest, len(data))


def manifest(version=1, base_urls=()) -> ModelManifest:
    """A model of one subset and one variant."""
    sample = sample_manifest()
    whole = sample.subsets[0]
    parts = {"initialization": segment(INIT), "segments": (segment(WEIGHTS), segment(TAIL))}
    variant = replace(whole.variants[0], **parts)
    return replace(
        sample,
        model=replace(sample.model, version=version),
        subsets=(replace(whole, variants=(variant,)),),
        compositions=sample.compositions[:1],
        base_urls=base_urls,
    )


@pytest.fixture
async def waiting(peer):
    """A session whose distribution is entered at a model MPD, without a template."""
    assert await peer.host(entryPoint=entry()) == 201
    return peer


async def ingest(peer, *segments, folder="net/1", document=None):
    for data in segments:
        assert await peer.upload(f"{folder}/{segment(data).url}", data) == 201
    await peer.upload(f"{folder}/model.mpd", document or write_model_mpd(manifest()))


@pytest.mark.requirement("R097")
async def test_a_model_is_published_with_its_last_segment(waiting):
    await ingest(waiting, INIT, WEIGHTS)
    told = await waiting.model_when("AWAITING_UPLOAD")
    assert told["reason"]["detail"] == f"not ingested yet: net/1/{segment(TAIL).url}"
    await waiting.upload(f"net/1/{segment(TAIL).url}", TAIL)
    told = await waiting.model_when("PUBLISHED")
    assert (told["name"], told["version"], told["manifest"]) == ("street", 1, "net/1/model.mpd")
    assert [one["id"] for one in told["variants"]] == ["whole-fp32"]
    assert "contentPreparationTemplateId" not in told
    status, fields, _ = await waiting.call("GET", waiting.m4("net/1/model.mpd"))
    assert (status, fields["Content-Type"]) == (200, MEDIA_TYPE)


async def test_nothing_is_told_before_the_manifest(waiting):
    await waiting.upload(f"net/1/{segment(INIT).url}", INIT)
    assert await waiting.models() == []


async def test_many_missing_segments_are_counted(waiting):
    await ingest(waiting)
    told = await waiting.model_when("AWAITING_UPLOAD")
    assert told["reason"]["detail"].endswith("and 2 more that net/1/model.mpd names")


async def test_another_segment_than_the_manifest_s_is_told(waiting):
    await ingest(waiting, INIT, WEIGHTS, TAIL)
    await waiting.model_when("PUBLISHED")
    await waiting.upload(f"net/1/{segment(WEIGHTS).url}", b"others")
    assert (await waiting.model_when("FAILED"))["reason"]["type"] == "segment-mismatch"
    await waiting.upload(f"net/1/{segment(WEIGHTS).url}", WEIGHTS)
    await waiting.model_when("PUBLISHED")


async def test_a_manifest_that_nobody_can_read_is_told(waiting):
    await ingest(waiting, document=b"<MPD/>")
    told = await waiting.model_when("FAILED")
    assert (told["name"], told["reason"]["type"]) == ("net/1/model.mpd", "manifest-refused")
    await ingest(waiting, INIT, WEIGHTS, TAIL)
    await waiting.model_when("PUBLISHED")


async def test_a_manifest_that_is_too_large_is_not_read(config, preparer, run):
    async with run(replace(config, max_upload_bytes=2 * MAX_MANIFEST_BYTES), preparer) as peer:
        await peer.host(entryPoint=entry())
        await peer.upload("net/1/model.mpd", b"x" * (MAX_MANIFEST_BYTES + 1))
        told = await peer.model_when("FAILED")
    assert str(MAX_MANIFEST_BYTES) in told["reason"]["detail"]


async def test_segments_elsewhere_are_not_waited_for(waiting):
    document = write_model_mpd(manifest(base_urls=("https://cdn.example/",)))
    await ingest(waiting, document=document)
    await waiting.model_when("PUBLISHED")


async def test_a_new_manifest_is_read_anew_and_one_taken_away_is_forgotten(waiting):
    await ingest(waiting, INIT, WEIGHTS, TAIL)
    assert (await waiting.model_when("PUBLISHED"))["version"] == 1
    await waiting.upload("net/1/model.mpd", write_model_mpd(manifest(version=2)))
    while (await waiting.model_when("PUBLISHED"))["version"] != 2:
        pass
    await waiting.call("DELETE", waiting.m2("net/1/model.mpd"))
    assert await waiting.models() == []


async def test_a_restart_forgets_nothing(config, preparer, run):
    async with run(config, preparer) as peer:
        await peer.host(entryPoint=entry())
        await ingest(peer, INIT, WEIGHTS, TAIL)
        await peer.model_when("PUBLISHED")
    async with run(config, preparer) as peer:
        await peer.model_when("PUBLISHED")


@pytest.mark.parametrize(
    "members", [{"entryPoint": entry(profiles=["urn:other"])}, {"entryPoint": entry("a//b")}, {}]
)
async def test_only_an_entry_point_of_the_profile_makes_a_model(peer, members):
    await peer.host(**members)
    await ingest(peer, INIT, WEIGHTS, TAIL)
    assert await peer.models() == []


async def test_other_models_sources_stay_inside(peer):
    await peer.template()
    prepared = {"contentPreparationTemplateId": "t1", "entryPoint": entry("model.mpd")}
    await peer.host(distributions=[prepared, {"entryPoint": entry()}])
    await peer.upload("net.onnx", b"a secret")
    await peer.model_when("PUBLISHED")
    await ingest(peer, INIT, WEIGHTS, TAIL)
    for path, expected in (("net.onnx", 404), ("net/1/model.mpd", 200)):
        status, _, _ = await peer.call("GET", peer.m4(path, index=1))
        assert status == expected


async def test_rewritten_entries_are_entered_where_they_lead(peer):
    rule = {"requestPathPattern": "^/latest/", "mappedPath": "/net/1/"}
    await peer.host(entryPoint=entry("latest/model.mpd"), pathRewriteRules=[rule])
    await ingest(peer, INIT, WEIGHTS, TAIL)
    assert (await peer.model_when("PUBLISHED"))["manifest"] == "net/1/model.mpd"
    status, _, _ = await peer.call("GET", peer.m4("latest/model.mpd"))
    assert status == 200
