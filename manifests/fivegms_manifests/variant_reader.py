"""A Representation of unknown origin as a variant: one function per element.

What holds between two variants, or between a variant and its model, is `mpd_reader`'s to check.
"""

from fivegms_manifests.elements import Element, nonempty
from fivegms_manifests.errors import InvalidValue, MissingAttribute, StatedTotalDiffers
from fivegms_manifests.model import (
    DELTA_MODES,
    ENCRYPTION_SCHEMES,
    MAX_DELTA_CHAIN,
    Accuracy,
    Constraints,
    Delta,
    Encryption,
    Figures,
    Latency,
    Recovery,
    SegmentRef,
    Stage,
    Variant,
)
from fivegms_manifests.urls import check_url
from fivegms_manifests.vocabulary import VARIANT_SCHEME, ai, dash

_UINT32 = 2**32 - 1
_INT32 = 2**31 - 1


def read_variant(element: Element) -> Variant:
    """The variant that a Representation describes. Raises a leaf of ManifestError."""
    described = element.described(dash("SupplementalProperty"), VARIANT_SCHEME, ai("Variant"))
    listed = element.child(dash("SegmentList"))
    latency = described.maybe(ai("Latency"))
    constraints = described.maybe(ai("Constraints"))
    delta = described.maybe(ai("Delta"))
    encryption = described.maybe(ai("Encryption"))
    variant = Variant(
        id=element.token("id"),
        precision=described.token("precision"),
        codec=described.token("codec"),
        recovery=Recovery(described.choice("recovery", tuple(Recovery))),
        quality_ranking=element.integer("qualityRanking", high=_UINT32),
        bandwidth_bps=element.integer("bandwidth", low=1, high=_UINT32),
        weights_bytes=described.integer("weightsSize"),
        initialization=_segment(listed.child(dash("Initialization")), "sourceURL"),
        segments=nonempty(
            listed,
            "SegmentURL",
            (_segment(child, "media") for child in listed.children(dash("SegmentURL"))),
        ),
        accuracy=tuple(map(_accuracy, described.children(ai("Accuracy")))),
        latency=None if latency is None else _latency(latency),
        constraints=Constraints() if constraints is None else _constraints(constraints),
        depends_on=element.maybe_token("dependencyId"),
        stages=tuple(map(_stage, described.children(ai("Stage")))),
        weights_sha256=described.maybe_digest("weightsSha256"),
        decode_ms=described.maybe_number("decodeMs"),
        delta=None if delta is None else _delta(delta),
        encryption=None if encryption is None else _encryption(encryption),
        container=described.maybe_token("container"),
    )
    _check_totals(described, variant)
    _check_delta(described, variant)
    return variant


def _segment(element: Element, url_name: str) -> SegmentRef:
    return SegmentRef(
        url=check_url(element.text(url_name), element.where),
        sha256=element.digest(ai("sha256")),
        size_bytes=element.integer(ai("size")),
    )


def _accuracy(element: Element) -> Accuracy:
    return Accuracy(element.label("metric"), element.number("value"), element.text("dataSet"))


def _latency(element: Element) -> Latency:
    return Latency(element.number("p50Ms"), element.text("machine"), element.text("engine"))


def _stage(element: Element) -> Stage:
    return Stage(
        name=element.token("name"),
        recovery=Recovery(element.choice("recovery", tuple(Recovery))),
        transparent=element.boolean("transparent"),
        settings=element.text("settings"),
        before=_figures(element.child(ai("Before"))),
        after=_figures(element.child(ai("After"))),
    )


def _figures(element: Element) -> Figures:
    return Figures(
        size_bytes=element.integer("size"),
        accuracy=element.maybe_number("accuracy"),
        latency_ms=element.maybe_number("p50Ms"),
    )


def _delta(element: Element) -> Delta:
    return Delta(
        base_version=element.integer("baseVersion", high=_INT32),
        base_variant=element.token("baseVariant"),
        base_sha256=element.digest("baseWeights"),
        mode=element.choice("mode", DELTA_MODES),
        chain=element.integer("chain", low=1, high=MAX_DELTA_CHAIN),
    )


def _encryption(element: Element) -> Encryption:
    return Encryption(
        scheme=element.choice("scheme", ENCRYPTION_SCHEMES),
        key_id=element.token("keyId"),
        key_url=check_url(element.text("keyUrl"), element.where),
    )


def _constraints(element: Element) -> Constraints:
    return Constraints(
        min_memory_bytes=element.maybe_integer("minMemory"),
        engines=element.tokens("engines"),
        operating_systems=element.tokens("operatingSystems"),
        accelerators=element.tokens("accelerators"),
    )


def _check_totals(element: Element, variant: Variant) -> None:
    size, digest = element.integer("size"), element.digest("sha256")
    if (size, digest) != (variant.size_bytes, variant.sha256):
        raise StatedTotalDiffers(
            f"{element.where}: states {size} bytes and SHA-256 {digest}; its segments have "
            f"{variant.size_bytes} and {variant.sha256}"
        )


def _check_delta(element: Element, variant: Variant) -> None:
    """What a delta gives is checked against a digest, and nothing is layered on it."""
    if variant.delta is None:
        return
    if variant.weights_sha256 is None:
        raise MissingAttribute(f"{element.where}: a delta has no @weightsSha256")
    if variant.depends_on is not None:
        raise InvalidValue(f"{element.where}: a delta has a @dependencyId")
