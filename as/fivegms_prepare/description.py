"""What a model says of itself in its ONNX metadata: labels, input processing, threshold.

The entries are `fivegms.labels` (JSON array of strings), `fivegms.input` (JSON object with any of
`tensor`, `layout`, `color`, `mean`, `std`, `resize`) and `fivegms.score_threshold` (a number from
0 to 1). The template's labels win over the model's.
"""

from typing import Annotated

from onnx import ModelProto
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from fivegms_api.model_preparation import ModelDescription
from fivegms_manifests.model import (
    CHANNELS,
    Color,
    InputProcessing,
    Layout,
    Model,
    Resize,
    TensorInfo,
)
from fivegms_prepare.errors import MetadataInvalid
from fivegms_prepare.values import inputs_of, opsets_of

FRAMEWORK = "ONNX"

_LABELS = "fivegms.labels"
_INPUT = "fivegms.input"
_THRESHOLD = "fivegms.score_threshold"

_Channels = Annotated[tuple[float, ...], Field(min_length=1, max_length=4)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    tensor: str | None = None
    layout: Layout = "NCHW"
    color: Color = "RGB"
    mean: _Channels | None = None
    std: _Channels | None = None
    resize: Resize = "letterbox"


_LABEL_LIST = TypeAdapter(Annotated[tuple[str, ...], Field(max_length=100_000)])
_SHARE = TypeAdapter(Annotated[float, Field(ge=0, le=1)])


def describe(model: ModelProto, described: ModelDescription) -> Model:
    """The manifest's description of a model. Raises MetadataInvalid."""
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    labels = described.labels
    if labels is None:
        labels = _labels(metadata)
    return Model(
        name=described.name,
        version=described.version,
        task=described.task,
        framework=FRAMEWORK,
        opsets=opsets_of(model),
        ir_version=model.ir_version,
        labels=labels,
        input_processing=_input_processing(metadata, inputs_of(model)),
        decision_threshold=_threshold(metadata),
    )


def _labels(metadata: dict[str, str]) -> tuple[str, ...]:
    if _LABELS not in metadata:
        return ()
    try:
        return _LABEL_LIST.validate_json(metadata[_LABELS])
    except ValidationError as error:
        raise _invalid(_LABELS, error) from error


def _threshold(metadata: dict[str, str]) -> float | None:
    if _THRESHOLD not in metadata:
        return None
    try:
        return _SHARE.validate_strings(metadata[_THRESHOLD])
    except ValidationError as error:
        raise _invalid(_THRESHOLD, error) from error


def _input_processing(
    metadata: dict[str, str], inputs: tuple[TensorInfo, ...]
) -> InputProcessing | None:
    if _INPUT not in metadata:
        return None
    try:
        stated = _Input.model_validate_json(metadata[_INPUT])
    except ValidationError as error:
        raise _invalid(_INPUT, error) from error
    names = [info.name for info in inputs]
    tensor = stated.tensor or next((i.name for i in inputs if len(i.shape) == 4), None)
    if tensor not in names:
        raise MetadataInvalid(f"{_INPUT} is of input {tensor!r}; the model has {names}")
    channels = CHANNELS[stated.color]
    mean, std = stated.mean or (0.0,) * channels, stated.std or (1.0,) * channels
    if not len(mean) == len(std) == channels or min(std) <= 0:
        raise MetadataInvalid(
            f"{_INPUT} needs {channels} values of mean and of std, and no std of 0 or below"
        )
    return InputProcessing(tensor, stated.layout, stated.color, mean, std, stated.resize)


def _invalid(entry: str, error: ValidationError) -> MetadataInvalid:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return MetadataInvalid(f"the model's metadata entry {entry} {where}: {first['msg']}")
