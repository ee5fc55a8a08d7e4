"""Small NNEF graphs: every operation that can be computed, on one input or two."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.nnef import Graph, NnefLimits, read_graph
from fivegms_codecs.nnef.limits import DEFAULT_LIMITS

SHAPE = (2, 4, 9, 8)

FRAGMENTS = "extension KHR_enable_fragment_definitions;"
OPERATORS = "extension KHR_enable_operator_expressions;"


def graph_of(
    body: str,
    *,
    outputs: str = "y",
    shape: tuple[int, ...] = SHAPE,
    before: str = "",
    limits: NnefLimits = DEFAULT_LIMITS,
) -> Graph:
    """A graph with one external tensor `x` and a body; `before` comes before the graph."""
    return read_graph(text_of(body, outputs=outputs, shape=shape, before=before), limits)


def text_of(
    body: str, *, outputs: str = "y", shape: tuple[int, ...] = SHAPE, before: str = ""
) -> str:
    """The text of such a graph."""
    external = f"x = external<scalar>(shape = {list(shape)});"
    return f"version 1.0; {before} graph net(x) -> ({outputs}) {{ {external} {body} }}"


def sample(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> NDArray[np.float32]:
    """Numbers of both signs."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _conv(operation: str, kernel: str, rest: str) -> str:
    values = ", ".join(f"{0.1 * (i % 7) - 0.3:.1f}" for i in range(_volume(kernel)))
    return (
        f"k = constant<scalar>(shape = [{kernel}], value = [{values}]); "
        f"y = {operation}(x, k, 0.5, {rest});"
    )


def _volume(shape: str) -> int:
    return int(np.prod([int(size) for size in shape.split(",")]))


_PLACES = (
    "padding = [(1, 1), (1, 1)]",
    "stride = [2, 2]",
    "dilation = [2, 2]",
    "padding = [(1, 2), (0, 1)], stride = [2, 3]",
)
_POOLS = (
    "padding = [(0, 0), (0, 0), (1, 1), (1, 1)]",
    "stride = [1, 1, 2, 2]",
    "padding = [(0, 0), (0, 0), (1, 0), (0, 1)], stride = [1, 1, 2, 3]",
)
_POSITIVE = ("log", "sqrt", "rsqr", "rsqrt", "log2", "rcp")

BODIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **{
            name: (f"y = {name}(x);",)
            for name in (
                *("copy", "neg", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asinh"),
                *("atan", "abs", "sign", "floor", "ceil", "round", "sqr", "relu", "sigmoid"),
                *("elu", "selu", "gelu", "silu", "softplus"),
            )
        },
        **{name: (f"p = abs(x); q = add(p, 0.1); y = {name}(q);",) for name in _POSITIVE},
        **{name: (f"s = tanh(x); y = {name}(s);",) for name in ("asin", "acos", "atanh")},
        "acosh": ("p = abs(x); q = add(p, 1.1); y = acosh(q);",),
        "pow": ("p = abs(x); q = add(p, 0.1); y = pow(q, 1.5);",),
        **{
            name: (
                f"y = {name}(x, 0.5);",
                "m = mean_reduce(x, axes = [2, 3]); n = squeeze(m, axes = [2, 3]); "
                f"y = {name}(x, n);",
            )
            for name in ("add", "sub", "mul", "div", "min", "max")
        },
        **{
            name: (f"c = {name}(x, 0.5); y = select(c, x, 0.0);",)
            for name in ("lt", "le", "gt", "ge", "eq", "ne")
        },
        **{
            name: (f"a = lt(x, 0.5); b = gt(x, -0.5); c = {name}(a, b); y = select(c, x, 0.0);",)
            for name in ("and", "or")
        },
        "not": ("a = lt(x, 0.5); c = not(a); y = select(c, x, 0.0);",),
        "select": ("c = lt(x, 0.5); y = select(c, x, 2.0);",),
        "clamp": ("y = clamp(x, -0.5, 0.5);",),
        "cast": ("c = lt(x, 0.5); y = cast<scalar>(c);",),
        "softabs": ("y = softabs(x, epsilon = 0.1);",),
        "leaky_relu": ("y = leaky_relu(x, alpha = 0.1);",),
        "prelu": (
            "a = constant<scalar>(shape = [1, 4], value = [0.1, 0.2, 0.3, 0.4]); y = prelu(x, a);",
        ),
        "conv": tuple(
            _conv("conv", kernel, f"{place}, groups = {groups}")
            for place in _PLACES
            for kernel, groups in (("4, 4, 3, 3", 1), ("4, 2, 3, 3", 2), ("8, 1, 3, 3", 0))
        ),
        "deconv": (
            *(
                _conv("deconv", "4, 3, 3, 3", f"{place}, groups = {groups}")
                for place in _PLACES
                for groups in (1, 2)
            ),
            _conv(
                "deconv",
                "4, 3, 3, 3",
                "stride = [2, 2], padding = [(1, 1), (1, 1)], output_shape = [2, 3, 18, 15]",
            ),
        ),
        "separable_conv": (
            "k = constant<scalar>(shape = [4, 1, 3, 3], value = [0.1]); "
            "p = constant<scalar>(shape = [5, 4, 1, 1], value = [0.2]); "
            "y = separable_conv(x, k, p, 0.5, stride = [2, 1]);",
        ),
        "separable_deconv": (
            "k = constant<scalar>(shape = [3, 1, 3, 3], value = [0.1]); "
            "p = constant<scalar>(shape = [4, 3, 1, 1], value = [0.2]); "
            "y = separable_deconv(x, k, p, 0.5, stride = [2, 1]);",
        ),
        **{
            name: tuple(
                f"y = {name}(x, size = [1, 1, 3, 3], border = '{border}', {place});"
                for border in ("ignore", "constant")
                for place in _POOLS
            )
            for name in ("max_pool", "avg_pool", "rms_pool", "box")
        },
        "nearest_upsample": ("y = nearest_upsample(x, factor = [2, 3]);",),
        "nearest_downsample": ("y = nearest_downsample(x, factor = [3, 2]);",),
        "area_downsample": ("y = area_downsample(x, factor = [3, 2]);",),
        "multilinear_upsample": tuple(
            f"y = multilinear_upsample(x, factor = [2, 2], method = '{method}');"
            for method in ("symmetric", "asymmetric", "aligned")
        ),
        **{
            name: (f"y = {name}(x, axes = [1, 3]);",)
            for name in ("sum_reduce", "max_reduce", "min_reduce", "mean_reduce")
        },
        **{
            name: (f"i = {name}(x, axes = [1]); y = cast<scalar>(i);",)
            for name in ("argmax_reduce", "argmin_reduce")
        },
        **{
            name: (f"c = lt(x, 0.5); d = {name}(c, axes = [1, 3]); y = cast<scalar>(d);",)
            for name in ("any_reduce", "all_reduce")
        },
        "moments": ("m, y = moments(x, axes = [1, 2]);",),
        "reshape": (
            "y = reshape(x, shape = [0, -1]);",
            "y = reshape(x, shape = [2, 2, 9], axis_start = 1, axis_count = 2);",
        ),
        "transpose": ("y = transpose(x, axes = [1, 0]);", "y = transpose(x, axes = [0, 2, 3, 1]);"),
        "squeeze": ("a = sum_reduce(x, axes = [1, 3]); y = squeeze(a, axes = [1, 3]);",),
        "unsqueeze": ("y = unsqueeze(x, axes = [0, 3]);",),
        "concat": ("y = concat([x, x, x], axis = 2);",),
        "split": ("[a, b] = split(x, axis = 3, ratios = [1, 3]); y = concat([b, a], axis = 3);",),
        "stack": ("y = stack([x, x], axis = 2);",),
        "unstack": ("a = unstack(x, axis = 1); y = stack(a, axis = 0);",),
        "slice": (
            "y = slice(x, axes = [2, 3], begin = [1, -3], end = [0, -1]);",
            "y = slice(x, axes = [2, 3], begin = [1, 6], end = [8, 1], stride = [2, -2]);",
            "y = slice(x, axes = [2], begin = [8], end = [-10], stride = [-1]);",
        ),
        "tile": ("y = tile(x, repeats = [1, 2, 1, 3]);",),
        "pad": (
            "y = pad(x, padding = [(0, 0), (0, 0), (1, 2), (2, 1)], value = 0.5);",
            "y = pad(x, padding = [(0, 0), (0, 0), (1, 2), (2, 1)], border = 'reflect');",
            "y = pad(x, padding = [(0, 0), (0, 0), (1, 2), (2, 1)], border = 'replicate');",
        ),
        "gather": (
            "i = constant<integer>(shape = [2, 2], value = [3, 0, 1, 1]); "
            "y = gather(x, i, axis = 2);",
        ),
        "matmul": (
            "y = matmul(x, x, transposeB = true);",
            "y = matmul(x, x, transposeA = true);",
        ),
        "linear": (
            "r = reshape(x, shape = [2, -1]); "
            "k = constant<scalar>(shape = [3, 288], value = [0.1]); y = linear(r, k, 0.5);",
        ),
        "softmax": ("y = softmax(x);", "y = softmax(x, axes = [2, 3]);"),
        "batch_normalization": (
            "k = constant<scalar>(shape = [1, 4], value = [0.1, 0.2, 0.3, 0.4]); "
            "y = batch_normalization(x, k, k, k, k, epsilon = 0.001);",
            "y = batch_normalization(x, 0.1, 0.5, 0.2, 2.0, epsilon = 0.001);",
        ),
        "local_response_normalization": (
            "y = local_response_normalization(x, size = [1, 5, 1, 1], alpha = 0.1);",
        ),
        **{
            name: (f"y = {name}(x, size = [1, 1, 3, 3]);",)
            for name in ("local_mean_normalization",)
        },
        **{
            name: (f"y = {name}(x, size = [1, 1, 3, 3], epsilon = 0.1);",)
            for name in ("local_variance_normalization", "local_contrast_normalization")
        },
        **{
            name: (f"y = {name}(x, axes = [1], epsilon = 0.001);",)
            for name in ("l1_normalization", "l2_normalization")
        },
        "linear_quantize": ("y = linear_quantize(x, min = -1.0, max = 1.0, bits = 4);",),
        "min_max_linear_quantize": (
            "y = min_max_linear_quantize(x, min = -1.0, max = 1.0, bits = 4, signed = true, "
            "symmetric = true);",
        ),
        "zero_point_linear_quantize": (
            "y = zero_point_linear_quantize(x, zero_point = 3, scale = 0.02, bits = 8, "
            "signed = true, symmetric = false);",
        ),
        "logarithmic_quantize": ("y = logarithmic_quantize(x, max = 4.0, bits = 4);",),
        "copy_n": ("a = copy_n(x, times = 3); y = concat(a, axis = 0);",),
        "add_n": ("y = add_n([x, x, x]);",),
    }
)
"""Bodies of graphs by the operation that they show; each gives `y`."""

NUMPY_ONLY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "debox": (
            "y = debox(x, size = [1, 1, 3, 3], padding = [(0, 0), (0, 0), (1, 1), (1, 1)]);",
            "y = debox(x, size = [1, 1, 2, 2], stride = [1, 1, 2, 2], normalize = true);",
        ),
        "argmax_pool": (
            "i = argmax_pool(x, size = [1, 1, 3, 3], stride = [1, 1, 3, 3], border = 'ignore'); "
            "y = cast<scalar>(i);",
        ),
        "sample": (
            "i = argmax_pool(x, size = [1, 1, 3, 3], stride = [1, 1, 3, 3], border = 'ignore'); "
            "y = sample(x, i, size = [1, 1, 3, 3], stride = [1, 1, 3, 3], border = 'ignore');",
        ),
        "desample": (
            "p, i = max_pool_with_index(x, size = [1, 1, 3, 4], stride = [1, 1, 3, 4]); "
            "y = desample(p, i, size = [1, 1, 3, 4], stride = [1, 1, 3, 4]);",
        ),
        "max_pool_with_index": (
            "y, i = max_pool_with_index(x, size = [1, 1, 3, 3], stride = [1, 1, 3, 3]);",
        ),
    }
)
"""The same for operations that ONNX has no operator for."""
