"""Beside Khronos' own parser and executor, `nnef`: each reads what the other writes."""

from pathlib import Path

import nnef
import numpy as np
import pytest

from fivegms_codecs.nnef import (
    Graph,
    is_compound,
    package_files,
    read_graph,
    run,
    standard,
    write_graph,
)
from fivegms_codecs.nnef.tensor_file import read_tensor, write_tensor
from support.nnef_graphs import BODIES, graph_of, sample

LOWERED = [
    *("rms_pool", "selu", "silu", "gelu", "softabs", "log2", "area_downsample", "prelu", "moments"),
    *("nearest_downsample", "nearest_upsample", "l1_normalization", "l2_normalization", "clamp"),
    *("local_response_normalization", "local_mean_normalization", "local_variance_normalization"),
    *("local_contrast_normalization", "linear_quantize", "min_max_linear_quantize"),
    *("separable_conv", "separable_deconv", "batch_normalization", "logarithmic_quantize"),
]
"""Compound operations that its executor does not know itself."""

NOT_ALIKE = {
    # Its executor lacks these.
    *("acos", "acosh", "add_n", "asin", "atanh", "cast", "copy_n", "gather", "not", "unstack"),
    # It reads `0.0 if !signed else -r if symmetric else ...` of its own definition otherwise.
    "zero_point_linear_quantize",
}
CASES = [
    (name, body)
    for name, bodies in BODIES.items()
    for body in bodies
    if not any(f" {one}" in body for one in NOT_ALIKE)
    and not any(one in body for one in ("aligned", "softmax(x, axes = [2, 3])"))
]


def theirs(graph: Graph, folder: Path, x: np.ndarray) -> np.ndarray:
    for path, parts in package_files(graph, {}):
        (folder / path).write_bytes(b"".join(parts))
    [result] = nnef.Session(str(folder), lowered=LOWERED)(x)
    return np.asarray(result)


@pytest.mark.requirement("R154a")
@pytest.mark.parametrize("body", [body for bodies in BODIES.values() for body in bodies])
def test_it_reads_our_text_and_propagates_the_same_shapes(body: str) -> None:
    graph = graph_of(body)
    found = nnef.parse_string(write_graph(graph))
    nnef.infer_shapes(found)
    shapes = {name: tuple(tensor.shape) for name, tensor in found.tensors.items()}
    assert {name: shapes[name] for name in graph.tensors} == {
        name: tensor.shape for name, tensor in graph.tensors.items()
    }


@pytest.mark.requirement("R154a")
def test_we_read_its_text() -> None:
    graph = graph_of(
        "a = max_pool(x, size = [1, 1, 2, 2]); m, v = moments(a, axes = [1]); y = exp(v);"
    )
    found = nnef.parse_string(write_graph(graph))
    body = nnef.format_graph(
        found.name, found.inputs, found.outputs, found.operations, found.tensors
    )
    assert read_graph(f"{nnef.format_version((1, 0))}\n{body}") == graph


@pytest.mark.requirement("R156")
@pytest.mark.parametrize(("name", "body"), CASES)
def test_it_computes_the_same(name: str, body: str, tmp_path: Path) -> None:
    x = sample()
    graph = graph_of(body)
    ours = run(graph, {}, {"x": x})["y"]
    found = theirs(graph, tmp_path, x)
    assert found.shape == ours.shape, name
    np.testing.assert_allclose(found, ours, rtol=2e-5, atol=2e-5)


def test_its_standard_has_the_same_operations() -> None:
    """Beside those that its table of shapes has besides, and its parser does not declare."""
    assert standard().keys() <= nnef.StandardOperations
    assert nnef.StandardOperations - standard().keys() == {"avg_unpool", "max_unpool"}
    assert sum(map(is_compound, standard())) == 46


@pytest.mark.requirement("R154b")
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint16", "int64", "bool"])
def test_tensor_files_are_alike(dtype: str, tmp_path: Path) -> None:
    array = (np.arange(24).reshape(2, 3, 4) % 3).astype(dtype)
    path = tmp_path / "t.dat"
    with path.open("wb") as out:
        nnef.write_tensor(out, array)
    assert path.read_bytes() == write_tensor(array)
    with path.open("rb") as file:
        np.testing.assert_array_equal(nnef.read_tensor(file), read_tensor(path.read_bytes()).array)


@pytest.mark.requirement("R154")
def test_it_loads_our_package(tmp_path: Path) -> None:
    graph = graph_of("k = variable<scalar>(shape = [1, 4], label = 'a/k'); y = mul(x, k);")
    k = sample((1, 4))
    for path, parts in package_files(graph, {"a/k": k}):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"".join(parts))
    found = nnef.load_graph(str(tmp_path))
    np.testing.assert_array_equal(found.tensors["k"].data, k)
