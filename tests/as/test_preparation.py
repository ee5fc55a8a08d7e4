"""Jobs over HTTP: what M3 and M2 set going, and what M4 and M3 show of it."""

import asyncio

import pytest


@pytest.mark.requirement("R099")
@pytest.mark.requirement("R101")
async def test_an_uploaded_model_is_prepared_and_delivered(peer, preparer):
    assert await peer.template() == 201
    assert await peer.host(template="t1") == 201
    assert (await peer.model_when("AWAITING_UPLOAD"))["reason"]["detail"].endswith("net.onnx")
    assert await peer.upload("net.onnx", b"model") == 201
    model = await peer.model_when("PUBLISHED")
    assert model["manifest"] == "model.mpd"
    status, fields, body = await peer.call("GET", peer.m4("model.mpd"))
    assert (status, body) == (200, b"<MPD>model")
    assert fields["Content-Type"] == "application/dash+xml"
