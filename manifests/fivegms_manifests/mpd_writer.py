"""A model manifest as an MPD: one function per element, in the order that the schema asks.

The output is canonical: attributes in a fixed order, two-space indentation, numbers in their
shortest exact form, times in UTC. It holds nothing but the manifest, so equal manifests are equal
bytes.
"""

from datetime import UTC, datetime

from lxml import etree

from fivegms_manifests.errors import InvalidValue
from fivegms_manifests.model import (
    PROFILE_URN,
    Composition,
    Constraints,
    Delta,
    Encryption,
    Figures,
    InputProcessing,
    Model,
    ModelManifest,
    SegmentRef,
    Stage,
    Subset,
    TensorInfo,
    Variant,
)
from fivegms_manifests.segments import SEGMENT_DURATION, TIMESCALE
from fivegms_manifests.vocabulary import (
    AI_NAMESPACE,
    CODECS,
    COMPOSITION_SCHEME,
    CONTENT_TYPE,
    DASH_NAMESPACE,
    DASH_PROFILE,
    MIME_TYPE,
    MODEL_SCHEME,
    ORDER,
    SUBSET_SCHEME,
    VARIANT_SCHEME,
    ai,
    dash,
)

Value = str | int | float | tuple[str, ...] | tuple[float, ...] | None

_PREFIXES: dict[str | None, str] = {None: DASH_NAMESPACE, "ai": AI_NAMESPACE}


def render(manifest: ModelManifest) -> bytes:
    """The MPD, unchecked. Raises InvalidValue for what XML or the schema cannot carry."""
    try:
        root = _mpd(manifest)
    except ValueError as error:
        raise InvalidValue(f"the manifest has text that XML cannot carry: {error}") from None
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _mpd(manifest: ModelManifest) -> etree._Element:
    root = etree.Element(dash("MPD"), nsmap=_PREFIXES)  # type: ignore[arg-type]
    counts = [len(variant.segments) for subset in manifest.subsets for variant in subset.variants]
    duration = f"PT{max(counts, default=0) * SEGMENT_DURATION // TIMESCALE}S"
    _set(
        root,
        profiles=DASH_PROFILE,
        type="static",
        publishTime=_utc(manifest.published),
        mediaPresentationDuration=duration,
        minBufferTime="PT1S",
    )
    for url in manifest.base_urls:
        _add(root, dash("BaseURL")).text = url
    _period(root, manifest)
    _add(root, dash("SupplementalProperty"), schemeIdUri=PROFILE_URN)
    return root


def _period(root: etree._Element, manifest: ModelManifest) -> None:
    period = _add(root, dash("Period"), id="p0", start="PT0S")
    for subset in manifest.subsets:
        _subset(period, subset)
    _model(period, manifest.model)
    for composition in manifest.compositions:
        _composition(period, composition)


def _model(period: etree._Element, model: Model) -> None:
    descriptor = _add(period, dash("SupplementalProperty"), schemeIdUri=MODEL_SCHEME)
    element = _add(
        descriptor,
        ai("Model"),
        name=model.name,
        version=model.version,
        task=model.task,
        framework=model.framework,
        irVersion=model.ir_version,
        decisionThreshold=_real(model.decision_threshold),
    )
    for opset in model.opsets:
        _add(element, ai("Opset"), domain=opset.domain, version=opset.version)
    if model.input_processing is not None:
        _input_processing(element, model.input_processing)
    for label in model.labels:
        _add(element, ai("Label")).text = label


def _input_processing(model: etree._Element, processing: InputProcessing) -> None:
    _add(
        model,
        ai("InputProcessing"),
        tensor=processing.tensor,
        layout=processing.layout,
        color=processing.color,
        resize=processing.resize,
        mean=tuple(float(value) for value in processing.mean),
        std=tuple(float(value) for value in processing.std),
    )


def _subset(period: etree._Element, subset: Subset) -> None:
    element = _add(
        period,
        dash("AdaptationSet"),
        id=subset.id,
        contentType=CONTENT_TYPE,
        mimeType=MIME_TYPE,
        codecs=CODECS,
    )
    descriptor = _add(element, dash("EssentialProperty"), schemeIdUri=SUBSET_SCHEME)
    described = _add(
        descriptor,
        ai("Subset"),
        name=subset.name,
        parameters=subset.parameters,
        macs=subset.macs,
        peakMemory=subset.peak_memory_bytes,
    )
    for tensor in subset.inputs:
        _tensor(described, "Input", tensor)
    for tensor in subset.outputs:
        _tensor(described, "Output", tensor)
    for variant in subset.variants:
        _variant(element, variant)


def _tensor(subset: etree._Element, name: str, tensor: TensorInfo) -> None:
    element = _add(subset, ai(name), name=tensor.name, dtype=tensor.dtype)
    for dimension in tensor.shape:
        if isinstance(dimension, int):
            _add(element, ai("Dim"), size=dimension)
        else:
            _add(element, ai("Dim"), name=dimension or None)


def _variant(adaptation_set: etree._Element, variant: Variant) -> None:
    element = _add(
        adaptation_set,
        dash("Representation"),
        id=variant.id,
        bandwidth=variant.bandwidth_bps,
        qualityRanking=variant.quality_ranking,
        dependencyId=variant.depends_on,
    )
    _variant_description(element, variant)
    listed = _add(element, dash("SegmentList"), timescale=TIMESCALE, duration=SEGMENT_DURATION)
    _segment(listed, "Initialization", "sourceURL", variant.initialization)
    for segment in variant.segments:
        _segment(listed, "SegmentURL", "media", segment)


def _variant_description(representation: etree._Element, variant: Variant) -> None:
    descriptor = _add(representation, dash("SupplementalProperty"), schemeIdUri=VARIANT_SCHEME)
    element = _add(
        descriptor,
        ai("Variant"),
        precision=variant.precision,
        codec=variant.codec,
        recovery=variant.recovery,
        size=variant.size_bytes,
        sha256=variant.sha256,
        weightsSize=variant.weights_bytes,
        weightsSha256=variant.weights_sha256,
        decodeMs=_real(variant.decode_ms),
        container=variant.container,
    )
    for accuracy in variant.accuracy:
        value = _real(accuracy.value)
        _add(
            element, ai("Accuracy"), metric=accuracy.metric, value=value, dataSet=accuracy.data_set
        )
    if variant.latency is not None:
        latency = variant.latency
        p50 = _real(latency.p50_ms)
        _add(element, ai("Latency"), p50Ms=p50, machine=latency.machine, engine=latency.engine)
    if variant.constraints != Constraints():
        _constraints(element, variant.constraints)
    for stage in variant.stages:
        _stage(element, stage)
    if variant.delta is not None:
        _delta(element, variant.delta)
    if variant.encryption is not None:
        _encryption(element, variant.encryption)


def _constraints(variant: etree._Element, constraints: Constraints) -> None:
    _add(
        variant,
        ai("Constraints"),
        minMemory=constraints.min_memory_bytes,
        engines=constraints.engines or None,
        operatingSystems=constraints.operating_systems or None,
        accelerators=constraints.accelerators or None,
    )


def _stage(variant: etree._Element, stage: Stage) -> None:
    element = _add(
        variant,
        ai("Stage"),
        name=stage.name,
        recovery=stage.recovery,
        transparent=stage.transparent,
        settings=stage.settings,
    )
    _figures(element, "Before", stage.before)
    _figures(element, "After", stage.after)


def _figures(stage: etree._Element, name: str, figures: Figures) -> None:
    _add(
        stage,
        ai(name),
        size=figures.size_bytes,
        accuracy=_real(figures.accuracy),
        p50Ms=_real(figures.latency_ms),
    )


def _delta(variant: etree._Element, delta: Delta) -> None:
    _add(
        variant,
        ai("Delta"),
        baseVersion=delta.base_version,
        baseVariant=delta.base_variant,
        baseWeights=delta.base_sha256,
        mode=delta.mode,
        chain=delta.chain,
    )


def _encryption(variant: etree._Element, encryption: Encryption) -> None:
    _add(
        variant,
        ai("Encryption"),
        scheme=encryption.scheme,
        keyId=encryption.key_id,
        keyUrl=encryption.key_url,
    )


def _segment(listed: etree._Element, name: str, url_name: str, segment: SegmentRef) -> None:
    element = _add(listed, dash(name), **{url_name: segment.url})
    element.set(ai("sha256"), segment.sha256)
    element.set(ai("size"), str(segment.size_bytes))


def _composition(period: etree._Element, composition: Composition) -> None:
    element = _add(
        period,
        dash("Preselection"),
        id=composition.id,
        preselectionComponents=tuple(str(member.subset_id) for member in composition.members),
        order=ORDER,
    )
    descriptor = _add(element, dash("SupplementalProperty"), schemeIdUri=COMPOSITION_SCHEME)
    described = _add(
        descriptor,
        ai("Composition"),
        exact=composition.exact,
        tolerance=_real(composition.tolerance),
    )
    for member in composition.members:
        _add(described, ai("Member"), subset=member.subset_id, endpoints=member.endpoints)


def _add(parent: etree._Element, tag: str, **attributes: Value) -> etree._Element:
    element = etree.SubElement(parent, tag)
    _set(element, **attributes)
    return element


def _set(element: etree._Element, **attributes: Value) -> None:
    for name, value in attributes.items():
        if value is not None:
            element.set(name, _text(value))


def _text(value: str | float | tuple[str, ...] | tuple[float, ...]) -> str:
    if isinstance(value, tuple):
        return " ".join(_text(part) for part in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def _real(value: float | None) -> float | None:
    return None if value is None else float(value)


def _utc(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    if moment.utcoffset() is None:
        raise InvalidValue("MPD: the time of publication has no time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
