"""Models as an AS would deliver them in layers, and in versions of which one changes the other."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256

import numpy as np
import onnx
from onnx import numpy_helper

from fivegms_codecs.deltas import DeltaMode, apply_delta, write_delta
from fivegms_codecs.digest import weights_digest
from fivegms_codecs.layers import write_layers
from fivegms_codecs.units import read_tensor, write_tensor, write_topology
from fivegms_codecs.weights import Codec, Precision
from fivegms_engine.graph import separate
from fivegms_manifests.digests import initialization_name, segment_name
from fivegms_manifests.model import Accuracy, Delta, Recovery, SegmentRef, Variant
from fivegms_manifests.segments import (
    SEGMENT_DURATION,
    WEIGHTS_PAYLOAD_URN,
    write_initialization_segment,
    write_media_segment,
)
from support.published_model import DATA_SET, PublishedModel, publish

Unit = bytes | None
LAYER_ACCURACY = {"int8": 0.90, "fp16-layer": 0.95, "fp32-layer": 0.97}


def published_in_layers(model: onnx.ModelProto) -> PublishedModel:
    """The variants int8, fp16-layer and fp32-layer of the whole model."""
    published = publish(model)
    files = dict(published.files)
    separated = separate(model)
    layers = [write_layers(weight.name, weight.array()) for weight in separated.weights]
    topology = write_topology(separated.topology())
    base = _variant("int8", "int8", "int8+zstd", [topology, *(one.base for one in layers)], files)
    middle = _variant("fp16-layer", "fp16", "layered", [one.middle for one in layers], files)
    last = _variant("fp32-layer", "fp32", "layered", [one.last for one in layers], files)
    made = (
        base,
        replace(middle, depends_on="int8"),
        replace(last, depends_on="fp16-layer"),
    )
    variants = tuple(
        replace(
            one,
            quality_ranking=3 - rank,
            weights_bytes=separated.weights_bytes,
            accuracy=(Accuracy("top1", LAYER_ACCURACY[one.id], DATA_SET),),
        )
        for rank, one in enumerate(made)
    )
    return _with_variants(replace(published, files=files), variants)


def published_sparse(model: onnx.ModelProto) -> PublishedModel:
    """The variant `sparse`: fp32, as what is not zero."""
    published = publish(model)
    files = dict(published.files)
    separated = separate(model)
    units = [
        write_tensor(weight.name, weight.array(), Precision.FP32, Codec.SPARSE_ZSTD)
        for weight in separated.weights
    ]
    topology = write_topology(separated.topology())
    variant = _variant("sparse", "fp32", Codec.SPARSE_ZSTD, [topology, *units], files)
    variant = replace(variant, weights_bytes=separated.weights_bytes)
    return _with_variants(replace(published, files=files), (variant,))


def published_whole(model: onnx.ModelProto, version: int = 1) -> PublishedModel:
    """The variant fp32 of the whole model, with the digest of its weights."""
    published = publish(model)
    manifest = published.manifest
    manifest = replace(manifest, model=replace(manifest.model, version=version))
    variants = (replace(published.variant("fp32"), id="fp32", weights_sha256=_digest(model)),)
    return _with_variants(published.with_manifest(manifest), variants)


def published_as_change(
    old: onnx.ModelProto,
    new: onnx.ModelProto,
    mode: DeltaMode = DeltaMode.LOSSLESS,
    damage: Callable[[Sequence[bytes]], Sequence[bytes]] = list,
    version: int = 2,
) -> PublishedModel:
    """A version: fp32 whole, and as what changed since fp32 of the version before.

    `damage` spoils the delta's units before the manifest is written.
    """
    published = published_whole(new, version)
    files = dict(published.files)
    separated = separate(new)
    before = {weight.name: weight.array() for weight in separate(old).weights}
    after = dict(before)
    changes = []
    for weight in separated.weights:
        unit = write_delta(weight.name, weight.array(), before[weight.name], mode)
        if unit is not None:
            changes.append(unit)
            after[weight.name] = apply_delta(read_tensor(unit), before[weight.name])
    units = damage(changes)
    topology = write_topology(separated.topology())
    codec = Codec.DELTA_BITS_ZSTD
    delta = replace(
        _variant("fp32-delta", "fp32", codec, [topology, *units], files),
        weights_bytes=separated.weights_bytes,
        weights_sha256=weights_digest(after),
        delta=Delta(version - 1, "fp32", _digest(old), mode),
    )
    whole = published.variant("fp32")
    return _with_variants(replace(published, files=files), (whole, delta))


def retrained(model: onnx.ModelProto, *names: str) -> onnx.ModelProto:
    """The model with a little noise on the weights of those names."""
    noise = np.random.default_rng(11)
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for tensor in changed.graph.initializer:
        if tensor.name in names:
            array = numpy_helper.to_array(tensor)
            moved = array + noise.normal(0, 1e-3, array.shape).astype(array.dtype)
            tensor.CopyFrom(numpy_helper.from_array(moved, tensor.name))
    return changed


def resent(weight: str, model: onnx.ModelProto) -> bytes:
    """A whole unit of a tensor of `model`."""
    array = {one.name: one.array() for one in separate(model).weights}[weight]
    return write_tensor(weight, array, Precision.FP32, Codec.PLANES_ZSTD)


def _digest(model: onnx.ModelProto) -> str:
    return weights_digest({weight.name: weight.array() for weight in separate(model).weights})


def _with_variants(published: PublishedModel, variants: tuple[Variant, ...]) -> PublishedModel:
    manifest = published.manifest
    subset = replace(manifest.subsets[0], variants=variants)
    return published.with_manifest(replace(manifest, subsets=(subset,)))


def _variant(
    name: str, precision: str, codec: str, units: Sequence[Unit], files: dict[str, bytes]
) -> Variant:
    """A variant with one unit in each segment."""
    present = [unit for unit in units if unit is not None]
    segments = tuple(
        _stored(
            write_media_segment(
                [unit], sequence_number=number + 1, base_decode_time=number * SEGMENT_DURATION
            ),
            "segments",
            files,
        )
        for number, unit in enumerate(present)
    )
    initialization = _stored(write_initialization_segment(WEIGHTS_PAYLOAD_URN), "init", files)
    size_bytes = initialization.size_bytes + sum(part.size_bytes for part in segments)
    return Variant(
        name,
        precision,
        codec,
        Recovery.RECEIVER_ASSISTED,
        1,
        8 * size_bytes,
        0,
        initialization,
        segments,
    )


def _stored(data: bytes, folder: str, files: dict[str, bytes]) -> SegmentRef:
    digest = sha256(data).hexdigest()
    name = segment_name(digest) if folder == "segments" else initialization_name(digest)
    files[f"{folder}/{name}"] = data
    return SegmentRef(f"{folder}/{name}", digest, len(data))
