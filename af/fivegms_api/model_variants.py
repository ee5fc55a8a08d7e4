"""The variants of a model that a Content Preparation Template can ask for.

A variant is the model after the stages of `optimise`, its numbers in one `precision`, packed by one
`codec`. Precision is what the numbers are, codec how they travel (docs/formats.md).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from fivegms_api.model_paths import Name
from fivegms_api.model_stages import Stages
from fivegms_api.wire import WireModel


class Precision(StrEnum):
    """The number format that the weights of a variant are sent in."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    INT4 = "int4"
    CODEBOOK = "codebook"


class WeightCodec(StrEnum):
    """How the numbers of a variant are packed (docs/formats.md).

    `layered` makes three variants: one of int8, and two that add to it what float16 and float32
    have beyond.
    """

    RAW = "raw"
    PLANES_ZSTD = "planes+zstd"
    SPARSE_ZSTD = "sparse+zstd"
    LAYERED = "layered"
    INT8_ZSTD = "int8+zstd"
    INT8_HUFFMAN = "int8+huffman"
    INT4_ZSTD = "int4+zstd"
    CODEBOOK_ZSTD = "codebook+zstd"


ALLOWED_CODECS: dict[Precision, frozenset[WeightCodec]] = {
    Precision.FP32: frozenset(
        {
            WeightCodec.RAW,
            WeightCodec.PLANES_ZSTD,
            WeightCodec.SPARSE_ZSTD,
            WeightCodec.LAYERED,
        }
    ),
    Precision.FP16: frozenset({WeightCodec.RAW, WeightCodec.PLANES_ZSTD}),
    Precision.INT8: frozenset({WeightCodec.INT8_ZSTD, WeightCodec.INT8_HUFFMAN}),
    Precision.INT4: frozenset({WeightCodec.INT4_ZSTD}),
    Precision.CODEBOOK: frozenset({WeightCodec.CODEBOOK_ZSTD}),
}

_USUAL = frozenset({WeightCodec.PLANES_ZSTD, WeightCodec.INT8_ZSTD})
"""The codecs that a name leaves out where several variants have the same precision and stages."""

LAYERS: tuple[tuple[Precision, str], ...] = (
    (Precision.INT8, "int8"),
    (Precision.FP16, "fp16-layer"),
    (Precision.FP32, "fp32-layer"),
)
"""What `layered` makes: the precision of each, lowest first, and its name."""


class VariantRequest(WireModel):
    """One variant to make.

    `id` is its name in the manifest; without one it is named by its precision and stages, and by
    its codec where another variant has these too and it is not the usual one. A variant that is
    measured below `minimum_accuracy` is withheld.
    """

    id: Name | None = None
    precision: Precision
    codec: WeightCodec
    optimise: Stages = ()
    minimum_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _codec_fits_precision(self) -> "VariantRequest":
        if self.codec not in ALLOWED_CODECS[self.precision]:
            allowed = ", ".join(sorted(ALLOWED_CODECS[self.precision]))
            raise ValueError(f"codec {self.codec} cannot hold {self.precision}; use {allowed}")
        return self

    @property
    def plain_name(self) -> str:
        """Its id, or its precision and stages."""
        return self.id or "-".join((self.precision, *(stage.stage for stage in self.optimise)))


DEFAULT_VARIANTS: tuple[VariantRequest, ...] = (
    VariantRequest(precision=Precision.FP32, codec=WeightCodec.PLANES_ZSTD),
    VariantRequest(precision=Precision.FP16, codec=WeightCodec.PLANES_ZSTD),
    VariantRequest(precision=Precision.INT8, codec=WeightCodec.INT8_ZSTD),
)


def variant_names(requests: Sequence[VariantRequest]) -> tuple[tuple[str, ...], ...]:
    """The ids of what each request makes: one, or those of all layers, lowest first.

    The lowest layer of a layered variant is the plain int8 variant of the same stages where that is
    asked for too: then it is made once and the layers stand on it.

    >>> layered = VariantRequest(precision="fp32", codec="layered")
    >>> variant_names([*DEFAULT_VARIANTS, layered])[3]
    ('fp16-layer', 'fp32-layer')
    """
    return tuple(_names(request, requests) for request in requests)


def base_request(
    request: VariantRequest, requests: Sequence[VariantRequest]
) -> VariantRequest | None:
    """The request for the variant that a layered one stands on, where there is one."""
    for other in requests:
        if other.codec is WeightCodec.INT8_ZSTD and other.optimise == request.optimise:
            return other
    return None


def _names(request: VariantRequest, requests: Sequence[VariantRequest]) -> tuple[str, ...]:
    if request.codec is WeightCodec.LAYERED:
        return _layer_names(request, requests)
    names = [other.plain_name for other in requests if other.codec is not WeightCodec.LAYERED]
    alone = names.count(request.plain_name) == 1 or request.codec in _USUAL
    if request.id is not None or alone:
        return (request.plain_name,)
    codec = request.codec.removeprefix(f"{request.precision}+")
    return (f"{request.plain_name}-{codec}".replace("+", "-"),)


def _layer_names(request: VariantRequest, requests: Sequence[VariantRequest]) -> tuple[str, ...]:
    stages = [stage.stage for stage in request.optimise]
    prefix = f"{request.id}-" if request.id else ""
    names = tuple("-".join((f"{prefix}{name}", *stages)) for _, name in LAYERS)
    return names if base_request(request, requests) is None else names[1:]
