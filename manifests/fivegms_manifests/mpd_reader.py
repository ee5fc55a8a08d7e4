"""An MPD of unknown origin as a model manifest: one function per element.

Every value is bounded and every reference resolved here, so what comes out can be used without a
second look. A DASH construct that this reader does not do but that would change which bytes make
a model is refused, never skipped.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeVar

from lxml import etree

from fivegms_manifests.elements import Element
from fivegms_manifests.errors import (
    DuplicateId,
    InvalidValue,
    MissingElement,
    NotAModelManifest,
    StatedTotalDiffers,
    UnknownReference,
    UnsupportedConstruct,
)
from fivegms_manifests.model import (
    CHANNELS,
    LAYOUTS,
    PROFILE_URN,
    RESIZES,
    Accuracy,
    Composition,
    CompositionMember,
    Constraints,
    InputProcessing,
    Latency,
    Model,
    ModelManifest,
    Opset,
    Recovery,
    SegmentRef,
    Subset,
    TensorInfo,
    Variant,
)
from fivegms_manifests.urls import check_url
from fivegms_manifests.vocabulary import (
    CODECS,
    COMPOSITION_SCHEME,
    CONTENT_TYPE,
    MIME_TYPE,
    MODEL_SCHEME,
    ORDER,
    SUBSET_SCHEME,
    VARIANT_SCHEME,
    XLINK_HREF,
    ai,
    dash,
)

T = TypeVar("T")

_UINT32 = 2**32 - 1
_INT32 = 2**31 - 1
_INT64 = 2**63 - 1

_ENDPOINTS = ("ue", "network")

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")

# A construct of the left, anywhere but directly below the right, would be inherited or merged.
_ONLY_BELOW = {
    dash("BaseURL"): dash("MPD"),
    dash("SegmentList"): dash("Representation"),
}
_REFUSED = frozenset(
    dash(name)
    for name in (
        "BitstreamSwitching",
        "ContentProtection",
        "EmptyAdaptationSet",
        "ExtendedBandwidth",
        "FailoverContent",
        "InitializationSet",
        "Location",
        "PatchLocation",
        "SegmentBase",
        "SegmentTemplate",
        "SegmentTimeline",
        "SubRepresentation",
        "Subset",
    )
)
_REFUSED_ATTRIBUTES = (XLINK_HREF, "mediaRange", "range", "byteRange", "indexRange")


def interpret(root: etree._Element) -> ModelManifest:
    """The manifest in the MPD element `root`. Raises any ManifestError about an MPD."""
    mpd = Element(root, "MPD")
    _recognise(mpd)
    _refuse_unsupported(root)
    period = _only_period(mpd)
    model = _model(period.described(dash("SupplementalProperty"), MODEL_SCHEME, ai("Model")))
    subsets = _nonempty(
        period, "AdaptationSet", map(_subset, period.children(dash("AdaptationSet")))
    )
    compositions = _nonempty(
        period, "Preselection", map(_composition, period.children(dash("Preselection")))
    )
    _unique("AdaptationSet", (subset.id for subset in subsets))
    _unique("Representation", (variant.id for subset in subsets for variant in subset.variants))
    _unique("Preselection", (composition.id for composition in compositions))
    _check_members(subsets, compositions)
    base_urls = tuple(
        check_url(element.content(), element.where) for element in mpd.children(dash("BaseURL"))
    )
    return ModelManifest(model, subsets, compositions, base_urls, _published(mpd))


def _recognise(mpd: Element) -> None:
    schemes = {
        element.node.get("schemeIdUri") for element in mpd.children(dash("SupplementalProperty"))
    }
    if mpd.node.tag != dash("MPD") or PROFILE_URN not in schemes:
        raise NotAModelManifest(f"not an MPD with the property {PROFILE_URN}")
    if mpd.node.get("type", "static") != "static":
        raise UnsupportedConstruct("MPD: @type is not static")


def _refuse_unsupported(root: etree._Element) -> None:
    for node in root.iter():
        where = etree.QName(node).localname
        if node.tag in _REFUSED or _is_misplaced(node):
            raise UnsupportedConstruct(f"{where}: not part of a model manifest, there")
        for name in _REFUSED_ATTRIBUTES:
            if node.get(name) is not None:
                raise UnsupportedConstruct(f"{where}: {name} is not part of a model manifest")
        if node.tag == dash("EssentialProperty") and node.get("schemeIdUri") != SUBSET_SCHEME:
            scheme = node.get("schemeIdUri", "")[:100]
            raise UnsupportedConstruct(f"EssentialProperty: {scheme!r} is unknown")


def _is_misplaced(node: etree._Element) -> bool:
    parent, below = node.getparent(), _ONLY_BELOW.get(node.tag)
    return below is not None and parent is not None and parent.tag != below


def _only_period(mpd: Element) -> Element:
    periods = list(mpd.children(dash("Period")))
    if not periods:
        raise MissingElement("MPD: Period is missing")
    if len(periods) > 1:
        raise UnsupportedConstruct("MPD: more than one Period")
    return periods[0]


def _model(element: Element) -> Model:
    processing = element.maybe(ai("InputProcessing"))
    opsets = tuple(
        Opset(opset.text("domain"), opset.integer("version", low=1, high=_INT32))
        for opset in element.children(ai("Opset"))
    )
    _unique(f"{element.where} / Opset", (opset.domain for opset in opsets))
    return Model(
        name=element.label("name"),
        version=element.integer("version", high=_INT32),
        task=element.token("task"),
        framework=element.label("framework"),
        opsets=opsets,
        ir_version=element.integer("irVersion", high=_INT32),
        labels=tuple(label.content() for label in element.children(ai("Label"))),
        input_processing=None if processing is None else _input_processing(processing),
        decision_threshold=element.maybe_number("decisionThreshold"),
    )


def _input_processing(element: Element) -> InputProcessing:
    color = element.choice("color", CHANNELS)
    mean, std = element.numbers("mean"), element.numbers("std")
    if not len(mean) == len(std) == CHANNELS[color]:
        raise InvalidValue(f"{element.where}: @mean and @std are not those of {color} channels")
    if min(std) <= 0:
        raise InvalidValue(f"{element.where}: @std is not above 0 in every channel")
    return InputProcessing(
        tensor=element.label("tensor"),
        layout=element.choice("layout", LAYOUTS),
        color=color,
        mean=mean,
        std=std,
        resize=element.choice("resize", RESIZES),
    )


def _subset(element: Element) -> Subset:
    for name, value in (("contentType", CONTENT_TYPE), ("mimeType", MIME_TYPE), ("codecs", CODECS)):
        if element.text(name) != value:
            raise InvalidValue(f"{element.where}: @{name} is not {value}")
    described = element.described(dash("EssentialProperty"), SUBSET_SCHEME, ai("Subset"))
    variants = _nonempty(
        element, "Representation", map(_variant, element.children(dash("Representation")))
    )
    _check_layers(element, variants)
    return Subset(
        id=element.integer("id", high=_UINT32),
        name=described.label("name"),
        inputs=tuple(map(_tensor, described.children(ai("Input")))),
        outputs=tuple(map(_tensor, described.children(ai("Output")))),
        parameters=described.integer("parameters"),
        variants=variants,
        macs=described.maybe_integer("macs", high=_INT64),
        peak_memory_bytes=described.maybe_integer("peakMemory"),
    )


def _tensor(element: Element) -> TensorInfo:
    shape = tuple(map(_dimension, element.children(ai("Dim"))))
    return TensorInfo(element.label("name"), element.token("dtype"), shape)


def _dimension(element: Element) -> int | str:
    if element.has("size"):
        return element.integer("size")
    return element.label("name") if element.has("name") else ""


def _variant(element: Element) -> Variant:
    described = element.described(dash("SupplementalProperty"), VARIANT_SCHEME, ai("Variant"))
    listed = element.child(dash("SegmentList"))
    latency = described.maybe(ai("Latency"))
    constraints = described.maybe(ai("Constraints"))
    variant = Variant(
        id=element.token("id"),
        precision=described.token("precision"),
        codec=described.token("codec"),
        recovery=Recovery(described.choice("recovery", tuple(Recovery))),
        quality_ranking=element.integer("qualityRanking", high=_UINT32),
        bandwidth_bps=element.integer("bandwidth", low=1, high=_UINT32),
        weights_bytes=described.integer("weightsSize"),
        initialization=_segment(listed.child(dash("Initialization")), "sourceURL"),
        segments=_nonempty(
            listed,
            "SegmentURL",
            (_segment(child, "media") for child in listed.children(dash("SegmentURL"))),
        ),
        accuracy=tuple(map(_accuracy, described.children(ai("Accuracy")))),
        latency=None if latency is None else _latency(latency),
        constraints=Constraints() if constraints is None else _constraints(constraints),
        depends_on=element.token("dependencyId") if element.has("dependencyId") else None,
    )
    _check_totals(described, variant)
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


def _constraints(element: Element) -> Constraints:
    return Constraints(
        min_memory_bytes=element.maybe_integer("minMemory"),
        engines=element.tokens("engines"),
        operating_systems=element.tokens("operatingSystems"),
        accelerators=element.tokens("accelerators"),
    )


def _composition(element: Element) -> Composition:
    if element.text("order") != ORDER:
        raise InvalidValue(f"{element.where}: @order is not {ORDER}")
    described = element.described(
        dash("SupplementalProperty"), COMPOSITION_SCHEME, ai("Composition")
    )
    members = _nonempty(described, "Member", map(_member, described.children(ai("Member"))))
    components = element.tokens("preselectionComponents")
    if components != tuple(str(member.subset_id) for member in members):
        raise InvalidValue(f"{element.where}: @preselectionComponents are not the members")
    _unique(f"{element.where} / Member", (member.subset_id for member in members))
    return Composition(element.token("id"), members)


def _member(element: Element) -> CompositionMember:
    endpoints = element.tokens("endpoints")
    if not endpoints or not set(endpoints) <= set(_ENDPOINTS):
        raise InvalidValue(f"{element.where}: @endpoints are not of {', '.join(_ENDPOINTS)}")
    return CompositionMember(element.integer("subset", high=_UINT32), endpoints)


def _published(mpd: Element) -> datetime | None:
    if not mpd.has("publishTime"):
        return None
    text = mpd.pattern("publishTime", _TIME)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue(f"MPD: @publishTime {text} does not exist") from None


def _check_totals(element: Element, variant: Variant) -> None:
    size, digest = element.integer("size"), element.digest("sha256")
    if (size, digest) != (variant.size_bytes, variant.sha256):
        raise StatedTotalDiffers(
            f"{element.where}: states {size} bytes and SHA-256 {digest}; its segments have "
            f"{variant.size_bytes} and {variant.sha256}"
        )


def _check_layers(element: Element, variants: tuple[Variant, ...]) -> None:
    """A layer depends on one before it, so that no chain of layers can close on itself."""
    before: set[str] = set()
    for variant in variants:
        if variant.depends_on is not None and variant.depends_on not in before:
            raise UnknownReference(
                f"{element.where}: {variant.id} depends on {variant.depends_on}, "
                "which is not a Representation before it"
            )
        before.add(variant.id)


def _check_members(subsets: tuple[Subset, ...], compositions: tuple[Composition, ...]) -> None:
    known = {subset.id for subset in subsets}
    for composition in compositions:
        for member in composition.members:
            if member.subset_id not in known:
                raise UnknownReference(
                    f"Preselection {composition.id}: there is no AdaptationSet {member.subset_id}"
                )


def _nonempty(parent: Element, name: str, found: Iterable[T]) -> tuple[T, ...]:
    values = tuple(found)
    if not values:
        raise MissingElement(f"{parent.where}: {name} is missing")
    return values


def _unique(where: str, ids: Iterable[object]) -> None:
    seen: set[object] = set()
    for identity in ids:
        if identity in seen:
            raise DuplicateId(f"{where}: {identity!r} is there twice")
        seen.add(identity)
