"""Layers become products of two of lower rank, exactly as near as the spectrum says."""

import numpy as np
import pytest
from onnx import ModelProto

from fivegms_api.model_stages import parse_stage
from fivegms_prepare.errors import CalibrationMissing, StageImpossible
from fivegms_prepare.optimise import report
from support.onnx_graphs import classifier, model_of, node, perceptron
from support.stages import optimised, outputs, random_feeds, separated

IMAGE = {"x": np.random.default_rng(1).standard_normal((2, 3, 16, 16)).astype(np.float32)}
ROW = {"x": np.random.default_rng(1).standard_normal((5, 16)).astype(np.float32)}


def of_rank(rank: int) -> ModelProto:
    """Two matrices and a convolution whose weights have that rank and no more."""
    random = np.random.default_rng(3)

    def weights(rows: int, columns: int) -> np.ndarray:
        product = random.standard_normal((rows, rank)) @ random.standard_normal((rank, columns))
        return (product / np.sqrt(columns)).astype(np.float32)

    return model_of(
        [
            node("Conv", "x w1 b1", "c", pads=[1, 0, 2, 1], strides=[2, 1], dilations=[1, 2]),
            node("GlobalAveragePool", "c", "p"),
            node("Flatten", "p", "f"),
            node("Gemm", "f w2 b2", "g", transB=1, alpha=0.5, beta=2.0),
            node("MatMul", "g w3", "y"),
        ],
        {"x": ("float32", ["N", 8, 12, 12])},
        {"y": ("float32", ["N", 24])},
        {
            "w1": weights(32, 72).reshape(32, 8, 3, 3),
            "b1": random.standard_normal(32).astype(np.float32),
            "w2": weights(40, 32),
            "b2": random.standard_normal(40).astype(np.float32),
            "w3": weights(40, 24),
        },
    )


@pytest.mark.requirement("R139")
@pytest.mark.parametrize("setting", ["rank=4", "energy=0.999999", "ratio=0.15"])
def test_weights_of_low_rank_lose_nothing(setting: str) -> None:
    model = separated(of_rank(4))
    product = optimised(model, f"low-rank:{setting}")
    x = {"x": np.random.default_rng(0).standard_normal((2, 8, 12, 12)).astype(np.float32)}
    assert np.allclose(outputs(product, x)[0], outputs(model, x)[0], atol=1e-4)
    assert product.weights_bytes < model.weights_bytes / 2
    kinds = [node.op_type for node in product.graph.graph.node]
    assert kinds.count("Conv") == 2
    assert kinds.count("MatMul") == 3
    assert kinds.count("Gemm") == 1


@pytest.mark.requirement("R139")
def test_the_error_falls_and_bytes_rise_with_the_rank() -> None:
    model = separated(classifier(width=32))
    expected = outputs(model, IMAGE)[0]
    found = []
    for rank in (2, 4, 8, 16):
        product = optimised(model, f"low-rank:rank={rank}")
        error = float(np.abs(outputs(product, IMAGE)[0] - expected).max())
        found.append((product.weights_bytes, error))
    assert found == sorted(found, key=lambda pair: (pair[0], -pair[1]))
    assert all(size < model.weights_bytes for size, _ in found)


def test_the_smaller_factor_is_the_nearest_of_its_rank() -> None:
    model = separated(perceptron(hidden=64))
    product = optimised(model, "low-rank:rank=6")
    arrays = {weight.name: weight.array() for weight in (*model.weights, *product.weights)}
    left = arrays["w1"] - arrays["w1.first"] @ arrays["w1.second"]
    values = np.linalg.svd(arrays["w1"], compute_uv=False)
    assert np.linalg.norm(left) == pytest.approx(np.linalg.norm(values[6:]), rel=1e-4)


def test_layers_that_would_grow_stay() -> None:
    product = optimised(separated(perceptron(hidden=64)), "low-rank:rank=4")
    assert {"w1.first", "w1.second", "w2"} <= {
        tensor.name for tensor in product.graph.graph.initializer
    }


def test_nothing_to_gain_is_refused() -> None:
    with pytest.raises(StageImpossible, match="no layer gets smaller"):
        optimised(separated(perceptron()), "low-rank:rank=60000")


def test_numbers_that_are_not_finite_are_refused() -> None:
    model = perceptron()
    broken = np.full((16, 64), np.nan, np.float32)
    model.graph.initializer[0].raw_data = broken.tobytes()
    with pytest.raises(StageImpossible, match="not finite"):
        optimised(separated(model), "low-rank:rank=2")


def test_a_weight_of_two_layers_is_factorised_once() -> None:
    weight = np.random.default_rng(0).standard_normal((32, 32)).astype(np.float32)
    model = separated(
        model_of(
            [node("MatMul", "x w", "h"), node("Relu", "h", "r"), node("MatMul", "r w", "y")],
            {"x": ("float32", ["N", 32])},
            {"y": ("float32", ["N", 32])},
            {"w": weight},
        )
    )
    product = optimised(model, "low-rank:rank=8")
    assert [weight.name for weight in product.weights] == ["w.first", "w.second"]
    assert len(product.graph.graph.node) == 5


@pytest.mark.requirement("R139")
def test_refitting_brings_outputs_nearer() -> None:
    model = separated(classifier(width=32))
    data = random_feeds(4, 3, 16, 16, count=8)
    expected = outputs(model, IMAGE)[0]
    plain = optimised(model, "low-rank:rank=6")
    fitted = optimised(model, "low-rank:rank=6,retrain=least-squares", calibration=data)
    error = [float(np.abs(outputs(m, IMAGE)[0] - expected).mean()) for m in (plain, fitted)]
    assert error[1] < error[0]
    with pytest.raises(CalibrationMissing):
        optimised(model, "low-rank:rank=6,retrain=least-squares")


def test_what_is_reported() -> None:
    stage = parse_stage("low-rank:rank=4")
    model = separated(perceptron())
    text = report(stage, model, optimised(model, "low-rank:rank=4"))
    assert text == "1 of 2 layers replaced by products, 640 of 1344 numbers left"


@pytest.mark.requirement("R139")
def test_a_weight_that_serves_two_layers_in_both_directions() -> None:
    random = np.random.default_rng(0)
    weight = random.standard_normal((64, 8)) @ random.standard_normal((8, 64))
    model = separated(
        model_of(
            [node("MatMul", "x w", "1"), node("Gemm", "1 w", "y", transB=1)],
            {"x": ("float32", ["N", 64])},
            {"y": ("float32", ["N", 64])},
            {"w": weight.astype(np.float32)},
        )
    )
    feeds = {"x": random.standard_normal((4, 64)).astype(np.float32)}
    product = optimised(model, "low-rank:rank=8")
    expected, found = outputs(model, feeds)[0], outputs(product, feeds)[0]
    assert np.allclose(found, expected, atol=1e-4 * np.abs(expected).max())
