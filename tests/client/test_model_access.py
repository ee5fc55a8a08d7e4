"""The whole way from an entry to a model that runs, against a server in memory."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import utils as onnx_utils

from fivegms_client.cache import SegmentCache
from fivegms_client.device import measure_device
from fivegms_client.entry import ManifestFile, ManifestUrl
from fivegms_client.errors import (
    BadOption,
    ManifestRefused,
    ModelDamaged,
    MoreThanPromised,
    NoSuitableVariant,
    NotFound,
    SegmentCorrupt,
    SegmentMissing,
    ServerUnreachable,
    UnsupportedOpset,
    WrongModelSegment,
    WrongPayload,
)
from fivegms_client.model_access import ModelAccess
from fivegms_client.options import AccessOptions
from fivegms_client.progress import FetchProgress
from fivegms_client.retry import RetryPolicy
from fivegms_client.runnable import RunnableModel
from fivegms_client.selection import Preferences
from fivegms_manifests.model import Opset, SegmentRef, Variant
from fivegms_manifests.segments import (
    read_media_segment,
    write_initialization_segment,
    write_media_segment,
)
from support.fake_clock import FakeClock
from support.memory_server import Body, Cut, Down, Fault, MemoryServer, Status
from support.onnx_graphs import perceptron
from support.published_model import PublishedModel, publish

BASE = "http://as.test/m4d/provisioning-session-1/"
MPD = BASE + "model.mpd"
MODEL = perceptron(hidden=256)
X = np.random.default_rng(7).normal(size=(3, 16)).astype(np.float32)
DEVICE = measure_device()


def extract(model: onnx.ModelProto, inputs: list[str], outputs: list[str]) -> onnx.ModelProto:
    return onnx_utils.Extractor(onnx.shape_inference.infer_shapes(model)).extract_model(
        inputs, outputs
    )


PARTS = {"head": extract(MODEL, ["x"], ["r"]), "tail": extract(MODEL, ["r"], ["y"])}
PUBLISHED = publish(MODEL, parts=PARTS)


def reference(model: onnx.ModelProto = MODEL) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return np.asarray(session.run(None, {"x": X})[0])


class Ue:
    """A UE with a server in memory and a clock that stands still."""

    def __init__(self, published: PublishedModel = PUBLISHED, **options: Any) -> None:
        self.server = MemoryServer({BASE + name: data for name, data in published.files.items()})
        self.time = FakeClock()
        self.reports: list[FetchProgress] = []
        settings = {"device": DEVICE, "progress": self.reports.append, **options}
        self.access = ModelAccess(self.server, AccessOptions(**settings), clock=self.time.clock())

    async def open(self) -> RunnableModel:
        return await self.access.open(ManifestUrl(MPD))

    def asked_for(self) -> set[str]:
        return {request.url.removeprefix(BASE) for request in self.server.requests}


def urls(variant: Variant) -> set[str]:
    return {part.url for part in variant.parts()}


def changed(published: PublishedModel, **variant_changes: Any) -> PublishedModel:
    """The same model, its whole subset's variants changed."""
    first, *others = published.manifest.subsets
    variants = tuple(replace(variant, **variant_changes) for variant in first.variants)
    subsets = (replace(first, variants=variants), *others)
    return published.with_manifest(replace(published.manifest, subsets=subsets))


def swapped(published: PublishedModel, index: int, data: bytes) -> PublishedModel:
    """The fp32 variant with another media segment (or, at -1, initialization) in good order."""
    helper = publish(MODEL)
    part = _file(data)
    subset = helper.manifest.subsets[0]
    fp32 = helper.variant("fp32")
    if index < 0:
        fp32 = replace(fp32, initialization=part)
    else:
        segments = (*fp32.segments[:index], part, *fp32.segments[index + 1 :])
        fp32 = replace(fp32, segments=segments)
    subset = replace(subset, variants=(fp32,))
    manifest = replace(helper.manifest, subsets=(subset,))
    files = {**published.files, part.url: data}
    return replace(helper, files=files).with_manifest(manifest)


def _file(data: bytes) -> SegmentRef:
    digest = sha256(data).hexdigest()
    return SegmentRef(f"segments/{digest}.m4s", digest, len(data))


@pytest.mark.requirement("R022")
@pytest.mark.requirement("R088")
@pytest.mark.requirement("R102")
async def test_a_delivered_model_answers_as_the_original() -> None:
    ue = Ue()
    with await ue.open() as model:
        assert np.array_equal(model.infer({"x": X})["y"], reference())
        assert model.manifest == PUBLISHED.manifest


@pytest.mark.requirement("R103")
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 0), ("fp16", 0.01), ("int8", 0.1)])
async def test_every_variant_is_recovered_at_the_ue(precision: str, tolerance: float) -> None:
    ue = Ue(preferences=Preferences(variant=precision))
    model = await ue.open()
    assert model.selection.chosen.precision == precision
    assert np.abs(model.infer({"x": X})["y"] - reference()).max() <= tolerance
    assert model.timings.decode_ms is not None
    assert model.timings.decode_ms > 0


@pytest.mark.requirement("R088")
async def test_only_the_chosen_variant_is_fetched() -> None:
    ue = Ue(preferences=Preferences(variant="int8"))
    model = await ue.open()
    chosen = PUBLISHED.variant("int8")
    assert ue.asked_for() == urls(chosen) | {"model.mpd"}
    assert model.bytes_fetched == chosen.size_bytes
    assert ue.server.bytes_sent == chosen.size_bytes + len(PUBLISHED.files["model.mpd"])


@pytest.mark.requirement("R091")
async def test_in_a_split_the_ue_fetches_its_own_subset_only() -> None:
    ue = Ue(composition="split", endpoint="ue")
    model = await ue.open()
    head = PUBLISHED.manifest.subsets[1]
    assert head.name == "head"
    assert model.bytes_fetched == head.variants[0].size_bytes
    assert ue.asked_for() == urls(head.variants[0]) | {"model.mpd"}
    cut = model.infer({"x": X})
    expected = onnxruntime.InferenceSession(PARTS["head"].SerializeToString()).run(None, {"x": X})
    assert np.array_equal(cut["r"], expected[0])


@pytest.mark.requirement("R092")
async def test_all_subsets_of_a_split_make_the_whole() -> None:
    model = await Ue(composition="split").open()
    assert [selection.subset.name for selection in model.selections] == ["head", "tail"]
    assert np.allclose(model.infer({"x": X})["y"], reference(), atol=1e-6)
    assert [tensor.name for tensor in model.inputs + model.outputs] == ["x", "y"]


async def test_one_subset_can_be_wanted_alone() -> None:
    model = await Ue(subset="tail").open()
    assert [tensor.name for tensor in model.inputs] == ["r"]


async def test_parts_that_the_model_does_not_have_are_refused() -> None:
    for ue in (Ue(composition="none"), Ue(subset="none"), Ue(endpoint="none")):
        with pytest.raises(BadOption, match="none"):
            await ue.open()


def with_opset(version: int) -> PublishedModel:
    model = replace(PUBLISHED.manifest.model, opsets=(Opset("", version),))
    return PUBLISHED.with_manifest(replace(PUBLISHED.manifest, model=model))


@pytest.mark.requirement("R150")
@pytest.mark.parametrize(
    ("published", "error"),
    [
        (with_opset(999), UnsupportedOpset),
        (changed(PUBLISHED, codec="nnc"), NoSuitableVariant),
        (changed(PUBLISHED, weights_bytes=2**39), NoSuitableVariant),
    ],
    ids=["opset", "codec", "memory"],
)
async def test_what_cannot_run_is_refused_before_any_weights_are_fetched(
    published: PublishedModel, error: type[Exception]
) -> None:
    ue = Ue(published, device=replace(DEVICE, memory_free_bytes=2**34))
    with pytest.raises(error):
        await ue.open()
    assert ue.asked_for() == {"model.mpd"}


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        ([Body(b"wrong")] * 3, SegmentCorrupt),
        ([Status(404)], SegmentMissing),
        ([Down()] * 200, ServerUnreachable),
    ],
    ids=["wrong bytes", "missing", "down in the middle"],
)
async def test_a_segment_that_cannot_be_had_is_named(
    faults: list[Fault], error: type[Exception]
) -> None:
    ue = Ue()
    segment = BASE + PUBLISHED.variant("fp32").segments[2].url
    ue.server.spoil(segment, *faults)
    with pytest.raises(error, match=segment):
        await ue.open()


async def test_every_segment_may_break_once() -> None:
    ue = Ue()
    for part in PUBLISHED.variant("fp32").parts():
        ue.server.spoil(BASE + part.url, Down(), Cut(part.size_bytes // 2), Status(503))
    model = await ue.open()
    assert np.array_equal(model.infer({"x": X})["y"], reference())
    assert model.bytes_fetched == PUBLISHED.variant("fp32").size_bytes


async def test_a_server_that_comes_up_later_is_waited_for() -> None:
    ue = Ue()
    ue.server.down = True
    ue.time.on_sleep = lambda now: setattr(ue.server, "down", now < 20)
    model = await ue.open()
    assert np.array_equal(model.infer({"x": X})["y"], reference())


async def test_a_server_that_never_comes_up_is_named() -> None:
    ue = Ue(retry=RetryPolicy(give_up_after_s=10))
    ue.server.down = True
    with pytest.raises(ServerUnreachable, match=r"model\.mpd"):
        await ue.open()
    assert sum(ue.time.slept) <= 10
    assert {report.waiting_for for report in ue.reports} == {"nobody listens"}


OTHER = publish(perceptron(seed=1, hidden=128), name="other")


@pytest.mark.parametrize("segment", [0, 1, 2, 3], ids=["topology", "first", "second", "third"])
async def test_a_segment_of_another_model_is_named(segment: int) -> None:
    """In good order by digest, since the manifest itself is wrong."""
    other = OTHER.files[OTHER.variant("fp32").segments[segment].url]
    with pytest.raises(WrongModelSegment, match="tensor"):
        await Ue(swapped(PUBLISHED, segment, other)).open()


async def test_a_topology_of_another_model_with_its_tensors_is_named() -> None:
    """Every part is the other model's, and fits together; only the manifest's tensors tell."""
    subset = replace(
        OTHER.manifest.subsets[0],
        inputs=(replace(PUBLISHED.manifest.subsets[0].inputs[0], name="z"),),
    )
    with pytest.raises(WrongModelSegment, match=r"has tensors x \(float32\)"):
        await Ue(OTHER.with_manifest(replace(OTHER.manifest, subsets=(subset,)))).open()


def _sample(index: int) -> bytes:
    data = PUBLISHED.files[PUBLISHED.variant("fp32").segments[index].url]
    return bytes(read_media_segment(data).samples[0])


def _segment(*samples: bytes) -> bytes:
    return write_media_segment(samples, sequence_number=1, base_decode_time=0)


@pytest.mark.parametrize(
    ("index", "data", "error", "told"),
    [
        (1, _segment(_sample(0)), WrongModelSegment, "second topology"),
        (0, _segment(_sample(1)), WrongModelSegment, "once more|no segment"),
        (1, _segment(_sample(2)), WrongModelSegment, "once more|missing"),
        (1, _segment(b"nonsense"), WrongPayload, "cannot be read"),
        (1, b"no boxes at all", WrongPayload, "cannot be read"),
        (-1, write_initialization_segment("urn:else"), WrongPayload, "urn:else"),
        (-1, b"no boxes at all", WrongPayload, "cannot be read"),
    ],
)
async def test_parts_that_do_not_make_the_model_are_refused(
    index: int, data: bytes, error: type[ModelDamaged], told: str
) -> None:
    with pytest.raises(error, match=told):
        await Ue(swapped(PUBLISHED, index, data)).open()


async def test_more_weights_than_promised_are_not_decoded() -> None:
    with pytest.raises(MoreThanPromised, match="100 bytes"):
        await Ue(changed(PUBLISHED, weights_bytes=100)).open()


async def test_a_document_that_is_no_model_is_refused() -> None:
    ue = Ue()
    ue.server.files[MPD] = b"<MPD/>"
    with pytest.raises(ManifestRefused, match=r"model\.mpd"):
        await ue.open()
    with pytest.raises(NotFound):
        await ue.access.open(ManifestUrl(BASE + "none.mpd"))


async def test_equal_digests_are_fetched_once() -> None:
    ue = Ue(composition="split")
    await ue.open()
    initialization = PUBLISHED.manifest.subsets[1].variants[0].initialization
    assert initialization == PUBLISHED.manifest.subsets[2].variants[0].initialization
    assert len(ue.server.asked(BASE + initialization.url)) == 1


async def test_with_a_cache_a_second_run_fetches_nothing(tmp_path: Path) -> None:
    first = await Ue(cache_folder=tmp_path).open()
    ue = Ue(cache_folder=tmp_path)
    second = await ue.open()
    size_bytes = PUBLISHED.variant("fp32").size_bytes
    assert (first.bytes_fetched, first.bytes_from_cache) == (size_bytes, 0)
    assert (second.bytes_fetched, second.bytes_from_cache) == (0, size_bytes)
    assert ue.asked_for() == {"model.mpd"}
    assert ue.reports[-1].done_bytes == size_bytes
    assert second.timings.first_byte_ms is None


async def test_an_interrupted_download_keeps_finished_segments(tmp_path: Path) -> None:
    broken = Ue(cache_folder=tmp_path, parallel=1)
    last = PUBLISHED.variant("fp32").segments[-1]
    broken.server.spoil(BASE + last.url, Status(404))
    with pytest.raises(SegmentMissing):
        await broken.open()
    arrived = broken.server.bytes_sent - len(PUBLISHED.files["model.mpd"])
    again = await Ue(cache_folder=tmp_path).open()
    assert again.bytes_from_cache == arrived
    assert arrived + again.bytes_fetched == PUBLISHED.variant("fp32").size_bytes


async def test_another_variant_reuses_what_is_equal(tmp_path: Path) -> None:
    await Ue(cache_folder=tmp_path).open()
    int8 = await Ue(cache_folder=tmp_path, preferences=Preferences(variant="int8")).open()
    shared = urls(PUBLISHED.variant("int8")) & urls(PUBLISHED.variant("fp32"))
    assert PUBLISHED.variant("int8").segments[0].url in shared  # the topology
    reused = {p.url: p.size_bytes for p in PUBLISHED.variant("int8").parts() if p.url in shared}
    assert int8.bytes_from_cache == sum(reused.values())


async def test_base_urls_are_mirrors_in_order() -> None:
    manifest = replace(
        PUBLISHED.manifest, base_urls=("http://edge.test/m/", "http://cloud.test/m/")
    )
    ue = Ue(PUBLISHED.with_manifest(manifest))
    for name, data in PUBLISHED.files.items():
        ue.server.files[f"http://cloud.test/m/{name}"] = data
    model = await ue.open()
    assert np.array_equal(model.infer({"x": X})["y"], reference())
    fetched = [url for url in ue.asked_for() if url.startswith("http://cloud.test/m/")]
    assert len(fetched) == len(urls(PUBLISHED.variant("fp32")))


@pytest.mark.requirement("R178")
async def test_a_fetched_folder_is_all_that_inference_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = await Ue().access.fetch(ManifestUrl(MPD), tmp_path / "kept")
    assert fetched.path == tmp_path / "kept" / "model.mpd"
    assert fetched.path.read_bytes() == PUBLISHED.files["model.mpd"]
    assert fetched.provenance.bytes_fetched == PUBLISHED.variant("fp32").size_bytes
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    offline = Ue(publish(perceptron(hidden=8)))
    offline.server.down = True
    model = await offline.access.open(ManifestFile(fetched.path))
    assert np.array_equal(model.infer({"x": X})["y"], reference())
    assert (model.bytes_fetched, model.bytes_from_cache) == (
        0,
        PUBLISHED.variant("fp32").size_bytes,
    )
    assert not offline.server.requests
    assert not list(empty.iterdir())


async def test_a_folder_offers_the_variants_that_it_holds(tmp_path: Path) -> None:
    int8 = Preferences(variant="int8")
    fetched = await Ue(preferences=int8).access.fetch(ManifestUrl(MPD), tmp_path)
    model = await Ue().access.open(ManifestFile(tmp_path))
    assert model.selection.chosen.precision == "int8"
    causes = {c.variant.precision: c.cause for c in model.selection.candidates}
    assert "of its 5 segments are not in the folder" in causes["fp32"]
    assert fetched.timings.fetch_ms is not None


async def test_fetching_into_a_folder_again_fetches_nothing(tmp_path: Path) -> None:
    await Ue().access.fetch(ManifestUrl(MPD), tmp_path)
    again = await Ue().access.fetch(ManifestUrl(MPD), tmp_path)
    assert again.provenance.bytes_fetched == 0


async def test_a_damaged_file_in_a_folder_is_fetched_again_or_named(tmp_path: Path) -> None:
    await Ue().access.fetch(ManifestUrl(MPD), tmp_path)
    segment = tmp_path / PUBLISHED.variant("fp32").segments[1].url
    segment.write_bytes(b"\0" * segment.stat().st_size)
    with pytest.raises(SegmentCorrupt, match=segment.name):
        await Ue().access.open(ManifestFile(tmp_path))
    repaired = await Ue().access.fetch(ManifestUrl(MPD), tmp_path)
    assert repaired.provenance.bytes_fetched == segment.stat().st_size
    await Ue().access.open(ManifestFile(tmp_path))


async def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"model\.mpd"):
        await Ue().access.open(ManifestFile(tmp_path))


async def test_a_cache_feeds_a_folder(tmp_path: Path) -> None:
    await Ue(cache_folder=tmp_path / "cache").open()
    ue = Ue(cache_folder=tmp_path / "cache")
    fetched = await ue.access.fetch(ManifestUrl(MPD), tmp_path / "kept")
    assert fetched.provenance.bytes_fetched == 0
    cache = SegmentCache(tmp_path / "cache")
    assert cache.size_bytes() == PUBLISHED.variant("fp32").size_bytes


async def test_the_timeline_adds_up() -> None:
    model = await Ue().open()
    assert model.timings.ttfi_ms is None
    model.infer({"x": X})
    first = model.timings.first_inference_ms
    model.infer({"x": X})
    assert first is not None
    assert model.timings.ready_ms is not None
    assert model.timings.ttfi_ms == model.timings.ready_ms + first


async def test_progress_ends_at_the_total() -> None:
    ue = Ue()
    await ue.open()
    size_bytes = PUBLISHED.variant("fp32").size_bytes
    assert ue.reports[-1].done_bytes == ue.reports[-1].total_bytes == size_bytes
    assert ue.reports[-1].network_bytes == size_bytes


def test_a_model_needs_at_least_one_segment_on_its_way() -> None:
    with pytest.raises(BadOption, match="parallel is 0"):
        AccessOptions(parallel=0)
