"""A real model through a real worker process: what comes out at M4 is what was made of it."""

import hashlib

import pytest

from fivegms_as.server import ApplicationServer
from fivegms_manifests.model_mpd import read_model_mpd
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
