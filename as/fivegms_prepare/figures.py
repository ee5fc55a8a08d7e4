"""How many bytes a model takes at each point of its preparation, and the table of its stages.

source       the graph, and all numbers as they are in memory
each stage   the same, of the graph that came out
precision    the numbers in the precision asked for, with scales or code books
codec        what is fetched
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from fivegms_api.model_variants import Precision, WeightCodec
from fivegms_codecs import frames, weights
from fivegms_codecs.units import TensorUnit, TopologyUnit, read_unit
from fivegms_codecs.weights import Codec, Coding
from fivegms_engine.graph import SeparatedModel
from fivegms_manifests.model import Accuracy, Figures, Latency, Recovery, Stage


@dataclass(frozen=True, slots=True)
class Performance:
    """How good a model is, the template's metric first, and how fast; empty where unmeasured."""

    accuracy: tuple[Accuracy, ...] = ()
    latency: Latency | None = None

    def figures(self, size_bytes: int) -> Figures:
        """The same in short, with a size."""
        return Figures(
            size_bytes,
            self.accuracy[0].value if self.accuracy else None,
            self.latency.p50_ms if self.latency else None,
        )


def source_bytes(model: SeparatedModel) -> int:
    """What a model takes with every number as it is in memory."""
    return len(model.topology()) + model.weights_bytes


def packed_bytes(sample: bytes) -> int:
    """What a unit takes before entropy coding: its header, side information and numbers."""
    unit = read_unit(sample)
    if isinstance(unit, TopologyUnit):
        return len(unit.graph)
    side = _side_bytes(unit)
    header = len(sample) - len(unit.payload)
    match unit.codec:
        case Codec.RAW:
            return len(sample)
        case Codec.INT8_HUFFMAN:  # its frames are of codes already
            return header + 4 * unit.shape[0] + prod(unit.shape)
    return header + side + frames.decoded_bytes(unit.payload[side:])


def _side_bytes(unit: TensorUnit) -> int:
    return weights.check(unit.payload, unit.shape, Coding(unit.stored, unit.codec))


_PRECISION_SETTINGS = {
    Precision.FP16: "half the bits",
    Precision.INT8: "one scale per output channel",
    Precision.INT4: "one scale per output channel",
    Precision.CODEBOOK: "a code book per tensor",
}


def coding_stages(
    precision: Precision, codec: WeightCodec, before: Figures, packed: int, after: Figures
) -> tuple[Stage, ...]:
    """What precision and codec did to a model of figures `before` that ends as `after`.

    Accuracy and speed change with the precision; the codec changes bytes alone.
    """
    stages = []
    middle = replace(after, size_bytes=packed)
    if precision is not Precision.FP32:
        refined = codec is WeightCodec.LAYERED
        settings = "int8, refined" if refined else _PRECISION_SETTINGS[precision]
        stages.append(_precision_stage(precision, settings, before, middle))
    else:
        middle = replace(before, size_bytes=packed)
    if codec is not WeightCodec.RAW:
        assisted = Recovery.RECEIVER_ASSISTED
        stages.append(Stage(str(codec), assisted, True, _CODEC_SETTINGS[codec], middle, after))
    return tuple(stages)


_CODEC_SETTINGS = {
    WeightCodec.PLANES_ZSTD: "byte planes, Zstandard",
    WeightCodec.SPARSE_ZSTD: "positions and values of what is not zero, where less; Zstandard",
    WeightCodec.LAYERED: "what the layer below leaves open",
    WeightCodec.INT8_ZSTD: "Zstandard",
    WeightCodec.INT8_HUFFMAN: "canonical Huffman codes",
    WeightCodec.INT4_ZSTD: "two to a byte, Zstandard",
    WeightCodec.CODEBOOK_ZSTD: "indices, Zstandard",
}


def _precision_stage(precision: Precision, settings: str, before: Figures, after: Figures) -> Stage:
    return Stage(
        str(precision),
        Recovery.RECEIVER_ASSISTED,
        transparent=precision is not Precision.CODEBOOK,
        settings=settings,
        before=before,
        after=after,
    )


def recovery_of(stages: Sequence[Stage]) -> Recovery:
    """What all stages together ask of the receiver."""
    assisted = any(stage.recovery is Recovery.RECEIVER_ASSISTED for stage in stages)
    return Recovery.RECEIVER_ASSISTED if assisted else Recovery.SENDER_ONLY
