"""Networks computed with numpy, held against what is known of the operations."""

import numpy as np
import pytest

from fivegms_codecs.nnef import errors, run, standard
from fivegms_codecs.nnef.interpreter import NdArrays
from fivegms_codecs.nnef.primitives import PRIMITIVES
from fivegms_codecs.nnef.sliding import MAX_PLACES
from support.nnef_graphs import BODIES, NUMPY_ONLY, graph_of, sample

UNCOMPUTED = {"avg_roi_pool", "max_roi_pool", "roi_resample", "update"}


def computed(body: str, inputs: NdArrays | None = None) -> np.ndarray:
    x = sample() if inputs is None else inputs["x"]
    return run(graph_of(body, shape=x.shape), {}, {"x": x})["y"]


@pytest.mark.requirement("R157d")
def test_every_primitive_operation_but_those_of_regions_is_computed() -> None:
    primitive = {name for name, fragment in standard().items() if fragment.body is None}
    assert primitive - PRIMITIVES.keys() == UNCOMPUTED | {"external", "variable"}


@pytest.mark.parametrize(
    ("name", "body"),
    [(name, body) for name, all_ in (BODIES | NUMPY_ONLY).items() for body in all_],
)
def test_what_comes_out_has_the_shape_that_was_propagated(name: str, body: str) -> None:
    graph = graph_of(body)
    result = run(graph, {}, {"x": sample()})["y"]
    assert result.shape == graph.tensors["y"].shape
    assert result.dtype == np.float32, name


def test_a_convolution_is_the_sum_that_it_is_defined_as() -> None:
    x = sample((1, 2, 5, 4))
    kernel = sample((3, 2, 2, 3), seed=1)
    graph = graph_of(
        "k = variable<scalar>(shape = [3, 2, 2, 3], label = 'k'); "
        "y = conv(x, k, 1.0, padding = [(0, 0), (0, 0)], stride = [2, 1], dilation = [2, 1]);",
        shape=x.shape,
    )
    y = run(graph, {"k": kernel}, {"x": x})["y"]
    assert y.shape == (1, 3, 2, 2)
    for m, i, j in np.ndindex(3, 2, 2):
        taps = x[0, :, 2 * i : 2 * i + 3 : 2, j : j + 3]
        assert y[0, m, i, j] == pytest.approx(1 + (taps * kernel[m]).sum(), abs=1e-5)


def test_unpooling_puts_each_maximum_back_where_it_was() -> None:
    x = sample()
    [body] = NUMPY_ONLY["desample"]
    y = computed(body)
    [kept] = np.nonzero(y.reshape(-1))
    assert len(kept) == y.size // 12
    np.testing.assert_array_equal(y.reshape(-1)[kept], x.reshape(-1)[kept])


def test_a_border_takes_part_or_not() -> None:
    x = -np.ones((1, 1, 3, 3), np.float32)
    pool = "size = [1, 1, 3, 3], padding = [(0, 0), (0, 0), (1, 1), (1, 1)]"
    assert computed(f"y = max_pool(x, {pool}, border = 'ignore');", {"x": x}).max() == -1
    assert computed(f"y = max_pool(x, {pool}, border = 'constant');", {"x": x}).max() == 0
    assert computed(f"y = max_pool(x, {pool}, border = 'replicate');", {"x": x}).max() == -1
    assert computed(f"y = avg_pool(x, {pool}, border = 'ignore');", {"x": x}).max() == -1
    corners = computed(f"y = avg_pool(x, {pool}, border = 'constant');", {"x": x})
    assert corners[0, 0, 0, 0] == pytest.approx(-4 / 9)


def test_halves_are_rounded_away_from_zero() -> None:
    x = np.array([-1.5, -0.5, 0.5, 2.5], np.float32)
    assert computed("y = round(x);", {"x": x}).tolist() == [-2, -1, 1, 3]


def test_reflection_with_and_without_the_edge() -> None:
    x = np.array([1, 2, 3], np.float32)
    pad = "y = pad(x, padding = [(2, 1)], border = '{}');"
    assert computed(pad.format("reflect"), {"x": x}).tolist() == [3, 2, 1, 2, 3, 2]
    assert computed(pad.format("reflect-even"), {"x": x}).tolist() == [2, 1, 1, 2, 3, 3]


def test_the_first_of_equals_is_the_largest() -> None:
    x = np.array([[0, 3, 3], [1, 1, 0]], np.float32)
    index = computed("i = argmax_reduce(x, axes = [1]); y = cast<scalar>(i);", {"x": x})
    assert index.tolist() == [[1], [0]]
    index = computed("i = argmin_reduce(x, axes = [0, 1]); y = cast<scalar>(i);", {"x": x})
    assert index.tolist() == [[0]]


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ("v = variable(shape = [1], label = 'v'); y = add(x, v);", errors.VariableMissing),
        ("v = variable(shape = [1], label = 'w'); y = add(x, v);", errors.VariableMismatch),
        (
            "v = variable(shape = [1], label = 'u'); y = update(v, v);",
            errors.Unsupported,
        ),
        (
            "y = multilinear_upsample(x, factor = [2, 2], border = 'constant');",
            errors.Unsupported,
        ),
        (
            "i = constant<integer>(shape = [1], value = [9]); y = gather(x, i, axis = 1);",
            errors.ArgumentInvalid,
        ),
        (f"y = box(x, size = [1, 1, {MAX_PLACES}, 2]);", errors.TooLarge),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(
    body: str, refusal: type[errors.NnefError]
) -> None:
    with pytest.raises(refusal):
        run(graph_of(body), {"w": np.ones(2), "u": np.ones(1)}, {"x": sample()})


def test_an_input_must_have_its_shape() -> None:
    with pytest.raises(errors.VariableMismatch):
        run(graph_of("y = relu(x);"), {}, {"x": sample((1, 4, 9, 8))})
    with pytest.raises(errors.VariableMissing):
        run(graph_of("y = relu(x);"), {}, {})
