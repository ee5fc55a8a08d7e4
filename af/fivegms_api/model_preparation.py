"""The Content Preparation Template that turns one uploaded model into variants and segments.

TS 26.512 leaves the format of a Content Preparation Template to its media type; ours is
`application/vnd.fivegms.model-preparation+json`. Paths are relative to the session's M2 ingest
base URL (`source`, `evaluation`) or M4 distribution base URL (`manifest`).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from fivegms_api.common_data import path_fault
from fivegms_api.wire import WireModel

MODEL_PREPARATION_MEDIA_TYPE = "application/vnd.fivegms.model-preparation+json"

MIN_SEGMENT_BYTES = 4 * 1024
MAX_SEGMENT_BYTES = 64 * 1024 * 1024


def _relative_path(path: str) -> str:
    if fault := path_fault(path):
        raise ValueError(fault)
    return path


RelativePath = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_relative_path)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class Precision(StrEnum):
    """The number format that the weights of a variant are sent in."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


class WeightCodec(StrEnum):
    """How the numbers of a variant are packed (docs/formats.md)."""

    RAW = "raw"
    PLANES_ZSTD = "planes+zstd"
    INT8_ZSTD = "int8+zstd"


ALLOWED_CODECS: dict[Precision, frozenset[WeightCodec]] = {
    Precision.FP32: frozenset({WeightCodec.RAW, WeightCodec.PLANES_ZSTD}),
    Precision.FP16: frozenset({WeightCodec.RAW, WeightCodec.PLANES_ZSTD}),
    Precision.INT8: frozenset({WeightCodec.INT8_ZSTD}),
}


class VariantRequest(WireModel):
    """One variant to make."""

    precision: Precision
    codec: WeightCodec

    @model_validator(mode="after")
    def _codec_fits_precision(self) -> "VariantRequest":
        if self.codec not in ALLOWED_CODECS[self.precision]:
            allowed = ", ".join(sorted(ALLOWED_CODECS[self.precision]))
            raise ValueError(f"codec {self.codec} cannot hold {self.precision}; use {allowed}")
        return self


DEFAULT_VARIANTS: tuple[VariantRequest, ...] = (
    VariantRequest(precision=Precision.FP32, codec=WeightCodec.PLANES_ZSTD),
    VariantRequest(precision=Precision.FP16, codec=WeightCodec.PLANES_ZSTD),
    VariantRequest(precision=Precision.INT8, codec=WeightCodec.INT8_ZSTD),
)


class MediaEvaluation(WireModel):
    """Held-out media with ground truth (docs/formats.md), ingested over M2 before the model."""

    media: RelativePath
    ground_truth: RelativePath
    metric: Literal["mAP@0.5"] = "mAP@0.5"


class TensorEvaluation(WireModel):
    """An .npz with one array per model input (first axis: samples) and `labels` [samples] int."""

    tensors: RelativePath
    metric: Literal["top1"] = "top1"


def _evaluation_kind(value: object) -> str:
    tensors = isinstance(value, TensorEvaluation) or (
        isinstance(value, Mapping) and "tensors" in value
    )
    return "TensorEvaluation" if tensors else "MediaEvaluation"


Evaluation = Annotated[
    Annotated[MediaEvaluation, Tag("MediaEvaluation")]
    | Annotated[TensorEvaluation, Tag("TensorEvaluation")],
    Discriminator(_evaluation_kind),
]
"""Told apart by `tensors`, so that a fault is named in the one that was meant."""


class ModelDescription(WireModel):
    """What the provider says of the model; anything left out is read from the ONNX metadata."""

    name: Name
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1
    task: Name
    labels: Annotated[tuple[str, ...], Field(max_length=100_000)] | None = None


class CompositionRequest(WireModel):
    """A split to prepare: `cuts[i]` names the tensors between subset i and subset i + 1.

    `endpoints[i]` says where subset i may run.
    """

    id: Name
    cuts: Annotated[
        tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...], Field(min_length=1)
    ]
    endpoints: tuple[tuple[Literal["ue", "network"], ...], ...] | None = None

    @model_validator(mode="after")
    def _one_endpoint_list_per_subset(self) -> "CompositionRequest":
        if self.endpoints is not None and len(self.endpoints) != len(self.cuts) + 1:
            raise ValueError(f"endpoints must have {len(self.cuts) + 1} entries, one per subset")
        return self


class ModelPreparation(WireModel):
    """A Content Preparation Template for a model."""

    model: ModelDescription
    source: RelativePath
    manifest: RelativePath = "model.mpd"
    variants: Annotated[tuple[VariantRequest, ...], Field(min_length=1, max_length=16)] = (
        DEFAULT_VARIANTS
    )
    evaluation: Evaluation | None = None
    compositions: Annotated[tuple[CompositionRequest, ...], Field(max_length=16)] = ()
    segment_size_bytes: Annotated[int, Field(ge=MIN_SEGMENT_BYTES, le=MAX_SEGMENT_BYTES)] = 2**20

    @model_validator(mode="after")
    def _nothing_twice(self) -> "ModelPreparation":
        if len(set(self.variants)) != len(self.variants):
            raise ValueError("variants must differ from one another")
        names = [composition.id for composition in self.compositions]
        if len(set(names)) != len(names) or "whole" in names:
            raise ValueError("composition ids must be unique and not 'whole'")
        return self
