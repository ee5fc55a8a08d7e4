"""The Content Preparation Template that turns one uploaded model into variants and segments.

TS 26.512 leaves the format of a Content Preparation Template to its media type; ours is
`application/vnd.fivegms.model-preparation+json`. Paths are relative to the session's M2 ingest
base URL (`source`, `evaluation`, `calibration`, a delta's `base`) or M4 distribution base URL
(`manifest`). What a variant is asked to be is in `model_variants`, an update of an older version in
`model_deltas`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from fivegms_api.model_deltas import DeltaRequest
from fivegms_api.model_paths import Name, RelativePath
from fivegms_api.model_stages import needs_calibration
from fivegms_api.model_variants import DEFAULT_VARIANTS, VariantRequest, WeightCodec, variant_names
from fivegms_api.wire import WireModel

MODEL_PREPARATION_MEDIA_TYPE = "application/vnd.fivegms.model-preparation+json"

MIN_SEGMENT_BYTES = 4 * 1024
MAX_SEGMENT_BYTES = 64 * 1024 * 1024


class MediaEvaluation(WireModel):
    """Held-out media with ground truth (docs/formats.md), ingested over M2 before the model."""

    media: RelativePath
    ground_truth: RelativePath
    metric: Literal["mAP@0.5"] = "mAP@0.5"


class TensorEvaluation(WireModel):
    """An .npz with one array per model input (first axis: samples) and `labels` [samples] int."""

    tensors: RelativePath
    metric: Literal["top1"] = "top1"


Samples = Annotated[int, Field(ge=1, le=4096)]


class MediaCalibration(WireModel):
    """Media of which `samples` frames, evenly apart, show stages what the model will see."""

    media: RelativePath
    samples: Samples = 32


class TensorCalibration(WireModel):
    """An .npz with one array per model input (first axis: samples); the first `samples` of it."""

    tensors: RelativePath
    samples: Samples = 256


_TENSORS, _MEDIA = "TensorSet", "MediaSet"  # names of no member, which faults are named by


def _kind(value: object) -> str:
    has_tensors = "tensors" in value if isinstance(value, Mapping) else hasattr(value, "tensors")
    return _TENSORS if has_tensors else _MEDIA


Evaluation = Annotated[
    Annotated[MediaEvaluation, Tag(_MEDIA)] | Annotated[TensorEvaluation, Tag(_TENSORS)],
    Discriminator(_kind),
]
Calibration = Annotated[
    Annotated[MediaCalibration, Tag(_MEDIA)] | Annotated[TensorCalibration, Tag(_TENSORS)],
    Discriminator(_kind),
]
"""Each told apart by `tensors`, so that a fault is named in the one that was meant."""


class ModelDescription(WireModel):
    """What the provider says of the model; anything left out is read from the ONNX metadata."""

    name: Name
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1
    task: Name
    labels: Annotated[tuple[str, ...], Field(max_length=100_000)] | None = None


class CutSearch(WireModel):
    """Cuts to be found: `subsets` parts, such that what `minimise` names is as small as can be.

    `bytes` are those of the tensors between subsets, `macs` and `memory` the most that any subset
    needs. The limits hold for the first subset, the one that UEs run, and for each cut.
    """

    subsets: Annotated[int, Field(ge=2, le=8)] = 2
    minimise: Literal["bytes", "macs", "memory"] = "bytes"
    max_head_macs: Annotated[int, Field(ge=1, le=2**62)] | None = None
    max_head_memory_bytes: Annotated[int, Field(ge=1, le=2**62)] | None = None
    max_cut_bytes: Annotated[int, Field(ge=1, le=2**62)] | None = None


Cuts = Annotated[
    tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...], Field(min_length=1, max_length=64)
]


class CompositionRequest(WireModel):
    """A split to prepare: where it is cut, or what to look for.

    `cuts[i]` names the tensors between subset i and subset i + 1. `endpoints[i]` says where subset
    i may run.
    """

    id: Name
    cuts: Cuts | None = None
    search: CutSearch | None = None
    endpoints: tuple[tuple[Literal["ue", "network"], ...], ...] | None = None

    @model_validator(mode="after")
    def _cut_one_way(self) -> "CompositionRequest":
        if (self.cuts is None) is (self.search is None):
            raise ValueError("give exactly one of cuts and search")
        return self

    @model_validator(mode="after")
    def _one_endpoint_list_per_subset(self) -> "CompositionRequest":
        if self.endpoints is not None and len(self.endpoints) != self.subsets:
            raise ValueError(f"endpoints must have {self.subsets} entries, one per subset")
        return self

    @property
    def subsets(self) -> int:
        """How many subsets the composition has."""
        if self.cuts is not None:
            return len(self.cuts) + 1
        return self.search.subsets if self.search else 1


class KeyReference(WireModel):
    """Which key the segments are encrypted with, and where an authorised UE gets it."""

    key_id: Name
    key_url: Annotated[str, Field(min_length=1, max_length=2048)]


class ModelPreparation(WireModel):
    """A Content Preparation Template for a model.

    With `container` `as-is` the source is delivered as the file that it is, whatever its format,
    and there is nothing to say of variants.
    """

    model: ModelDescription
    source: RelativePath
    manifest: RelativePath = "model.mpd"
    container: Literal["onnx", "as-is"] = "onnx"
    variants: Annotated[tuple[VariantRequest, ...], Field(min_length=1, max_length=32)] = (
        DEFAULT_VARIANTS
    )
    evaluation: Evaluation | None = None
    calibration: Calibration | None = None
    deltas: Annotated[tuple[DeltaRequest, ...], Field(max_length=8)] = ()
    compositions: Annotated[tuple[CompositionRequest, ...], Field(max_length=16)] = ()
    segment_size_bytes: Annotated[int, Field(ge=MIN_SEGMENT_BYTES, le=MAX_SEGMENT_BYTES)] = 2**20
    encryption: KeyReference | None = None

    @model_validator(mode="after")
    def _nothing_twice(self) -> "ModelPreparation":
        made = [name for names in self.variant_names for name in names]
        _refuse_repeated([*made, *(delta.name for delta in self.deltas)])
        names = [composition.id for composition in self.compositions]
        if len(set(names)) != len(names) or "whole" in names:
            raise ValueError("composition ids must be unique and not 'whole'")
        return self

    @model_validator(mode="after")
    def _layered_once(self) -> "ModelPreparation":
        """Layers stand on one base, whatever they are called."""
        layered = [one.optimise for one in self.variants if one.codec is WeightCodec.LAYERED]
        if any(layered.count(stages) > 1 for stages in layered):
            raise ValueError("two layered variants of the same stages are the same")
        return self

    @model_validator(mode="after")
    def _something_to_divide(self) -> "ModelPreparation":
        if self.compositions and all(request.optimise for request in self.variants):
            raise ValueError("compositions need a variant without stages: those are of the whole")
        return self

    @model_validator(mode="after")
    def _measured_where_promised(self) -> "ModelPreparation":
        if self.evaluation is not None:
            return self
        if any(request.minimum_accuracy is not None for request in self.variants):
            raise ValueError("minimumAccuracy needs an evaluation set")
        if any(request.needs_evaluation for request in self.deltas):
            raise ValueError("a quantised delta needs an evaluation set, or its step")
        return self

    @model_validator(mode="after")
    def _calibrated_apart(self) -> "ModelPreparation":
        stages = [stage for request in self.variants for stage in request.optimise]
        calibrated = [stage.stage for stage in stages if needs_calibration(stage)]
        if calibrated and self.calibration is None:
            raise ValueError(f"{calibrated[0]} needs a calibration set")
        if set(_paths(self.calibration)) & set(_paths(self.evaluation)):
            raise ValueError("a model cannot be calibrated on what it is evaluated on")
        return self

    @model_validator(mode="after")
    def _deltas_fit(self) -> "ModelPreparation":
        plain = {
            names[0]
            for names, request in zip(self.variant_names, self.variants, strict=True)
            if request.codec is not WeightCodec.LAYERED
        }
        for delta in self.deltas:
            delta.check(self.model.version, plain)
        return self

    @model_validator(mode="after")
    def _as_is_is_left_alone(self) -> "ModelPreparation":
        changes = self.variants != DEFAULT_VARIANTS or self.deltas or self.compositions
        if self.container == "as-is" and (changes or self.evaluation or self.calibration):
            raise ValueError(
                "a file delivered as it is has no variants, deltas, compositions, evaluation and "
                "calibration"
            )
        return self

    @property
    def variant_names(self) -> tuple[tuple[str, ...], ...]:
        """The ids of the variants that each request makes, the last being what was asked for."""
        return variant_names(self.variants)

    @property
    def named_paths(self) -> tuple[str, ...]:
        """All content that has to be ingested: the source first, each path once."""
        deltas = [path for delta in self.deltas for path in delta.sources]
        paths = (self.source, *_paths(self.evaluation), *_paths(self.calibration), *deltas)
        return tuple(dict.fromkeys(paths))

    @property
    def sources(self) -> tuple[str, ...]:
        """The model and the older models that deltas start from, each once."""
        deltas = [path for delta in self.deltas for path in delta.sources]
        return tuple(dict.fromkeys((self.source, *deltas)))

    def below(self, folder: str) -> "ModelPreparation":
        """The same preparation with every path of M2 and M4 below `folder`.

        >>> described = ModelDescription(name="net", version=2, task="toy")
        >>> ModelPreparation(model=described, source="net.onnx").below("net/2").manifest
        'net/2/model.mpd'
        """
        return self.model_copy(
            update={
                "source": f"{folder}/{self.source}",
                "manifest": f"{folder}/{self.manifest}",
                "evaluation": _below(folder, self.evaluation),
                "calibration": _below(folder, self.calibration),
                "deltas": tuple(delta.below(folder) for delta in self.deltas),
            }
        )


_DataSet = MediaEvaluation | TensorEvaluation | MediaCalibration | TensorCalibration

_PATHS = ("media", "ground_truth", "tensors")


def _path_members(data: _DataSet | None) -> dict[str, str]:
    return {name: getattr(data, name) for name in _PATHS if hasattr(data, name)}


def _paths(data: _DataSet | None) -> tuple[str, ...]:
    return tuple(_path_members(data).values())


def _below(folder: str, data: _DataSet | None) -> _DataSet | None:
    if data is None:
        return None
    return data.model_copy(
        update={name: f"{folder}/{path}" for name, path in _path_members(data).items()}
    )


def _refuse_repeated(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two variants are named {name!r}: they must differ, or have ids")
