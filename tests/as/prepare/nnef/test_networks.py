"""Whole networks through NNEF and back: the detector's maps, MobileNet, and the printed VGG-16."""

from pathlib import Path
from typing import Any

import nnef
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, shape_inference
from onnx.utils import Extractor

from fivegms_codecs.nnef import read_graph, run
from fivegms_prepare.errors import StorageFailed
from fivegms_prepare.nnef import (
    convert_nnef,
    from_onnx,
    open_package,
    read_nnef,
    to_onnx,
    write_nnef,
)
from fivegms_prepare.source import load_source, separate_checked
from fivegms_testbed.assets import detector_model
from fivegms_testbed.catalogue import CATALOGUE, build
from support import shared_data
from support.nnef_graphs import sample
from support.onnx_graphs import classifier


def outputs(model: ModelProto, feeds: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    found: list[NDArray[Any]] = ort.InferenceSession(model.SerializeToString()).run(None, feeds)
    return found


def same(found: list[NDArray[Any]], expected: list[NDArray[Any]]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * max(1, np.abs(other).max()))


def heads() -> ModelProto:
    """The detector up to the maps that it decodes: NNEF has no TopK."""
    whole = onnx.load(detector_model())
    extractor = Extractor(shape_inference.infer_shapes(whole))
    return extractor.extract_model(["images"], ["heat.conv", "box.conv"])


@pytest.mark.requirement("R154")
@pytest.mark.requirement("R156")
def test_the_detectors_maps(tmp_path: Path) -> None:
    model = heads()
    feeds = {"images": np.random.default_rng(0).random((1, 3, 192, 320), np.float32)}
    write_nnef(separate_checked(model, tmp_path), tmp_path / "heads.tgz")
    package = open_package(tmp_path / "heads.tgz")
    assert "stem_conv/filter" in package.graph.variables()
    assert package.graph.outputs == ("heat_conv", "box_conv")
    expected = outputs(model, feeds)
    same(outputs(read_nnef(tmp_path / "heads.tgz"), feeds), expected)
    same(list(run(package.graph, package.variables(), feeds).values()), expected)


@pytest.mark.requirement("R155")
def test_the_detectors_maps_from_eight_bit_weights(tmp_path: Path) -> None:
    model = heads()
    feeds = {"images": np.random.default_rng(0).random((1, 3, 192, 320), np.float32)}
    write_nnef(separate_checked(model, tmp_path), tmp_path / "heads", int8=True)
    [heat, _] = outputs(read_nnef(tmp_path / "heads", ("int8", "")), feeds)
    [exact, _] = outputs(model, feeds)
    assert 0 < np.abs(heat - exact).max() < 0.1 * np.abs(exact).max()


@pytest.mark.requirement("R156a")
def test_mobilenet(tmp_path: Path) -> None:
    model = build(CATALOGUE["mobilenet"].network())
    [value] = model.graph.input
    feeds = {value.name: sample((1, 3, 224, 224))}
    separated = separate_checked(model, tmp_path)
    graph, variables = from_onnx(separated)
    assert graph.parameters == pytest.approx(3.3e6, rel=0.05)
    same(outputs(to_onnx(graph, variables), feeds), outputs(model, feeds))


def test_a_file_written_constant_by_constant_is_the_same_model(tmp_path: Path) -> None:
    write_nnef(separate_checked(classifier(), tmp_path), tmp_path / "p.tar")
    convert_nnef(tmp_path / "p.tar", tmp_path / "m.onnx")
    assert onnx.load(tmp_path / "m.onnx") == read_nnef(tmp_path / "p.tar")
    with pytest.raises(StorageFailed):
        convert_nnef(tmp_path / "p.tar", tmp_path / "nonesuch" / "m.onnx")


@pytest.mark.requirement("R156b")
def test_what_was_converted_is_a_source_like_any_other(tmp_path: Path) -> None:
    write_nnef(separate_checked(classifier(), tmp_path), tmp_path / "package")
    path = tmp_path / "model.onnx"
    path.write_bytes(read_nnef(tmp_path / "package" / "graph.nnef").SerializeToString())
    source = load_source(path)
    assert {weight.info.shape for weight in source.weights} >= {(16, 3, 3, 3)}
    feeds = {"x": sample((1, 3, 16, 16))}
    same(outputs(onnx.load(path), feeds), outputs(classifier(), feeds))


@pytest.mark.requirement("R159")
def test_the_printed_vgg16_runs_with_narrow_layers() -> None:
    """With the structure of the excerpt and 1/32 of its width, so that weights can be made up."""
    text = shared_data("spec/ai4media-permanent-document.txt").read_text("utf-8")
    start = text.index("version 1.0;", text.index("NNEF graph representation of the VGG-16"))
    text = text[start : text.index("}", start) + 1]
    for width in (64, 128, 256, 512, 4096):
        text = text.replace(f" {width}", f" {width // 32}").replace(f"[{width}", f"[{width // 32}")
    text = text.replace("25088", str(25088 // 32)).replace("10, 3, 224, 224", "10, 3, 224, 224")
    graph = read_graph(text)
    random = np.random.default_rng(0)
    variables = {
        label: (0.2 * random.normal(size=one.arguments["shape"])).astype(np.float32)  # type: ignore[arg-type]
        for label, one in graph.variables().items()
    }
    feeds = {"data": sample((10, 3, 224, 224))}
    [prob] = outputs(to_onnx(graph, variables), feeds)
    assert prob.shape == (10, 1000)
    np.testing.assert_allclose(prob.sum(axis=1), 1, rtol=1e-5)
    same([run(graph, variables, feeds)["prob"]], [prob])


@pytest.mark.requirement("R154")
def test_the_peer_loads_a_converted_network(tmp_path: Path) -> None:
    write_nnef(separate_checked(classifier(), tmp_path), tmp_path / "package")
    found = nnef.load_graph(str(tmp_path / "package"))
    [computed] = nnef.Session(str(tmp_path / "package"), lowered=[])(sample((1, 3, 16, 16)))
    assert found.inputs == ["x"]
    same([np.asarray(computed)], outputs(classifier(), {"x": sample((1, 3, 16, 16))}))
