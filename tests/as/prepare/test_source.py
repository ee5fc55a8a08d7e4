"""A model's inputs and outputs have a rank, or get the one that follows from its graph."""

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto

from fivegms_prepare.errors import UnsupportedTensor
from fivegms_prepare.source import separate_checked
from fivegms_prepare.values import inputs_of, outputs_of
from support.onnx_graphs import classifier, model_of, node
from support.preparing import prepare_model


def without_shape(model: ModelProto, where: str) -> ModelProto:
    getattr(model.graph, where)[0].type.tensor_type.ClearField("shape")
    return model


def test_an_output_without_shape_gets_the_inferred_one(tmp_path: Path) -> None:
    prepared = prepare_model(without_shape(classifier(), "output"), tmp_path)
    assert prepared.manifest.subsets[0].outputs[0].shape == ("N", 10)
    assert prepared.load().outputs[0].shape == ("N", 10)


def test_a_scalar_stays_one() -> None:
    model = model_of(
        [node("ReduceSum", "x", "y", keepdims=0)], {"x": ("float32", [])}, {"y": ("float32", [])}
    )
    graph = separate_checked(model, Path("no folder")).graph
    assert [info.shape for info in (*inputs_of(graph), *outputs_of(graph))] == [(), ()]


@pytest.mark.parametrize("where", ["input", "output"])
def test_an_unknown_rank_is_refused(where: str) -> None:
    model = model_of(
        [node("Reshape", "x s", "y")],
        {"x": ("float32", ["N", 4]), "s": ("int64", ["rank"])},
        {"y": ("float32", [])},
    )
    with pytest.raises(UnsupportedTensor, match="unknown rank"):
        separate_checked(without_shape(model, where), Path("no folder"))


def test_a_constant_input_without_shape_has_its_own() -> None:
    model = model_of(
        [node("Add", "w x", "y")],
        {"w": ("float32", [4]), "x": ("float32", [4])},
        {"y": ("float32", [4])},
        {"w": np.ones(4, np.float32)},
    )
    graph = separate_checked(without_shape(model, "input"), Path("no folder")).graph
    assert [info.name for info in inputs_of(graph)] == ["x"]
