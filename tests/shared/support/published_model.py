"""A model as an AS would deliver it, made from the wire formats alone: bytes by path.

Tests of the client use this, so that they show what the client takes, whoever prepared the model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import onnx

from fivegms_codecs.units import write_tensor, write_topology
from fivegms_codecs.weights import Codec, Precision
from fivegms_engine.graph import SeparatedModel, separate, value_info
from fivegms_manifests.digests import initialization_name, segment_name
from fivegms_manifests.model import (
    Accuracy,
    Composition,
    CompositionMember,
    Model,
    ModelManifest,
    Opset,
    Recovery,
    SegmentRef,
    Subset,
    Variant,
)
from fivegms_manifests.model_mpd import write_model_mpd
from fivegms_manifests.segments import (
    SEGMENT_DURATION,
    WEIGHTS_PAYLOAD_URN,
    write_initialization_segment,
    write_media_segment,
)

VARIANTS = (
    (Precision.FP32, Codec.PLANES_ZSTD),
    (Precision.FP16, Codec.PLANES_ZSTD),
    (Precision.INT8, Codec.INT8_ZSTD),
)
DATA_SET = "held-out"


@dataclass(frozen=True)
class PublishedModel:
    """A manifest and every file, by its path relative to the manifest's folder."""

    manifest: ModelManifest
    files: dict[str, bytes] = field(repr=False)
    path: str = "model.mpd"

    def variant(self, precision: str, subset: int = 0) -> Variant:
        """The variant of that precision."""
        variants = self.manifest.subsets[subset].variants
        return next(variant for variant in variants if variant.precision == precision)

    def with_manifest(self, manifest: ModelManifest) -> "PublishedModel":
        """The same files under another manifest."""
        document = write_model_mpd(manifest)
        return replace(self, manifest=manifest, files={**self.files, self.path: document})

    def write(self, folder: Path) -> Path:
        """Put all files in a folder; the path of the manifest there."""
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder / self.path


def publish(
    model: onnx.ModelProto,
    *,
    name: str = "perceptron",
    task: str = "tensors",
    parts: Mapping[str, onnx.ModelProto] | None = None,
    accuracy: Mapping[str, float] | None = None,
    tensors_per_segment: int = 1,
) -> PublishedModel:
    """Publish `model` whole, and split into `parts`, the first of which runs on the UE.

    `accuracy` gives a top1 figure per precision.
    """
    files: dict[str, bytes] = {}
    models = {"whole": model, **(parts or {})}
    subsets = tuple(
        _subset(number, part, one, accuracy or {}, tensors_per_segment, files)
        for number, (part, one) in enumerate(models.items(), 1)
    )
    manifest = ModelManifest(
        Model(
            name,
            1,
            task,
            "onnx",
            tuple(Opset(opset.domain, opset.version) for opset in model.opset_import),
            model.ir_version,
        ),
        subsets,
        _compositions(subsets),
        published=datetime(2026, 11, 23, 12, tzinfo=UTC),
    )
    return PublishedModel(manifest, files).with_manifest(manifest)


def _compositions(subsets: Sequence[Subset]) -> tuple[Composition, ...]:
    whole = Composition("whole", (CompositionMember(subsets[0].id),))
    if len(subsets) == 1:
        return (whole,)
    ue, *network = subsets[1:]
    members = [CompositionMember(ue.id, ("ue",))]
    members += [CompositionMember(subset.id, ("network",)) for subset in network]
    return whole, Composition("split", tuple(members))


def _subset(
    number: int,
    name: str,
    model: onnx.ModelProto,
    accuracy: Mapping[str, float],
    tensors_per_segment: int,
    files: dict[str, bytes],
) -> Subset:
    separated = separate(model)
    variants = tuple(
        _variant(number, rank, separated, *coding, accuracy, tensors_per_segment, files)
        for rank, coding in enumerate(VARIANTS, 1)
    )
    return Subset(
        number,
        name,
        tuple(value_info(value) for value in model.graph.input),
        tuple(value_info(value) for value in model.graph.output),
        sum(weight.elements for weight in separated.weights),
        variants,
    )


def _variant(
    subset: int,
    rank: int,
    separated: SeparatedModel,
    precision: Precision,
    codec: Codec,
    accuracy: Mapping[str, float],
    tensors_per_segment: int,
    files: dict[str, bytes],
) -> Variant:
    units = [
        write_tensor(weight.name, weight.array(), precision, codec) for weight in separated.weights
    ]
    grouped = [
        units[i : i + tensors_per_segment] for i in range(0, len(units), tensors_per_segment)
    ]
    samples = [[write_topology(separated.topology())], *grouped]
    segments = tuple(
        _file(
            "segments",
            write_media_segment(
                group, sequence_number=i + 1, base_decode_time=i * SEGMENT_DURATION
            ),
            files,
        )
        for i, group in enumerate(samples)
    )
    initialization = _file("init", write_initialization_segment(WEIGHTS_PAYLOAD_URN), files)
    figures = (Accuracy("top1", accuracy[precision], DATA_SET),) if precision in accuracy else ()
    size_bytes = initialization.size_bytes + sum(part.size_bytes for part in segments)
    return Variant(
        f"s{subset}-{precision}",
        precision,
        codec,
        Recovery.RECEIVER_ASSISTED,
        rank,
        8 * size_bytes,
        separated.weights_bytes,
        initialization,
        segments,
        figures,
    )


def _file(folder: str, data: bytes, files: dict[str, bytes]) -> SegmentRef:
    digest = sha256(data).hexdigest()
    name = segment_name(digest) if folder == "segments" else initialization_name(digest)
    files[f"{folder}/{name}"] = data
    return SegmentRef(f"{folder}/{name}", digest, len(data))
