"""A model manifest as values: what `model_mpd` writes and reads.

The concepts are those of TR 26.927 clauses 3.1 and 5.1 and the DASH constructs that carry them:

    ModelManifest          MPD with one Period
      Model                  ai:Model in a Period-level SupplementalProperty
      Subset                 AdaptationSet: a part of the model that runs alone
        Variant                Representation: one precision and codec of that subset
          Stage                  ai:Stage: what was done to it, and what that did
          Delta, Encryption      ai:Delta, ai:Encryption: what a UE needs besides the segments
          SegmentRef             SegmentURL: bytes named by their digest
      Composition            Preselection: which subsets, in order, make the whole model

Everything is frozen and complete: inheritance inside an MPD is resolved by the reader, and byte
counts are derived from the segments, so that no two of them can disagree.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Literal, TypeAlias, get_args

PROFILE_URN = "urn:fivegms:ai:profile:model:2026"
"""Profile of a media entry point whose locator is a model MPD (TS 26.512 `profiles`)."""

MPD_MEDIA_TYPE = "application/dash+xml"

MAX_BANDWIDTH_BPS = 2**32 - 1


def bandwidth_within_a_second(size_bytes: int) -> int:
    """The `bandwidth_bps` of a variant of that size; DASH ends it at 32 bits."""
    return min(8 * size_bytes, MAX_BANDWIDTH_BPS)


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """The name, element type and shape of a graph input, output or cut tensor.

    `dtype` is numpy's name (`float32`, `int64`, ...). A dimension is a size, or the name of a
    symbolic dimension (`N`), or the empty string where the model says nothing.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]


Layout: TypeAlias = Literal["NCHW", "NHWC"]
Color: TypeAlias = Literal["RGB", "BGR", "GRAY"]
Resize: TypeAlias = Literal["letterbox", "stretch"]

LAYOUTS: tuple[Layout, ...] = get_args(Layout)
RESIZES: tuple[Resize, ...] = get_args(Resize)
CHANNELS: dict[str, int] = {"RGB": 3, "BGR": 3, "GRAY": 1}
"""How many channels a picture of each `Color` has."""


@dataclass(frozen=True, slots=True)
class InputProcessing:
    """How pixels become the input tensor `tensor`: `(pixel / 255 - mean) / std` per channel.

    `layout` is one of LAYOUTS, `color` of CHANNELS, `resize` of RESIZES. `mean` and `std` have one
    value per channel, and each `std` is above 0.
    """

    tensor: str
    layout: str = "NCHW"
    color: str = "RGB"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    resize: str = "letterbox"


@dataclass(frozen=True, slots=True)
class Opset:
    """One operator set import of the model; the default ONNX domain is the empty string."""

    domain: str
    version: int


@dataclass(frozen=True, slots=True)
class Model:
    """What a UE reads before it fetches a byte of weights (TR 26.927 6.5.6: opset imports).

    `task` is a short name such as `object-detection`. `labels` is indexed by the label numbers that
    the model emits. `decision_threshold` is the score at which the provider counts a result.
    """

    name: str
    version: int
    task: str
    framework: str
    opsets: tuple[Opset, ...]
    ir_version: int
    labels: tuple[str, ...] = ()
    input_processing: InputProcessing | None = None
    decision_threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A measured figure: `metric` (`mAP@0.5`, `top1`), its value, and the data set it is from."""

    metric: str
    value: float
    data_set: str


@dataclass(frozen=True, slots=True)
class Latency:
    """A measured inference latency: the median of one run in ms, the machine and the engine."""

    p50_ms: float
    machine: str
    engine: str


class Recovery(StrEnum):
    """Whether the UE must do work to recover the tensors (TR 26.927 6.1.1, last paragraph)."""

    SENDER_ONLY = "sender-only"
    RECEIVER_ASSISTED = "receiver-assisted"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a model costs and is worth at one point of its preparation.

    `size_bytes` are those that a UE would fetch if preparation ended there. `accuracy` is in the
    metric of the variant's first `Accuracy`, `latency_ms` the median of one run; None where
    nothing was measured.
    """

    size_bytes: int
    accuracy: float | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One step from the model that was uploaded to this variant (TR 26.927 6.1.1).

    `settings` is for people: what the step was told to do. A step is not `transparent` where the
    numbers are recovered by looking them up, as non-linear quantisation asks: no engine computes
    with them as they are sent.
    """

    name: str
    recovery: Recovery
    transparent: bool
    settings: str
    before: Figures
    after: Figures


DeltaMode: TypeAlias = Literal["lossless", "quantised"]
DELTA_MODES: tuple[DeltaMode, ...] = get_args(DeltaMode)

MAX_DELTA_CHAIN = 8
"""How many deltas may follow one another before a device fetches a whole variant again."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What a variant that holds changes only is to be applied to.

    The base is `base_variant` of the same model's `base_version`, and `base_sha256` the digest of
    its decoded weights (`fivegms_codecs.digest`). `chain` counts the deltas since a whole variant,
    this one included.
    """

    base_version: int
    base_variant: str
    base_sha256: str
    mode: str
    chain: int = 1


ENCRYPTION_SCHEMES = ("aes-256-gcm",)


@dataclass(frozen=True, slots=True)
class Encryption:
    """How a variant's segments are encrypted, and where an authorised UE gets the key."""

    scheme: str
    key_id: str
    key_url: str


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """Where a segment lies (`url`, relative to the MPD), its SHA-256 in hex, its size in bytes."""

    url: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a device must have to run a variant. Empty tuples and None constrain nothing.

    `engines` and `accelerators` name what the variant needs (`onnxruntime`; `cpu`, `gpu`, `npu`),
    `operating_systems` where it runs (`android`, `ios`, `linux`, ...).
    """

    min_memory_bytes: int | None = None
    engines: tuple[str, ...] = ()
    operating_systems: tuple[str, ...] = ()
    accelerators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """One coded form of a subset: complete, or an enhancement layer, or a delta.

    `id` is unique in the manifest. `quality_ranking` is DASH's: 1 is best. `bandwidth_bps` is the
    rate at which the variant arrives within one second. `weights_bytes` is the memory that its
    decoded tensors take, `weights_sha256` their digest (`fivegms_codecs.digest`) and `decode_ms`
    how long decoding them took where `latency` was measured.

    A layer names in `depends_on` the one below it and holds what that lacks; its figures are those
    of all layers up to it. `container` is the format of a model that is delivered as the provider's
    own file (`nnef`, `saved-model`, ...); None is a graph and its tensors in units.
    """

    id: str
    precision: str
    codec: str
    recovery: Recovery
    quality_ranking: int
    bandwidth_bps: int
    weights_bytes: int
    initialization: SegmentRef
    segments: tuple[SegmentRef, ...]
    accuracy: tuple[Accuracy, ...] = ()
    latency: Latency | None = None
    constraints: Constraints = Constraints()
    depends_on: str | None = None
    stages: tuple[Stage, ...] = ()
    weights_sha256: str | None = None
    decode_ms: float | None = None
    delta: Delta | None = None
    encryption: Encryption | None = None
    container: str | None = None

    def parts(self) -> Iterator[SegmentRef]:
        """The initialization segment, then the media segments in order."""
        yield self.initialization
        yield from self.segments

    @property
    def size_bytes(self) -> int:
        """Exactly what a UE fetches for this variant."""
        return sum(part.size_bytes for part in self.parts())

    @property
    def sha256(self) -> str:
        """SHA-256 in hex over the digests of all parts in order, as bytes."""
        return sha256(b"".join(bytes.fromhex(part.sha256) for part in self.parts())).hexdigest()


@dataclass(frozen=True, slots=True)
class Subset:
    """A part of the model that can be inferred independently (TR 26.927 3.1).

    `id` is the AdaptationSet's, and `name` tells people which part it is. `parameters` counts
    weights; `macs` multiply-accumulates for one sample, where known.
    """

    id: int
    name: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    parameters: int
    variants: tuple[Variant, ...]
    macs: int | None = None
    peak_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class CompositionMember:
    """A subset's place in a composition, and the endpoints (`ue`, `network`) that may run it."""

    subset_id: int
    endpoints: tuple[str, ...] = ("ue", "network")


@dataclass(frozen=True, slots=True)
class Composition:
    """An ordered set of subsets whose chain equals the whole model (TR 26.927 5.1).

    The cut between two neighbours is the tensors that the first outputs and the second takes in.
    `exact` says whether the chain gave every bit of what the whole gives where both were optimised
    as a UE optimises them; `tolerance` is the largest relative difference at the engine's highest
    level, which reorders sums. None where the composition was not compared, `tolerance` also where
    results at that level have other shapes or infinities.
    """

    id: str
    members: tuple[CompositionMember, ...]
    exact: bool | None = None
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """A whole model MPD.

    `base_urls` are tried in order; empty means that segments lie beside the MPD. `published` is
    timezone-aware.
    """

    model: Model
    subsets: tuple[Subset, ...]
    compositions: tuple[Composition, ...]
    base_urls: tuple[str, ...] = ()
    published: datetime | None = None

    def subset(self, subset_id: int) -> Subset:
        """The subset with that id. Raises KeyError."""
        for subset in self.subsets:
            if subset.id == subset_id:
                return subset
        raise KeyError(subset_id)

    def composition(self, composition_id: str) -> Composition:
        """The composition with that id. Raises KeyError."""
        for composition in self.compositions:
            if composition.id == composition_id:
                return composition
        raise KeyError(composition_id)
