"""Stages that other people's tools do: what comes back runs, is the same each time, is checked."""

import sys

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto

from fivegms_api.model_stages import parse_stage
from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.errors import CalibrationMissing, CustomDomain, StageImpossible
from fivegms_prepare.optimise import library, report
from fivegms_prepare.optimise.quantisation import tail
from support.onnx_graphs import classifier, model_of, node, perceptron
from support.stages import optimised, outputs, random_feeds, separated

IMAGES = random_feeds(4, 3, 16, 16)
IMAGE = next(IMAGES())
ALL = ["simplify", "quantise-dynamic", "quantise-static", "convert-fp16"]


def interface(model: SeparatedModel) -> tuple[list[bytes], list[bytes]]:
    graph = model.graph.graph
    return (
        [value.SerializeToString() for value in graph.input],
        [value.SerializeToString() for value in graph.output],
    )


@pytest.mark.requirement("R174")
@pytest.mark.parametrize("text", ALL)
def test_the_same_model_gives_the_same_bytes_and_nearly_the_same_results(text: str) -> None:
    model = separated(classifier(width=24))
    once, again = (optimised(model, text, calibration=IMAGES) for _ in range(2))
    assert once.topology() == again.topology()
    for one, other in zip(once.weights, again.weights, strict=True):
        assert np.array_equal(one.array(), other.array())
    assert interface(once) == interface(model)
    expected, found = outputs(model, IMAGE)[0], outputs(once, IMAGE)[0]
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


@pytest.mark.parametrize("text", ALL)
def test_standard_output_belongs_to_the_worker(text: str, capsys) -> None:
    optimised(separated(classifier()), text, calibration=IMAGES)
    assert capsys.readouterr().out == ""


@pytest.mark.requirement("R174")
@pytest.mark.parametrize(
    ("text", "share"), [("quantise-static", 0.4), ("quantise-dynamic", 0.4), ("convert-fp16", 0.55)]
)
def test_bytes_saved(text: str, share: float) -> None:
    model = separated(classifier(width=64))
    assert optimised(model, text, calibration=IMAGES).weights_bytes < share * model.weights_bytes


def test_simplify_folds_constants_and_drops_nodes() -> None:
    model = separated(
        model_of(
            [
                node("Constant", "", "one", value_floats=[1.0]),
                node("Add", "one one", "two"),
                node("Identity", "x", "i"),
                node("Mul", "i two", "y"),
            ],
            {"x": ("float32", ["N", 4])},
            {"y": ("float32", ["N", 4])},
        )
    )
    slim = optimised(model, "simplify")
    assert [node.op_type for node in slim.graph.graph.node] == ["Mul"]
    assert report(parse_stage("simplify"), model, slim).endswith("nodes to 1")


def test_metadata_stays() -> None:
    source = classifier()
    entry = source.metadata_props.add()
    entry.key, entry.value = "fivegms.task", "image-classification"
    for text in ALL:
        model = optimised(separated(source), text, calibration=IMAGES)
        assert [(e.key, e.value) for e in model.graph.metadata_props] == [
            ("fivegms.task", "image-classification")
        ]


def test_what_is_reported() -> None:
    model = separated(classifier(width=24))
    found = {
        text: report(parse_stage(text), model, optimised(model, text, calibration=IMAGES))
        for text in ALL[1:]
    }
    assert found == {
        "quantise-dynamic": "3 of 3 layers quantised",
        "quantise-static": "3 of 3 layers quantised",
        "convert-fp16": "4 of 4 constants in float16, 2 casts",
    }


def test_all_weights_are_float16() -> None:
    half = optimised(separated(classifier()), "convert-fp16")
    assert {t.data_type for t in half.graph.graph.initializer} == {TensorProto.FLOAT16}


@pytest.mark.parametrize("method", ["minmax", "entropy", "percentile"])
def test_every_way_to_find_ranges(method: str) -> None:
    model = separated(classifier())
    text = f"quantise-static:method={method},reduceRange=true"
    quantised = optimised(model, text, calibration=IMAGES)
    weights = [w.array() for w in quantised.weights if w.array().dtype == np.int8]
    assert weights
    assert max(int(np.abs(weight.astype(int)).max()) for weight in weights) <= 64


def test_what_only_decodes_stays_in_floats() -> None:
    model = library.joined(
        separated(
            model_of(
                [
                    node("MatMul", "x w", "1"),
                    node("Relu", "1", "2"),
                    node("MatMul", "2 v", "3"),
                    node("Sigmoid", "3", "4"),
                    node("MatMul", "4 corners", "y"),
                ],
                {"x": ("float32", ["N", 16])},
                {"y": ("float32", ["N", 4])},
                {
                    "w": np.ones((16, 16), np.float32),
                    "v": np.ones((16, 32), np.float32),
                    "corners": np.ones((32, 1), np.float32),
                },
            )
        )
    )
    assert tail(model) == ["MatMul.4", "Sigmoid.3"]


@pytest.mark.requirement("R174")
def test_static_quantisation_needs_data() -> None:
    with pytest.raises(CalibrationMissing, match="not its evaluation set"):
        optimised(separated(classifier()), "quantise-static")


@pytest.mark.parametrize("text", ["quantise-static", "quantise-dynamic"])
def test_a_quantised_model_is_not_quantised_again(text: str) -> None:
    model = optimised(separated(classifier()), "quantise-static", calibration=IMAGES)
    with pytest.raises(StageImpossible, match="quantised already"):
        optimised(model, text, calibration=IMAGES)


@pytest.mark.parametrize("text", ["quantise-static", "quantise-dynamic"])
def test_models_that_cannot_be_quantised(text: str) -> None:
    nothing = model_of([node("Relu", "x", "y")], {"x": ("float32", [1])}, {"y": ("float32", [1])})
    with pytest.raises(StageImpossible, match="no layer"):
        optimised(separated(nothing), text, calibration=random_feeds(1))
    old = perceptron()
    old.opset_import[0].version = 9
    with pytest.raises(StageImpossible, match="export it anew"):
        optimised(separated(old), text, calibration=random_feeds(2, 16))


def test_a_tool_that_fails_is_a_refusal_in_its_own_words() -> None:
    def tool(model: ModelProto, folder: object) -> ModelProto:
        raise KeyError("what it says")

    with pytest.raises(StageImpossible, match=r"some-stage .*: KeyError: 'what it says'"):
        library.through("some-stage", separated(classifier()), tool)


def test_what_a_tool_makes_is_checked_as_an_upload_is() -> None:
    def tool(model: ModelProto, folder: object) -> ModelProto:
        model.graph.node[0].domain = "com.microsoft"
        model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
        return model

    with pytest.raises(CustomDomain):
        library.through("some-stage", separated(classifier()), tool)


def test_what_a_tool_prints_goes_to_standard_error(capsys) -> None:
    def tool(model: ModelProto, folder: object) -> ModelProto:
        sys.stdout.write("progress: all done")
        return model

    library.through("some-stage", separated(classifier()), tool)
    assert capsys.readouterr() == ("", "progress: all done")


def test_every_node_has_a_name_of_its_own() -> None:
    model = classifier()
    for given in model.graph.node:
        given.name = "same"
    names = [given.name for given in library.joined(separated(model)).graph.node]
    assert len(set(names)) == len(names)
