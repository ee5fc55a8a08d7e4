"""NNEF graphs as ONNX models: onnxruntime gives what the interpreter gives."""

import tracemalloc
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from fivegms_codecs.nnef import Graph, run, standard
from fivegms_prepare.errors import ModelTooLarge, NnefInvalid, NnefUnsupported
from fivegms_prepare.nnef.building import MAX_BYTES
from fivegms_prepare.nnef.to_onnx import to_onnx
from fivegms_prepare.source import separate_checked
from support.nnef_graphs import BODIES, NUMPY_ONLY, graph_of, sample

Arrays = dict[str, NDArray[np.generic]]
UNCONVERTED = {*NUMPY_ONLY, "update", "avg_roi_pool", "max_roi_pool", "roi_resample"} | {
    *("avg_roi_align", "max_roi_align")
}


def outputs(model: ModelProto, feeds: Arrays) -> Arrays:
    session = ort.InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def check(graph: Graph, variables: Arrays, feeds: Arrays, folder: Path) -> None:
    """Both back ends agree, and what was made passes every check of an uploaded model."""
    model = to_onnx(graph, variables)
    separate_checked(model, folder)
    expected = run(graph, variables, feeds)
    for name, found in outputs(model, feeds).items():
        assert found.dtype == expected[name].dtype
        assert found.shape == graph.tensors[name].shape
        np.testing.assert_allclose(found, expected[name], rtol=1e-5, atol=1e-5)


@pytest.mark.requirement("R156")
@pytest.mark.requirement("R156b")
@pytest.mark.parametrize(
    ("name", "body"), [(name, body) for name, bodies in BODIES.items() for body in bodies]
)
def test_two_back_ends_give_the_same(name: str, body: str, tmp_path: Path) -> None:
    check(graph_of(body), {}, {"x": sample()}, tmp_path)


def test_every_operation_is_shown_or_refused() -> None:
    data = {"external", "constant", "variable"}
    assert standard().keys() == data | BODIES.keys() | UNCONVERTED


@pytest.mark.requirement("R156")
def test_variables_of_every_type(tmp_path: Path) -> None:
    graph = graph_of(
        "k = variable<scalar>(shape = [5, 4, 3, 3], label = 'k'); "
        "b = variable<scalar>(shape = [1, 5], label = 'b'); "
        "m = variable<logical>(shape = [1, 5], label = 'm'); "
        "i = variable<integer>(shape = [2], label = 'i'); "
        "c = conv(x, k, b); s = select(m, c, b); y = gather(s, i, axis = 1); z = copy(m);",
        outputs="y, z",
    )
    variables: Arrays = {
        "k": sample((5, 4, 3, 3), 1),
        "b": sample((1, 5), 2),
        "m": np.array([[True, False, True, False, True]]),
        "i": np.array([3, 0]),
    }
    check(graph, variables, {"x": sample()}, tmp_path)


@pytest.mark.parametrize(
    ("body", "outputs"),
    [
        ("a = lt(x, 0.5); y = any_reduce(a, axes = [1]); z = not(a);", "y, z"),
        ("y = argmax_reduce(x, axes = [2]);", "y"),
        ("y, z = moments(x, axes = [1, 2]);", "y, z"),
        ("[y, z] = split(x, axis = 1, ratios = [3, 1]);", "y, z"),
        ("[y, z, v, w] = unstack(x, axis = 1);", "y, w, z"),
        ("y = sum_reduce(x, axes = []);", "y"),
        ("y = max_reduce(x, axes = []);", "y"),
        ("y = select(true, x, x);", "y"),
        ("k = constant<scalar>(shape = [4, 4, 1, 1], value = [1.0]); "
         "y = conv(x, k, border = 'replicate', padding = [(1, 1), (1, 1)]);", "y"),
        ("y = max_pool(x, size = [1, 1, 3, 3], border = 'reflect');", "y"),
        ("a = constant<scalar>(shape = [2, 4, 9], value = [0.5]); y = clamp(x, a, 1.0);", "y"),
    ],
)  # fmt: skip
def test_other_types_and_several_outputs(body: str, outputs: str, tmp_path: Path) -> None:
    check(graph_of(body, outputs=outputs), {}, {"x": sample()}, tmp_path)


@pytest.mark.parametrize(
    "body",
    [
        *(bodies[0] for bodies in NUMPY_ONLY.values()),
        "y = pad(x, padding = [(0, 0), (0, 0), (1, 1), (1, 1)], border = 'reflect-even');",
        "y = max_pool(x, size = [1, 2, 2, 2]);",
        "y = max_pool(x, size = [1, 1, 2, 2], stride = [1, 2, 1, 1]);",
        "y = avg_pool(x, size = [1, 1, 2, 2], dilation = [1, 1, 2, 2]);",
        "y = multilinear_upsample(x, factor = [2, 2], border = 'constant');",
        "y = local_response_normalization(x, size = [1, 1, 3, 3]);",
        "i = argmax_reduce(x, axes = [1, 2]); y = cast<scalar>(i);",
        "k = constant<scalar>(shape = [4, 4, 1, 1], value = [1.0]); "
        "m = mean_reduce(x, axes = [0, 2, 3]); b = squeeze(m, axes = [2, 3]); "
        "s = sum_reduce(b, axes = [1]); y = conv(x, k, s);",
        "v = variable(shape = [1], label = 'v'); y = update(v, v);",
    ],
)  # fmt: skip
def test_what_onnx_has_not_is_refused_by_name(body: str) -> None:
    with pytest.raises(NnefUnsupported) as refusal:
        to_onnx(graph_of(body), {"v": np.ones(1, np.float32)})
    assert refusal.value.detail


def test_variables_must_be_there() -> None:
    with pytest.raises(NnefInvalid):
        to_onnx(graph_of("y = variable(shape = [1], label = 'v');"), {})


def test_what_one_file_cannot_hold_is_refused() -> None:
    graph = graph_of(
        "v = variable(shape = [536870912], label = 'v'); a = mul(v, 2.0); y = relu(x);"
    )
    huge = np.broadcast_to(np.float32(0), (2**29,))
    assert huge.nbytes > MAX_BYTES
    with pytest.raises(ModelTooLarge):
        to_onnx(graph, {"v": huge})


def test_constants_of_one_number_take_no_memory_before_they_are_refused() -> None:
    graph = graph_of(
        "c = constant<scalar>(shape = [536870912], value = [1.0]); a = mul(c, 2.0); y = relu(x);"
    )
    tracemalloc.start()
    try:
        with pytest.raises(ModelTooLarge):
            to_onnx(graph, {})
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_constants_of_one_number_are_written_whole() -> None:
    graph = graph_of("c = constant<scalar>(shape = [1, 4], value = [1.5]); y = mul(x, c);")
    [constant] = to_onnx(graph, {}).graph.initializer
    assert numpy_helper.to_array(constant).reshape(-1).tolist() == [1.5] * 4
