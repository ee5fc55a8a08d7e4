"""Patches are what onnxruntime multiplies a layer's rows with, whatever the layer's settings."""

from typing import Any

import numpy as np
import pytest

from fivegms_prepare.optimise import patches
from fivegms_prepare.optimise.draft import Draft
from fivegms_prepare.optimise.layers import Layer, layers
from support.onnx_graphs import model_of, node
from support.stages import outputs, separated

SETTINGS: list[dict[str, Any]] = [
    {},
    {"pads": [1, 0, 2, 3]},
    {"strides": [2, 3], "pads": [1, 1, 1, 1]},
    {"dilations": [2, 1]},
    {"dilations": [2, 2], "strides": [3, 2], "pads": [2, 2, 2, 2]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
    {"auto_pad": "VALID"},
    {"group": 2},
    {"group": 8, "pads": [1, 1, 1, 1]},
]


def product(layer: Layer, weight: np.ndarray, taken: np.ndarray, given: np.ndarray) -> np.ndarray:
    inputs = patches.sampled_inputs(layer, taken, given.shape, batch=3)
    grouped = inputs.reshape(len(inputs), layer.groups, -1)
    rows = layer.rows(weight).reshape(layer.groups, -1, grouped.shape[2])
    return np.einsum("pgn,gon->pgo", grouped, rows).reshape(len(inputs), -1)


@pytest.mark.parametrize("settings", SETTINGS)
def test_convolutions(settings: dict[str, Any]) -> None:
    random = np.random.default_rng(0)
    weight = random.standard_normal((16, 8 // settings.get("group", 1), 3, 2), np.float32)
    model = separated(
        model_of(
            [node("Conv", "x w", "y", **settings)],
            {"x": ("float32", [2, 8, 23, 30])},
            {"y": ("float32", [2, 16, "h", "w"])},
            {"w": weight},
        )
    )
    (layer,) = layers(Draft(model))
    x = random.standard_normal((2, 8, 23, 30), np.float32)
    (y,) = outputs(model, {"x": x})
    expected = patches.sampled_outputs(layer, y, batch=3)
    assert len(expected) == min(patches.POSITIONS, y[:, 0].size)
    assert np.allclose(product(layer, weight, x, y), expected, atol=1e-4)


@pytest.mark.parametrize("turned", [0, 1])
def test_matrices(turned: int) -> None:
    random = np.random.default_rng(0)
    weight = random.standard_normal((24, 16), np.float32)
    width = weight.shape[1 if turned else 0]
    model = separated(
        model_of(
            [node("Gemm", "x w", "y", transB=turned)],
            {"x": ("float32", ["N", width])},
            {"y": ("float32", ["N", weight.size // width])},
            {"w": weight},
        )
    )
    (layer,) = layers(Draft(model))
    x = random.standard_normal((2000, width), np.float32)
    (y,) = outputs(model, {"x": x})
    expected = patches.sampled_outputs(layer, y, batch=3)
    assert len(expected) == patches.POSITIONS
    assert np.allclose(product(layer, weight, x, y), expected, atol=1e-4)
