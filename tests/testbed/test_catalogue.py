"""Twelve real networks: as heavy as table 6.1.1-1 says where it can be right, and they run."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import shape_inference

from fivegms_api.model_preparation import CutSearch
from fivegms_engine.graph import SeparatedModel
from fivegms_engine.session import InferenceEngine, LoadedModel, run_chain
from fivegms_prepare.cuts import survey
from fivegms_prepare.cutting import Cutter
from fivegms_prepare.measurement import made_up_feeds
from fivegms_prepare.source import load_source
from fivegms_prepare.split_search import search_cuts
from fivegms_prepare.values import inputs_of
from fivegms_testbed.catalogue import CATALOGUE, build, separated, serialized, write
from fivegms_testbed.catalogue.comparison import TOLERANCE, compare, compare_all
from fivegms_testbed.catalogue.network import Drawn, Fixed, Network
from fivegms_testbed.catalogue.page import catalogue_page
from fivegms_testbed.catalogue.table import Figure
from fivegms_testbed.catalogue.weights import blocks
from support import PROJECT, shared_data

FLAGGED = {
    "mobilenet": (Figure.FLOPS,),
    "yolov3": (Figure.PARAMETERS, Figure.FOOTPRINT),
}
every_network = pytest.mark.parametrize("key", CATALOGUE)
SMALL = ("mobilenet", "efficientnet-b0", "ssd300-mobilenet", "efficientdet-d0")


def load(model: SeparatedModel) -> LoadedModel:
    return InferenceEngine.load(model.topology(), {w.name: w.array() for w in model.weights})


@every_network
@pytest.mark.requirement("R121", "R122", "R123", "R124", "R125", "R126")
@pytest.mark.requirement("R127", "R128", "R129", "R130", "R131", "R132")
def test_a_network_is_as_heavy_as_its_row_where_that_is_not_flagged(key: str) -> None:
    row = compare(key)
    assert row.flags == FLAGGED.get(key, ())
    assert len(row.remarks) == len(row.flags)
    assert row.macs is not None
    for figure, found, printed in (
        (Figure.PARAMETERS, 1e-6 * row.parameters, row.printed_parameters_m),
        (Figure.FOOTPRINT, row.footprint_mb, row.printed_footprint_mb),
        (Figure.FLOPS, 1e-9 * row.macs, row.printed_flops_g),
    ):
        assert (figure in row.flags) == (found != pytest.approx(printed, rel=TOLERANCE))


@pytest.mark.requirement("R180")
def test_footprints_are_recomputed_and_yolov3_is_flagged() -> None:
    rows = {row.key: row for row in compare_all()}
    assert len(rows) == 12
    assert rows["yolov3"].expected_footprint_mb == pytest.approx(162)
    assert [key for key, row in rows.items() if Figure.FOOTPRINT in row.flags] == ["yolov3"]


@pytest.mark.requirement("R180")
def test_the_table_is_that_of_the_permanent_document() -> None:
    text = shared_data("spec/ai4media-permanent-document.txt").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    for entry in CATALOGUE.values():
        at = lines.index(entry.name)
        printed = [float(figure) for figure in lines[at + 1 : at + 4]]
        assert printed == [entry.parameters_m, entry.footprint_mb, entry.flops_g]


def test_what_the_remarks_say_of_yolov3_is_so() -> None:
    tensors = CATALOGUE["yolov3"].network().tensors
    backbone = sum(
        tensor.elements
        for name, tensor in tensors.items()
        if isinstance(tensor, Drawn) and name.startswith(("stem", "stage"))
    )
    assert 1e-6 * backbone == pytest.approx(40.5, rel=0.01)


@every_network
def test_a_network_has_the_shapes_that_it_declares(key: str) -> None:
    network = CATALOGUE[key].network()
    model = separated(network).graph
    inferred = shape_inference.infer_shapes(
        model, check_type=True, strict_mode=True, data_prop=True
    )
    known = {value.name for value in (*inferred.graph.value_info, *inferred.graph.output)}
    given = [name for node in model.graph.node for name in node.output]
    assert known.issuperset(given)
    assert len(set(given)) == len(given)


@every_network
def test_a_network_can_be_split_by_its_work(key: str) -> None:
    model = separated(CATALOGUE[key].network())
    found = survey(model)
    assert found.macs is not None
    [cut] = search_cuts(found, CutSearch(max_head_macs=found.macs // 2))
    head, tail = Cutter(model).cut([cut.names])
    assert len(head.graph.graph.node) + len(tail.graph.graph.node) >= len(found.nodes)


@pytest.mark.requirement("R011")
@pytest.mark.parametrize("key", SMALL)
def test_a_network_runs_whole_and_in_parts(key: str) -> None:
    model = separated(CATALOGUE[key].network())
    feeds = made_up_feeds(inputs_of(model.graph))
    assert feeds is not None
    whole = load(model).run(feeds)
    declared = {value.name for value in model.graph.graph.output}
    assert whole.keys() == declared
    assert all(np.isfinite(array).all() for array in whole.values())
    found = survey(model)
    [cut] = search_cuts(found, CutSearch(max_head_macs=(found.macs or 0) // 2))
    parts = run_chain([load(part) for part in Cutter(model).cut([cut.names])], feeds)
    assert all(np.allclose(parts[name], array, rtol=1e-4) for name, array in whole.items())


@pytest.mark.parametrize("key", ["ssd300-mobilenet", "faster-rcnn-mobilenet"])
def test_detectors_keep_the_contract(key: str) -> None:
    model = separated(CATALOGUE[key].network())
    feeds = made_up_feeds(inputs_of(model.graph))
    assert feeds is not None
    found = load(model).run(feeds)
    assert found["boxes"].shape == (1, 100, 4)
    assert found["scores"].shape == found["labels"].shape == (1, 100)
    assert found["boxes"].dtype == np.float32
    assert found["labels"].dtype == np.int64
    assert (np.diff(found["scores"]) <= 0).all()
    assert (found["boxes"][..., 2:] >= found["boxes"][..., :2]).all()
    assert found["labels"].min() >= 0


def test_a_file_is_what_saving_the_whole_model_gives(tmp_path: Path) -> None:
    network = CATALOGUE["mobilenet"].network()
    path = tmp_path / "mobilenet.onnx"
    size_bytes = write(network, path, seed=3)
    model = build(network, seed=3)
    assert path.stat().st_size == size_bytes
    assert path.read_bytes() == model.SerializeToString()
    onnx.checker.check_model(model, full_check=True)


def test_a_file_holds_the_weights_that_the_topology_draws(tmp_path: Path) -> None:
    network = CATALOGUE["mobilenet"].network()
    path = tmp_path / "mobilenet.onnx"
    write(network, path)
    read, drawn = load_source(path), separated(network)
    assert read.topology() == drawn.topology()
    for one, other in zip(read.weights, drawn.weights, strict=True):
        assert np.array_equal(one.array(), other.array())


def test_pieces_are_small_however_large_a_tensor_is() -> None:
    network = Network("one")
    network.learned("weight", (3, 1024, 1024), deviation=1)
    assert max(map(len, serialized(network))) <= 4 * 2**20


@pytest.mark.parametrize("shape", [(5,), (2**20 + 1,), (3, 2**19)])
def test_numbers_depend_on_seed_and_name(shape: tuple[int, ...]) -> None:
    def drawn(name: str, seed: int) -> "np.ndarray[Any, np.dtype[np.float32]]":
        return np.frombuffer(b"".join(blocks(Drawn(name, shape, 0.5, 2), seed)), "<f4")

    assert drawn("a", 0).size == np.prod(shape)
    assert np.array_equal(drawn("a", 0), drawn("a", 0))
    assert not np.array_equal(drawn("a", 0), drawn("a", 1))
    assert not np.array_equal(drawn("a", 0), drawn("b", 0))
    if shape != (5,):
        assert drawn("a", 0).mean() == pytest.approx(2, abs=0.01)
        assert drawn("a", 0).std() == pytest.approx(0.5, abs=0.01)


def test_fixed_numbers_are_as_given() -> None:
    values = np.array([1, 2], ">i8")
    assert b"".join(blocks(Fixed("shape", values), 0)) == np.array([1, 2], "<i8").tobytes()


def test_layers_may_share_tensors() -> None:
    tensors = CATALOGUE["efficientdet-d0"].network().tensors
    assert "box.conv0.pointwise.weight" in tensors
    assert "box.p3.conv0.pointwise.weight" not in tensors


def test_the_page_is_up_to_date() -> None:
    page = (PROJECT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert page == catalogue_page(compare_all()), (
        "fivegms catalogue --format md > docs/catalogue.md"
    )
