"""A model manifest with every element a manifest can have, and the DASH schema to hold it to."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree

from fivegms_manifests.model import (
    Accuracy,
    Composition,
    CompositionMember,
    Constraints,
    Delta,
    Encryption,
    Figures,
    InputProcessing,
    Latency,
    Model,
    ModelManifest,
    Opset,
    Recovery,
    SegmentRef,
    Stage,
    Subset,
    TensorInfo,
    Variant,
    bandwidth_within_a_second,
)


def segment_ref(number: int, size_bytes: int, suffix: str = ".m4s") -> SegmentRef:
    """A reference to a segment whose digest is `number`."""
    digest = f"{number:064x}"
    return SegmentRef(f"segments/{digest}{suffix}", digest, size_bytes)


def sample_variant(identity: str, precision: str, codec: str, first: int) -> Variant:
    """A variant of two segments; all variants share the initialization and the topology."""
    return Variant(
        id=identity,
        precision=precision,
        codec=codec,
        recovery=Recovery.RECEIVER_ASSISTED,
        quality_ranking=first,
        bandwidth_bps=bandwidth_within_a_second(612 + 500 + 900),
        weights_bytes=4000,
        initialization=segment_ref(1, 612, ".mp4"),
        segments=(segment_ref(2, 500), segment_ref(100 + first, 900)),
        accuracy=(Accuracy("mAP@0.5", 0.1 + 0.2, "held-out clip"),),
        latency=Latency(12.5, "x86_64, 2 cores", "onnxruntime 1.20"),
        constraints=Constraints(64 << 20, ("onnxruntime",), ("linux", "android"), ("cpu",)),
    )


def sample_layer(below: Variant) -> Variant:
    """An encrypted enhancement layer on `below`, with the stages that led to it."""
    whole, coded = Figures(8000, 0.3, 12.5), Figures(2012, 0.1 + 0.2)
    stages = (
        Stage("precision", Recovery.SENDER_ONLY, True, "fp32", whole, whole),
        Stage("codec", Recovery.RECEIVER_ASSISTED, False, "layered", whole, coded),
    )
    return replace(
        sample_variant("whole-layer", "fp32", "layered", 6),
        depends_on=below.id,
        stages=stages,
        weights_sha256=f"{7:064x}",
        decode_ms=3.5,
        encryption=Encryption("aes-256-gcm", "key-1", "https://keys.example/1"),
    )


def sample_delta() -> Variant:
    """What changed since version 1 of the sample."""
    return replace(
        sample_variant("whole-delta", "fp32", "delta-bits+zstd", 7),
        weights_sha256=f"{8:064x}",
        delta=Delta(1, "whole-fp32", f"{9:064x}", "lossless", 2),
    )


def sample_manifest() -> ModelManifest:
    """Two subsets, three variants of the first, a layer and a delta; two compositions."""
    images = TensorInfo("images", "float32", ("N", 3, 192, 320))
    cut = TensorInfo("backbone/out", "float32", ("N", 64, "", "width + 1"))
    boxes = TensorInfo("boxes", "float32", ("N", 100, 4))
    base = sample_variant("whole-int8", "int8", "int8+zstd", 3)
    whole = Subset(
        id=1,
        name="whole",
        inputs=(images,),
        outputs=(boxes,),
        parameters=1000,
        variants=(
            sample_variant("whole-fp32", "fp32", "planes+zstd", 1),
            sample_variant("whole-fp16", "fp16", "planes+zstd", 2),
            base,
            sample_layer(base),
            sample_delta(),
        ),
        macs=10**15,
        peak_memory_bytes=1 << 20,
    )
    head = Subset(2, "head", (images,), (cut,), 600, (sample_variant("head", "fp32", "raw", 4),))
    as_is = replace(sample_variant("tail", "as-is", "as-is", 5), container="nnef")
    tail = Subset(3, "tail", (cut,), (boxes,), 400, (as_is,))
    model = Model(
        name="street",
        version=2,
        task="object-detection",
        framework="onnx",
        opsets=(Opset("", 17), Opset("ai.onnx.ml", 3)),
        ir_version=9,
        labels=("car", "", " <van> & co\n", "vélo"),
        input_processing=InputProcessing("images", std=(0.5, 0.25, 1.0)),
        decision_threshold=0.3,
    )
    return ModelManifest(
        model,
        (whole, head, tail),
        (
            Composition("whole", (CompositionMember(1),)),
            Composition("split", (CompositionMember(2, ("ue",)), CompositionMember(3)), True, 2e-6),
        ),
        ("https://edge.example/m4d/", "http://cloud.example/"),
        datetime(2026, 11, 23, 12, 30, 0, 250_000, tzinfo=UTC),
    )


class _BesideIt(etree.Resolver):
    """Takes xlink.xsd from the schema's own folder, whatever address the schema gives for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    # The stubs leave out lxml's third argument and what it is for.
    def resolve(self, system_url, public_id, context):  # type: ignore[no-untyped-def, override]
        if system_url.endswith("xlink.xsd"):
            path = str(self._folder / "xlink.xsd")
            return self.resolve_filename(path, context)  # type: ignore[attr-defined]
        return None


def dash_schema(folder: Path) -> etree.XMLSchema:
    """The schema of ISO/IEC 23009-1 in `folder`, loaded without the network."""
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_BesideIt(folder))
    return etree.XMLSchema(etree.parse(str(folder / "DASH-MPD.xsd"), parser))
