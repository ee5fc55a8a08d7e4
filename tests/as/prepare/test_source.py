"""A model's inputs and outputs have a rank, or get the one that follows from its graph."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, helper, numpy_helper

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


def with_constant_in_a_function() -> ModelProto:
    """`x` float32 [1, 100] -> `y`: `x` times a function's own constant, plus `w`."""
    values = np.random.default_rng(3).random((100, 100), np.float32)
    model = model_of(
        [helper.make_node("Project", ["x"], ["p"], domain="own"), node("Add", "p w", "y")],
        {"x": ("float32", [1, 100])},
        {"y": ("float32", [1, 100])},
        {"w": np.arange(100, dtype=np.float32)},
    )
    opset = helper.make_opsetid("", 17)
    constant = node("Constant", "", "inner", value=numpy_helper.from_array(values))
    body = [constant, node("MatMul", "given inner", "taken")]
    model.functions.append(
        helper.make_function("own", "Project", ["given"], ["taken"], body, [opset])
    )
    model.opset_import.append(helper.make_opsetid("own", 1))
    return model


def test_constants_of_functions_leave_the_topology(tmp_path: Path) -> None:
    model = with_constant_in_a_function()
    separated = separate_checked(model, Path("no folder"))
    assert sorted(weight.info.shape for weight in separated.weights) == [(100,), (100, 100)]
    assert len(separated.topology()) < 4000
    x = np.random.default_rng(4).random((1, 100), np.float32)
    direct = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
    assert np.allclose(prepare_model(model, tmp_path).load().run({"x": x})["y"], direct, rtol=1e-5)
