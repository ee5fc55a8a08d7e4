"""A file is known by its content, whatever it is called, and refused by name."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from fivegms_api.model_preparation import ModelDescription, ModelPreparation
from fivegms_manifests.errors import ManifestError
from fivegms_prepare.errors import ModelRefused
from fivegms_prepare.preparation import prepare
from fivegms_testbed.inspection import (
    InspectedManifest,
    InspectedSegment,
    InspectionFailed,
    InspectionRefused,
    InspectionUnanswered,
    fetch_bytes,
    inspect_bytes,
    read_location,
)
from fivegms_testbed.model_inspection import InspectedModel
from support.onnx_graphs import perceptron, save


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    source = save(perceptron(hidden=256), folder / "p.onnx")
    template = ModelPreparation(
        model=ModelDescription(name="p", task="toy"), source=source.name, segment_size_bytes=4096
    )
    prepare(source, template, folder / "out", now=datetime(2026, 1, 1, tzinfo=UTC))
    return folder


def test_a_model_shows_what_it_takes_gives_and_costs(prepared: Path) -> None:
    inspected = inspect_bytes(read_location(str(prepared / "p.onnx")), prepared)
    assert isinstance(inspected, InspectedModel)
    assert inspected.parameters == 16 * 256 + 256 + 256 * 4 + 4
    assert inspected.macs == 16 * 256 + 256 * 4
    assert inspected.operators == {"Gemm": 2, "Relu": 1}
    assert [info.name for info in (*inspected.inputs, *inspected.outputs)] == ["x", "y"]


def test_a_manifest_shows_variants_with_derived_figures(prepared: Path) -> None:
    inspected = inspect_bytes(read_location(str(prepared / "out" / "model.mpd")), None)
    assert isinstance(inspected, InspectedManifest)
    assert [variant.id for variant in inspected.variants] == ["fp32", "fp16", "int8"]
    by_id = {variant.id: variant for variant in inspected.variants}
    assert by_id["int8"].size_bytes < by_id["fp32"].size_bytes
    assert all(len(bytes.fromhex(variant.sha256)) == 32 for variant in inspected.variants)


def test_segments_show_their_units(prepared: Path) -> None:
    seen: set[str] = set()
    for path in (prepared / "out" / "segments").iterdir():
        inspected = inspect_bytes(path.read_bytes(), None)
        assert isinstance(inspected, InspectedSegment)
        seen |= {unit.name or unit.what for unit in inspected.units}
    assert seen >= {"topology", "w1", "w2"}
    (start,) = (prepared / "out" / "init").iterdir()
    inspected = inspect_bytes(start.read_bytes(), None)
    assert isinstance(inspected, InspectedSegment)
    assert inspected.payload_urn == "urn:fivegms:ai:payload:weights:2026"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"<MPD/>", ManifestError),
        (b'<!DOCTYPE MPD [<!ENTITY a "b">]><MPD>&a;</MPD>', ManifestError),
        (b"\x00\x00\x00\x08styp", ManifestError),
        (b"\xff\xff\xff\xffmoof", ManifestError),
        (b"", ModelRefused),
        (b"neither", ModelRefused),
    ],
)
def test_damage_is_refused_by_the_reader_of_its_kind(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        inspect_bytes(data, None)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InspectionFailed, match=r"nothing\.mpd"):
        read_location(str(tmp_path / "nothing.mpd"))


async def test_a_url_is_fetched_within_bounds(aiohttp_server: AiohttpServer) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=b"<MPD/>")

    app = web.Application()
    app.router.add_get("/model.mpd", answer)
    server = await aiohttp_server(app)
    assert await fetch_bytes(str(server.make_url("/model.mpd"))) == b"<MPD/>"
    with pytest.raises(InspectionRefused, match="404"):
        await fetch_bytes(str(server.make_url("/other.mpd")))


async def test_a_server_that_is_away_is_said(unused_tcp_port: int) -> None:
    with pytest.raises(InspectionUnanswered, match="does not answer"):
        await fetch_bytes(f"http://127.0.0.1:{unused_tcp_port}/model.mpd")
