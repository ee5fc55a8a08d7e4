"""What the ONNX metadata says reaches the manifest; what it garbles is refused by name."""

import json
from typing import Any

import pytest
from onnx import ModelProto

from fivegms_api.model_preparation import ModelDescription
from fivegms_manifests.model import InputProcessing, Model
from fivegms_prepare.description import describe
from fivegms_prepare.errors import MetadataInvalid
from support.onnx_graphs import model_of, node


def with_metadata(**entries: Any) -> ModelProto:
    metadata = {
        f"fivegms.{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in entries.items()
    }
    shape = ("float32", ["N", 3, 8, 8])
    return model_of([node("Relu", "x", "y")], {"x": shape}, {"y": shape}, metadata=metadata)


def described(model: ModelProto, **members: Any) -> Model:
    return describe(model, ModelDescription(name="m", task="object-detection", **members))


@pytest.mark.requirement("R147")
def test_metadata_of_the_model() -> None:
    model = described(
        with_metadata(
            labels=["cat", "dog"],
            input={"mean": [0.5, 0.4, 0.3], "std": [1, 2, 3], "resize": "stretch"},
            score_threshold=0.25,
        ),
        version=3,
    )
    assert (model.name, model.version, model.task) == ("m", 3, "object-detection")
    assert (model.framework, model.ir_version) == ("ONNX", 8)
    assert model.labels == ("cat", "dog")
    assert model.decision_threshold == 0.25
    assert model.input_processing == InputProcessing(
        "x", mean=(0.5, 0.4, 0.3), std=(1.0, 2.0, 3.0), resize="stretch"
    )


def test_labels_of_the_template_win() -> None:
    assert described(with_metadata(labels=["cat"]), labels=("lynx",)).labels == ("lynx",)


def test_model_without_metadata() -> None:
    model = described(with_metadata())
    assert model.labels == ()
    assert model.input_processing is None
    assert model.decision_threshold is None


def test_grey_input_has_one_channel() -> None:
    processing = described(with_metadata(input={"color": "GRAY"})).input_processing
    assert processing is not None
    assert processing.mean == (0.0,)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"labels": "no JSON"}, "fivegms.labels"),
        ({"labels": [1, 2]}, "fivegms.labels 0"),
        ({"labels": {"0": "cat"}}, "fivegms.labels"),
        ({"score_threshold": "high"}, "fivegms.score_threshold"),
        ({"score_threshold": "nan"}, "fivegms.score_threshold"),
        ({"score_threshold": 1.5}, "fivegms.score_threshold"),
        ({"input": "no JSON"}, "fivegms.input"),
        ({"input": {"layout": "CHWN"}}, "fivegms.input layout"),
        ({"input": {"colour": "RGB"}}, "fivegms.input colour"),
        ({"input": {"tensor": "q"}}, "'q'; the model has ['x']"),
        ({"input": {"mean": [0.5]}}, "needs 3 values"),
        ({"input": {"std": [1, 0, 1]}}, "no std of 0"),
        ({"input": {"std": [1, -0.5, 1]}}, "no std of 0 or below"),
        ({"input": {"std": [1, 1, 1e999]}}, "fivegms.input std.2"),
    ],
)
def test_metadata_that_cannot_be_read(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(MetadataInvalid) as caught:
        described(with_metadata(**entries))
    assert message in caught.value.detail
