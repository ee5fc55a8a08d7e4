"""Latency of a loaded model, and the comparison of a chain with the whole."""

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import ModelProto

from fivegms_engine.graph import separate
from fivegms_engine.session import InferenceEngine, LoadedModel
from fivegms_manifests.model import TensorInfo
from fivegms_prepare.errors import CompositionDiffers
from fivegms_prepare.measurement import check_same, made_up_feeds, measure_latency
from support.onnx_graphs import model_of, node


def load(model: ModelProto) -> LoadedModel:
    separated = separate(model)
    return InferenceEngine.load(
        separated.topology(), {weight.name: weight.array() for weight in separated.weights}
    )


def test_made_up_feeds() -> None:
    inputs = (
        TensorInfo("image", "float32", ("N", 3, 4, 4)),
        TensorInfo("index", "int64", ()),
        TensorInfo("mask", "bool", (2,)),
    )
    feeds = made_up_feeds(inputs)
    assert feeds is not None
    assert feeds["image"].shape == (1, 3, 4, 4)
    assert 0 <= feeds["image"].min() < feeds["image"].max() < 1
    assert feeds["index"].shape == ()
    assert not feeds["mask"].any()
    again = made_up_feeds(inputs)
    assert again is not None
    assert np.array_equal(feeds["image"], again["image"])


@pytest.mark.parametrize("shape", [(1, "width"), (2**20, 2**20), (2**62, 4)])
def test_nothing_is_made_up_for_open_or_huge_shapes(shape: tuple[int | str, ...]) -> None:
    assert made_up_feeds([TensorInfo("x", "float32", shape)]) is None


def test_latency_names_its_machine_and_engine() -> None:
    model = load(
        model_of([node("Relu", "x", "y")], {"x": ("float32", [4])}, {"y": ("float32", [4])})
    )
    latency = measure_latency(model, {"x": np.ones(4, np.float32)})
    assert latency is not None
    assert latency.p50_ms >= 0
    assert "cores" in latency.machine
    assert latency.engine.startswith("onnxruntime ")


def test_no_latency_where_made_up_numbers_do_not_run() -> None:
    model = load(
        model_of(
            [node("Reshape", "x shape", "y")],
            {"x": ("float32", [4]), "shape": ("int64", [2])},
            {"y": ("float32", [None, None])},
        )
    )
    feeds = {"x": np.ones(4, np.float32), "shape": np.array([3, 3])}
    assert measure_latency(model, feeds) is None


def one(*numbers: float, dtype: str = "float32") -> dict[str, NDArray[np.generic]]:
    return {"y": np.array(numbers, dtype)}


@pytest.mark.parametrize(
    ("whole", "chain"),
    [
        (one(1, 2), one(1, 2)),
        (one(1000, 0), one(1000, 0.09)),
        (one(np.nan, np.inf), one(np.nan, np.inf)),
        (one(1, dtype="int64"), one(1, dtype="int64")),
    ],
)
def test_same(whole: dict[str, NDArray[np.generic]], chain: dict[str, NDArray[np.generic]]) -> None:
    check_same("split", whole, chain)


@pytest.mark.requirement("R012")
@pytest.mark.parametrize(
    "chain",
    [one(1, 2.1), one(1), one(1, np.nan), {"z": np.zeros(2, np.float32)}],
)
def test_different(chain: dict[str, NDArray[np.generic]]) -> None:
    with pytest.raises(CompositionDiffers, match="'split'"):
        check_same("split", one(1, 2), chain)


def test_integers_must_be_equal() -> None:
    with pytest.raises(CompositionDiffers):
        check_same("split", one(10**6, dtype="int64"), one(10**6 + 1, dtype="int64"))
