"""An MPD of unknown origin as a model manifest: one function per element.

Every value is bounded and every reference resolved here, so what comes out can be used without a
second look. A DASH construct that this reader does not do but that would change which bytes make
a model is refused, never skipped.
"""

import re
from datetime import UTC, datetime

from lxml import etree

from fivegms_manifests.elements import Element, nonempty, unique
from fivegms_manifests.errors import (
    InvalidValue,
    MissingElement,
    NotAModelManifest,
    UnknownReference,
    UnsupportedConstruct,
)
from fivegms_manifests.model import (
    CHANNELS,
    LAYOUTS,
    PROFILE_URN,
    RESIZES,
    Composition,
    CompositionMember,
    InputProcessing,
    Model,
    ModelManifest,
    Opset,
    Subset,
    TensorInfo,
    Variant,
)
from fivegms_manifests.urls import check_url
from fivegms_manifests.variant_reader import read_variant
from fivegms_manifests.vocabulary import (
    CODECS,
    COMPOSITION_SCHEME,
    CONTENT_TYPE,
    MIME_TYPE,
    MODEL_SCHEME,
    ORDER,
    SUBSET_SCHEME,
    XLINK_HREF,
    ai,
    dash,
)

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
    subsets = nonempty(
        period, "AdaptationSet", map(_subset, period.children(dash("AdaptationSet")))
    )
    compositions = nonempty(
        period, "Preselection", map(_composition, period.children(dash("Preselection")))
    )
    unique("AdaptationSet", (subset.id for subset in subsets))
    unique("Representation", (variant.id for subset in subsets for variant in subset.variants))
    unique("Preselection", (composition.id for composition in compositions))
    _check_members(subsets, compositions)
    _check_base_versions(model, subsets)
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
    unique(f"{element.where} / Opset", (opset.domain for opset in opsets))
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
    variants = nonempty(
        element, "Representation", map(read_variant, element.children(dash("Representation")))
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


def _composition(element: Element) -> Composition:
    if element.text("order") != ORDER:
        raise InvalidValue(f"{element.where}: @order is not {ORDER}")
    described = element.described(
        dash("SupplementalProperty"), COMPOSITION_SCHEME, ai("Composition")
    )
    members = nonempty(described, "Member", map(_member, described.children(ai("Member"))))
    components = element.tokens("preselectionComponents")
    if components != tuple(str(member.subset_id) for member in members):
        raise InvalidValue(f"{element.where}: @preselectionComponents are not the members")
    unique(f"{element.where} / Member", (member.subset_id for member in members))
    return Composition(
        element.token("id"),
        members,
        exact=described.maybe_boolean("exact"),
        tolerance=described.maybe_number("tolerance"),
    )


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


def _check_layers(element: Element, variants: tuple[Variant, ...]) -> None:
    """A layer depends on a whole variant or a layer before it, so no chain closes on itself.

    Something can always be had whole, by a device that holds nothing yet.
    """
    layerable: set[str] = set()
    for variant in variants:
        if variant.depends_on is not None and variant.depends_on not in layerable:
            raise UnknownReference(
                f"{element.where}: {variant.id} depends on {variant.depends_on}, "
                "which is not a whole or layered Representation before it"
            )
        if variant.delta is None:
            layerable.add(variant.id)
    if not layerable:
        raise MissingElement(f"{element.where}: there is no Representation but deltas")


def _check_base_versions(model: Model, subsets: tuple[Subset, ...]) -> None:
    for variant in (variant for subset in subsets for variant in subset.variants):
        if variant.delta is not None and variant.delta.base_version >= model.version:
            raise InvalidValue(
                f"Representation {variant.id}: a delta on version {variant.delta.base_version} "
                f"of a model of version {model.version}"
            )


def _check_members(subsets: tuple[Subset, ...], compositions: tuple[Composition, ...]) -> None:
    known = {subset.id for subset in subsets}
    for composition in compositions:
        for member in composition.members:
            if member.subset_id not in known:
                raise UnknownReference(
                    f"Preselection {composition.id}: there is no AdaptationSet {member.subset_id}"
                )
