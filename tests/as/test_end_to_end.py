"""A real model through a real worker process: what comes out at M4 is what was made of it."""

import hashlib
import io
import tarfile

import pytest

from fivegms_as.server import ApplicationServer
from fivegms_manifests.file_payload import assemble_file
from fivegms_manifests.model_mpd import read_model_mpd
from support.containers import NNEF_FILES, SAVED_MODEL_FILES
from support.onnx_graphs import perceptron


@pytest.fixture
async def real(config, run):
    """A server whose preparer is the worker process."""
    async with run(config, None) as peer:
        await peer.template(segmentSizeBytes=4096)
        await peer.host(template="t1")
        yield peer


@pytest.mark.requirement("R099")
@pytest.mark.requirement("R101")
@pytest.mark.requirement("R003a")
async def test_an_onnx_model_becomes_variants_and_segments(real):
    assert isinstance(real.server, ApplicationServer)
    model = perceptron().SerializeToString()
    assert await real.upload("net.onnx", model) == 201
    published = await real.model_when("PUBLISHED")
    assert published["sourceSha256"] == hashlib.sha256(model).hexdigest()
    _, fields, mpd = await real.call("GET", real.m4("model.mpd"))
    assert fields["Content-Type"] == "application/dash+xml"
    variants = read_model_mpd(mpd).subsets[0].variants
    assert len(variants) == len(published["variants"]) == 3
    for part in {part for variant in variants for part in variant.parts()}:
        status, fields, body = await real.call("GET", real.m4(part.url))
        assert (status, len(body)) == (200, part.size_bytes)
        assert hashlib.sha256(body).hexdigest() == part.sha256
        assert "immutable" in fields["Cache-Control"]


async def test_a_file_that_is_no_model_is_refused_with_a_reason(real):
    await real.upload("net.onnx", b"this is no model at all")
    failed = await real.model_when("FAILED")
    assert failed["reason"]["type"] not in ("preparer-crashed", "preparation-failed")
    assert failed["reason"]["detail"]


@pytest.mark.requirement("R090a")
@pytest.mark.requirement("R090d")
@pytest.mark.parametrize(
    ("files", "main"), [(SAVED_MODEL_FILES, "saved_model.pb"), (NNEF_FILES, "graph.nnef")]
)
async def test_a_folder_whose_main_file_comes_last_is_delivered_as_it_is(files, main, config, run):
    async with run(config, None) as peer:
        await peer.template(source=f"net/{main}", container="as-is", segmentSizeBytes=4096)
        await peer.host(template="t1")
        await peer.upload("other/private.bin", b"no part of the model")
        for name in sorted(files, key=lambda name: name == main):
            assert await peer.upload(f"net/{name}", files[name]) == 201
        await peer.model_when("PUBLISHED")
        _, _, mpd = await peer.call("GET", peer.m4("model.mpd"))
        [variant] = read_model_mpd(mpd).subsets[0].variants
        segments = [(await peer.call("GET", peer.m4(one.url)))[2] for one in variant.segments]
    stored = io.BytesIO()
    assemble_file(segments, stored)
    with tarfile.open(fileobj=io.BytesIO(stored.getvalue())) as archive:
        found = {member.name: archive.extractfile(member).read() for member in archive}
    assert found == files


async def test_a_package_of_nnef_is_converted_and_prepared(config, run):
    async with run(config, None) as peer:
        await peer.template(source="net/graph.nnef")
        await peer.host(template="t1")
        for name in sorted(NNEF_FILES, key=lambda name: name == "graph.nnef"):
            await peer.upload(f"net/{name}", NNEF_FILES[name])
        published = await peer.model_when("PUBLISHED")
    assert {"fp32", "int8"} <= {one["id"] for one in published["variants"]}


async def test_a_program_is_not_converted_by_a_server(config, run):
    async with run(config, None) as peer:
        await peer.template(source="net/saved_model.pb")
        await peer.host(template="t1")
        for name in sorted(SAVED_MODEL_FILES, key=lambda name: name == "saved_model.pb"):
            await peer.upload(f"net/{name}", SAVED_MODEL_FILES[name])
        failed = await peer.model_when("FAILED")
    assert failed["reason"]["type"].endswith("conversion-unsafe")
