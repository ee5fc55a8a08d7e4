"""Shape propagation, operation by operation, and what does not go together."""

import pytest

from fivegms_codecs.nnef import errors
from support.nnef_graphs import graph_of

CASES = [
    ("max_pool(x, size = [1, 1, 2, 2])", (2, 4, 9, 8)),
    ("max_pool(x, size = [1, 1, 2, 2], stride = [1, 1, 2, 2])", (2, 4, 5, 4)),
    ("max_pool(x, size = [1, 1, 2, 2], padding = [(0, 0), (0, 0), (0, 0), (0, 0)])", (2, 4, 8, 7)),
    ("debox(x, size = [1, 1, 2, 2], stride = [1, 1, 2, 2])", (2, 4, 18, 16)),
    ("debox(x, size = [1, 1, 3, 3], padding = [(0, 0), (0, 0), (0, 0), (1, 0)])", (2, 4, 11, 9)),
    ("local_mean_normalization(x, size = [1, 3, 1, 1])", (2, 4, 9, 8)),
    ("nearest_upsample(x, factor = [2, 3])", (2, 4, 18, 24)),
    ("area_downsample(x, factor = [3, 4])", (2, 4, 3, 2)),
    ("argmax_reduce(x, axes = [1, 2])", (2, 1, 1, 8)),
    ("reshape(x, shape = [8, 0, -1])", (8, 4, 18)),
    ("transpose(x, axes = [1, 0])", (4, 2, 9, 8)),
    ("unsqueeze(x, axes = [0, 2, 5])", (1, 2, 1, 4, 9, 1, 8)),
    ("concat([x, x], axis = 1)", (2, 8, 9, 8)),
    ("stack([x, x, x], axis = 4)", (2, 4, 9, 8, 3)),
    ("slice(x, axes = [3], begin = [-3], end = [0])", (2, 4, 9, 3)),
    ("tile(x, repeats = [1, 1, 1, 2])", (2, 4, 9, 16)),
    ("pad(x, padding = [(1, 0), (0, 0), (0, 2), (0, 0)])", (3, 4, 11, 8)),
    ("gather(x, 3, axis = 1)", (2, 9, 8)),
    ("matmul(x, x, transposeA = true)", (2, 4, 8, 8)),
    ("add(x, 1.0)", (2, 4, 9, 8)),
    ("update(v, w)", (1, 4)),
    ("avg_roi_pool(x, r, b, output_size = [3, 2])", (5, 4, 3, 2)),
    ("max_roi_align(x, r, b, output_size = [3, 2], sampling_rate = [2, 2])", (5, 4, 3, 2)),
]

OPERANDS = (
    "v = variable<scalar>(shape = [1, 4], label = 'v'); "
    "w = constant<scalar>(shape = [1, 4], value = [0.0]); "
    "r = constant<scalar>(shape = [5, 4], value = [0.0]); "
    "b = constant<integer>(shape = [5], value = [0]); "
    "k = variable<scalar>(shape = [6, 2, 3, 3], label = 'k'); "
    "m = variable<scalar>(shape = [3, 5], label = 'm'); "
)


@pytest.mark.requirement("R158d")
@pytest.mark.parametrize(("call", "shape"), CASES)
def test_a_regular_tensor_has_the_shape_that_its_operation_gives(
    call: str, shape: tuple[int, ...]
) -> None:
    assert graph_of(f"{OPERANDS} y = {call};").tensors["y"].shape == shape


REFUSED = [
    ("add(x, r)", errors.ShapeInvalid),
    ("prelu(v, x)", errors.ShapeInvalid),
    ("update(v, r)", errors.ShapeInvalid),
    ("conv(x, k)", errors.ShapeInvalid),
    ("conv(x, k, w, groups = 2)", errors.ShapeInvalid),
    ("conv(x, k, groups = -1)", errors.ArgumentInvalid),
    ("conv(x, k, groups = 2, padding = [(0, 0)])", errors.ArgumentInvalid),
    ("conv(x, k, groups = 2, stride = [0, 1])", errors.ArgumentInvalid),
    ("conv(x, k, groups = 2, border = 'none')", errors.ArgumentInvalid),
    ("conv(x, k, groups = 2, dilation = [5, 1], padding = [(0, 0), (0, 0)])", errors.ShapeInvalid),
    ("conv(x, v)", errors.ShapeInvalid),
    ("deconv(x, k)", errors.ShapeInvalid),
    ("deconv(x, k, output_shape = [1])", errors.ArgumentInvalid),
    ("separable_conv(x, k, k)", errors.ShapeInvalid),
    ("max_pool(x, size = [2, 2])", errors.ArgumentInvalid),
    ("box(x, size = [1, 1, 0, 1])", errors.ArgumentInvalid),
    ("debox(x, size = [1, 1, 1, 1], output_shape = [2, 4, 9, 9])", errors.ShapeInvalid),
    (
        "debox(x, size = [1, 1, 1, 1], padding = [(9, 9), (0, 0), (0, 0), (0, 0)])",
        errors.ShapeInvalid,
    ),
    ("sample(x, b, size = [1, 1, 2, 2])", errors.ShapeInvalid),
    ("desample(x, b, size = [1, 1, 2, 2])", errors.ShapeInvalid),
    ("local_mean_normalization(x, size = [1])", errors.ArgumentInvalid),
    ("softmax(x, axes = [4])", errors.ArgumentInvalid),
    ("sum_reduce(x, axes = [1, 1])", errors.ArgumentInvalid),
    ("nearest_upsample(x, factor = [2])", errors.ArgumentInvalid),
    ("area_downsample(x, factor = [2, 2])", errors.ShapeInvalid),
    ("reshape(x, shape = [-1, -1])", errors.ArgumentInvalid),
    ("reshape(x, shape = [5])", errors.ShapeInvalid),
    ("reshape(x, shape = [5, -1])", errors.ShapeInvalid),
    ("reshape(x, shape = [0, 0, 0, 0, 0])", errors.ArgumentInvalid),
    ("reshape(x, shape = [1], axis_start = 5)", errors.ArgumentInvalid),
    ("transpose(x, axes = [0, 0])", errors.ArgumentInvalid),
    ("squeeze(x, axes = [0])", errors.ShapeInvalid),
    ("concat([x, r], axis = 0)", errors.ShapeInvalid),
    ("concat([x, x], axis = 4)", errors.ArgumentInvalid),
    ("stack([x, r], axis = 0)", errors.ShapeInvalid),
    ("slice(x, axes = [0], begin = [0, 1], end = [1])", errors.ArgumentInvalid),
    ("slice(x, axes = [0], begin = [0], end = [1], stride = [0])", errors.ArgumentInvalid),
    ("slice(x, axes = [0], begin = [1], end = [1])", errors.ShapeInvalid),
    ("slice(x, axes = [3], begin = [5], end = [2])", errors.ShapeInvalid),
    ("tile(x, repeats = [1])", errors.ArgumentInvalid),
    ("pad(x, padding = [(0, 0)])", errors.ArgumentInvalid),
    ("pad(x, padding = [(-1, 0), (0, 0), (0, 0), (0, 0)])", errors.ArgumentInvalid),
    ("pad(x, padding = [(0, 0), (0, 0), (0, 0), (0, 0)], border = 'odd')", errors.ArgumentInvalid),
    ("matmul(x, r)", errors.ShapeInvalid),
    ("matmul(x, x)", errors.ShapeInvalid),
    ("linear(r, m)", errors.ShapeInvalid),
    ("avg_roi_pool(x, v, b, output_size = [1, 1])", errors.ShapeInvalid),
    ("avg_roi_pool(x, r, b, output_size = [1])", errors.ArgumentInvalid),
    ("add_n([x, r])", errors.ShapeInvalid),
]


@pytest.mark.parametrize(("call", "refusal"), REFUSED)
def test_shapes_that_do_not_go_together_are_refused(
    call: str, refusal: type[errors.NnefError]
) -> None:
    with pytest.raises(refusal):
        graph_of(f"{OPERANDS} y = {call};")


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        ("split(x, axis = 1, ratios = [1, 2])", errors.ShapeInvalid),
        ("split(x, axis = 1, ratios = [0, 1])", errors.ArgumentInvalid),
        ("unstack(x, axis = 4)", errors.ArgumentInvalid),
        ("copy_n(x, times = 0)", errors.ArgumentInvalid),
        ("moments(x, axes = [7])", errors.ArgumentInvalid),
    ],
)
def test_the_same_of_operations_with_several_results(
    call: str, refusal: type[errors.NnefError]
) -> None:
    with pytest.raises(refusal):
        graph_of(f"z = {call}; y = relu(x);")
