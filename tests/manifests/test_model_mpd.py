"""The model MPD: exact both ways, valid for others, and suspicious of whatever it reads."""

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from fivegms_manifests.errors import (
    DuplicateElement,
    DuplicateId,
    ForbiddenUrl,
    InvalidValue,
    ManifestError,
    MissingAttribute,
    MissingElement,
    NotAModelManifest,
    StatedTotalDiffers,
    UnknownReference,
    UnsupportedConstruct,
)
from fivegms_manifests.model import (
    MAX_BANDWIDTH_BPS,
    Composition,
    CompositionMember,
    Constraints,
    Delta,
    Encryption,
    Figures,
    InputProcessing,
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
from fivegms_manifests.model_mpd import read_model_mpd, write_model_mpd
from support import shared_data
from support.manifests import (
    dash_schema,
    sample_delta,
    sample_layer,
    sample_manifest,
    sample_variant,
    segment_ref,
)

SAMPLE = sample_manifest()
MPD = write_model_mpd(SAMPLE)


def with_variant(**changes: object) -> ModelManifest:
    """The sample with its first variant changed."""
    subset = SAMPLE.subsets[0]
    first, *others = subset.variants
    variants = (replace(first, **changes), *others)  # type: ignore[arg-type]
    return replace(SAMPLE, subsets=(replace(subset, variants=variants), *SAMPLE.subsets[1:]))


def with_variants(*variants: Variant) -> ModelManifest:
    """The sample with other variants of its first subset."""
    subset = replace(SAMPLE.subsets[0], variants=variants)
    return replace(SAMPLE, subsets=(subset, *SAMPLE.subsets[1:]))


def with_delta(**changes: object) -> ModelManifest:
    """The sample with its delta on another base."""
    delta = replace(Delta(1, "whole-fp32", f"{9:064x}", "lossless", 2), **changes)  # type: ignore[arg-type]
    return with_variants(SAMPLE.subsets[0].variants[0], replace(sample_delta(), delta=delta))


def with_encryption(**changes: object) -> ModelManifest:
    key = Encryption("aes-256-gcm", "key-1", "keys/1")
    return with_variant(encryption=replace(key, **changes))  # type: ignore[arg-type]


def with_stage(**changes: object) -> ModelManifest:
    figures = Figures(1)
    stage = Stage("codec", Recovery.SENDER_ONLY, True, "", figures, figures)
    return with_variant(stages=(replace(stage, **changes),))  # type: ignore[arg-type]


def with_model(**changes: object) -> ModelManifest:
    return replace(SAMPLE, model=replace(SAMPLE.model, **changes))  # type: ignore[arg-type]


@pytest.mark.requirement("R147")
@pytest.mark.requirement("R003b")
def test_the_sample_comes_back() -> None:
    assert read_model_mpd(MPD) == SAMPLE


def test_it_is_valid_against_the_dash_schema() -> None:
    schema = dash_schema(shared_data("dash-schema"))
    schema.assertValid(etree.fromstring(MPD))


def test_equal_manifests_are_equal_bytes() -> None:
    moved = SAMPLE.published.astimezone(timezone(timedelta(hours=2)))  # type: ignore[union-attr]
    assert write_model_mpd(replace(sample_manifest(), published=moved)) == MPD


def test_the_least_a_manifest_can_say_comes_back() -> None:
    variant = replace(
        sample_variant("v", "fp32", "raw", 1), accuracy=(), latency=None, constraints=Constraints()
    )
    subset = Subset(0, "whole", (), (), 0, (variant,))
    least = ModelManifest(
        Model("m", 0, "t", "onnx", (), 0), (subset,), (Composition("c", (CompositionMember(0),)),)
    )
    document = write_model_mpd(least)
    assert read_model_mpd(document) == least
    dash_schema(shared_data("dash-schema")).assertValid(etree.fromstring(document))


@pytest.mark.requirement("R120")
def test_variants_of_a_subset_share_the_topology_segment() -> None:
    (whole, *_) = read_model_mpd(MPD).subsets
    assert len({variant.segments[0] for variant in whole.variants}) == 1
    assert len({variant.segments[1] for variant in whole.variants}) == len(whole.variants)


def test_a_layer_names_the_layer_below() -> None:
    base, upper, top = SAMPLE.subsets[0].variants[:3]
    layers = base, replace(upper, depends_on=base.id), replace(top, depends_on=upper.id)
    manifest = with_variants(*layers)
    assert read_model_mpd(write_model_mpd(manifest)) == manifest


def test_a_delta_beside_a_whole_variant_comes_back_wherever_it_stands() -> None:
    manifest = with_variants(sample_delta(), SAMPLE.subsets[0].variants[0])
    assert read_model_mpd(write_model_mpd(manifest)) == manifest


@pytest.mark.requirement("R174")
@pytest.mark.requirement("R144")
def test_what_every_stage_did_and_asks_of_the_receiver_comes_back() -> None:
    [layer] = [variant for variant in SAMPLE.subsets[0].variants if variant.depends_on]
    read = read_model_mpd(MPD).subsets[0].variants
    [stages] = [variant.stages for variant in read if variant.id == layer.id]
    assert stages == layer.stages
    assert {stage.recovery for stage in stages} == set(Recovery)
    assert [stage.after.size_bytes for stage in stages] == [8000, 2012]


def test_bandwidth_ends_at_32_bits() -> None:
    assert bandwidth_within_a_second(1000) == 8000
    assert bandwidth_within_a_second(2**40) == MAX_BANDWIDTH_BPS


text = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=20
)
name = text.filter(bool)
token = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9@._+:/-]{0,20}", fullmatch=True)
size = st.integers(0, 2**40 - 1)
real = st.floats(allow_nan=False, allow_infinity=False)
above_zero = st.floats(0, exclude_min=True, allow_infinity=False)
digest = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
tensors = st.lists(
    st.builds(TensorInfo, name, token, st.lists(st.one_of(size, text), max_size=4).map(tuple)),
    max_size=3,
).map(tuple)
processing = st.builds(
    InputProcessing,
    name,
    st.sampled_from(["NCHW", "NHWC"]),
    st.sampled_from(["RGB", "BGR"]),
    st.tuples(real, real, real),
    st.tuples(above_zero, above_zero, above_zero),
    st.sampled_from(["letterbox", "stretch"]),
)
model = st.builds(
    Model,
    name,
    st.integers(0, 2**31 - 1),
    token,
    name,
    st.lists(st.builds(Opset, text, st.integers(1, 99)), unique_by=lambda o: o.domain).map(tuple),
    st.integers(0, 99),
    st.lists(text, max_size=5).map(tuple),
    st.none() | processing,
    st.none() | real,
)
segment = st.builds(
    SegmentRef,
    st.from_regex(r"[a-z0-9]{1,9}(/[a-z0-9]{1,9}){0,2}", fullmatch=True),
    digest,
    st.integers(0, 2**36),
)
tokens = st.lists(token, max_size=3).map(tuple)
constraints = st.builds(Constraints, st.none() | size, tokens, tokens, tokens)
figures = st.builds(Figures, size, st.none() | real, st.none() | real)
stages = st.lists(
    st.builds(Stage, token, st.sampled_from(Recovery), st.booleans(), text, figures, figures),
    max_size=3,
).map(tuple)
encryption = st.builds(Encryption, st.just("aes-256-gcm"), token, st.just("keys/1"))
composition = st.builds(
    Composition,
    token,
    st.just((CompositionMember(1),)),
    st.none() | st.booleans(),
    st.none() | real,
)


variant = st.builds(
    replace,
    st.just(SAMPLE.subsets[0].variants[0]),
    segments=st.lists(segment, min_size=1, max_size=4).map(tuple),
    constraints=constraints,
    stages=stages,
    weights_sha256=st.none() | digest,
    decode_ms=st.none() | real,
    encryption=st.none() | encryption,
    container=st.none() | token,
)


@given(model, tensors, tensors, variant, composition)
def test_any_manifest_comes_back(
    described: Model,
    inputs: tuple[TensorInfo, ...],
    outputs: tuple[TensorInfo, ...],
    only: Variant,
    whole: Composition,
) -> None:
    subset = Subset(1, "whole", inputs, outputs, 5, (only,))
    manifest = ModelManifest(described, (subset,), (whole,))
    document = write_model_mpd(manifest)
    assert read_model_mpd(document) == manifest
    assert write_model_mpd(read_model_mpd(document)) == document


UNWRITABLE = {
    "a control character": (with_model(labels=("a\0",)), InvalidValue),
    "half a surrogate pair": (with_model(labels=("\ud800",)), InvalidValue),
    "a version below zero": (with_model(version=-1), InvalidValue),
    "a task with a space": (with_model(task="object detection"), InvalidValue),
    "no name": (with_model(name=""), InvalidValue),
    "NaN": (with_model(decision_threshold=float("nan")), InvalidValue),
    "an opset twice": (with_model(opsets=(Opset("", 1), Opset("", 2))), DuplicateId),
    "gray with three means": (
        with_model(input_processing=InputProcessing("x", color="GRAY")),
        InvalidValue,
    ),
    "a deviation of zero": (
        with_model(input_processing=InputProcessing("x", std=(1, 0, 1))),
        InvalidValue,
    ),
    "a deviation below zero": (
        with_model(input_processing=InputProcessing("x", std=(1, -0.5, 1))),
        InvalidValue,
    ),
    "an unknown color": (
        with_model(input_processing=InputProcessing("x", color="CMYK")),
        InvalidValue,
    ),
    "33 bits of bandwidth": (with_variant(bandwidth_bps=2**32), InvalidValue),
    "no bandwidth": (with_variant(bandwidth_bps=0), InvalidValue),
    "a size of 2**40": (with_variant(segments=(segment_ref(1, 2**40),)), InvalidValue),
    "a negative size": (with_variant(segments=(segment_ref(1, -1),)), InvalidValue),
    "an engine with a space": (
        with_variant(constraints=Constraints(engines=("a b",))),
        InvalidValue,
    ),
    "no segments": (with_variant(segments=()), MissingElement),
    "an id with a space": (with_variant(id="a b"), InvalidValue),
    "an id twice": (with_variant(id="whole-int8"), DuplicateId),
    "a layer below that is not there": (with_variant(depends_on="nothing"), UnknownReference),
    "a layer below itself": (with_variant(depends_on="whole-fp32"), UnknownReference),
    "a layer on one after it": (with_variant(depends_on="whole-int8"), UnknownReference),
    "a layer on a delta": (
        with_variants(SAMPLE.subsets[0].variants[0], sample_delta(), sample_layer(sample_delta())),
        UnknownReference,
    ),
    "nothing but deltas": (with_variants(sample_delta()), MissingElement),
    "a delta that is a layer": (
        with_variants(
            SAMPLE.subsets[0].variants[0], replace(sample_delta(), depends_on="whole-fp32")
        ),
        InvalidValue,
    ),
    "a delta without a digest of what it gives": (
        with_variants(SAMPLE.subsets[0].variants[0], replace(sample_delta(), weights_sha256=None)),
        MissingAttribute,
    ),
    "a delta on the model's own version": (with_delta(base_version=2), InvalidValue),
    "a delta on a version below zero": (with_delta(base_version=-1), InvalidValue),
    "a delta on a base without digest": (with_delta(base_sha256=""), InvalidValue),
    "a delta of an unknown mode": (with_delta(mode="guessed"), InvalidValue),
    "no delta in the chain": (with_delta(chain=0), InvalidValue),
    "nine deltas in the chain": (with_delta(chain=9), InvalidValue),
    "a stage without name": (with_stage(name=""), InvalidValue),
    "a stage of a negative size": (with_stage(after=Figures(-1)), InvalidValue),
    "a stage of an infinite latency": (
        with_stage(before=Figures(1, latency_ms=float("inf"))),
        InvalidValue,
    ),
    "an unknown cipher": (with_encryption(scheme="rot13"), InvalidValue),
    "a key without name": (with_encryption(key_id=""), InvalidValue),
    "a key in a file": (with_encryption(key_url="file:///etc/key"), ForbiddenUrl),
    "a digest of weights in capitals": (with_variant(weights_sha256="A" * 64), InvalidValue),
    "an endless time to decode": (with_variant(decode_ms=float("inf")), InvalidValue),
    "a container with a space": (with_variant(container="a b"), InvalidValue),
    "a tolerance that is no number": (
        replace(
            SAMPLE,
            compositions=(Composition("c", (CompositionMember(1),), tolerance=float("nan")),),
        ),
        InvalidValue,
    ),
    "a URL that leaves": (with_variant(segments=(SegmentRef("../x", "0" * 64, 1),)), ForbiddenUrl),
    "an upper-case digest": (
        with_variant(segments=(SegmentRef("x", "A" * 64, 1),)),
        InvalidValue,
    ),
    "no subsets": (replace(SAMPLE, subsets=()), MissingElement),
    "no compositions": (replace(SAMPLE, compositions=()), MissingElement),
    "a subset twice": (replace(SAMPLE, subsets=SAMPLE.subsets[:1] * 2), DuplicateId),
    "a composition twice": (replace(SAMPLE, compositions=SAMPLE.compositions[:1] * 2), DuplicateId),
    "a member twice": (
        replace(SAMPLE, compositions=(Composition("c", (CompositionMember(1),) * 2),)),
        DuplicateId,
    ),
    "a member that is not there": (
        replace(SAMPLE, compositions=(Composition("c", (CompositionMember(9),)),)),
        UnknownReference,
    ),
    "an endpoint that is not there": (
        replace(SAMPLE, compositions=(Composition("c", (CompositionMember(1, ("moon",)),)),)),
        InvalidValue,
    ),
    "a member without endpoints": (
        replace(SAMPLE, compositions=(Composition("c", (CompositionMember(1, ()),)),)),
        InvalidValue,
    ),
    "a time without zone": (replace(SAMPLE, published=datetime(2026, 1, 1)), InvalidValue),
    "a base URL of a file": (replace(SAMPLE, base_urls=("file:///x",)), ForbiddenUrl),
    "a string where a number belongs": (with_variant(weights_bytes="10"), InvalidValue),
}


@pytest.mark.parametrize(("manifest", "error"), UNWRITABLE.values(), ids=UNWRITABLE.keys())
def test_a_writer_refuses_what_no_reader_takes(
    manifest: ModelManifest, error: type[ManifestError]
) -> None:
    with pytest.raises(error):
        write_model_mpd(manifest)


def edited(old: str, new: str) -> bytes:
    document = MPD.decode()
    assert old in document
    return document.replace(old, new, 1).encode()


PERIOD = '<Period id="p0" start="PT0S">'
SET = '<AdaptationSet id="1"'
SEGMENT_LIST = '<SegmentList timescale="1000" duration="1000">'
FIRST_SIZE = 'ai:size="500"'
UNREADABLE = {
    "another root": (b"<a/>", NotAModelManifest),
    "no profile property": (
        edited("urn:fivegms:ai:profile:model:2026", "urn:x"),
        NotAModelManifest,
    ),
    "another namespace": (edited("urn:mpeg:dash:schema:mpd:2011", "urn:x"), NotAModelManifest),
    "a dynamic MPD": (edited('type="static"', 'type="dynamic"'), UnsupportedConstruct),
    "no Period": (edited("<Period", "<Perio").replace(b"</Period", b"</Perio"), MissingElement),
    "two Periods": (edited(PERIOD, "<Period/>" + PERIOD), UnsupportedConstruct),
    "a remote Period": (
        edited(PERIOD, '<Period xmlns:x="http://www.w3.org/1999/xlink" x:href="http://h/">'),
        UnsupportedConstruct,
    ),
    "a BaseURL of a Period": (
        edited(PERIOD, PERIOD + "<BaseURL>x</BaseURL>"),
        UnsupportedConstruct,
    ),
    "a SegmentTemplate": (edited(PERIOD, PERIOD + "<SegmentTemplate/>"), UnsupportedConstruct),
    "a SegmentList of a Period": (edited(PERIOD, PERIOD + "<SegmentList/>"), UnsupportedConstruct),
    "bitstream switching": (
        edited("<SegmentURL", "<BitstreamSwitching/><SegmentURL"),
        UnsupportedConstruct,
    ),
    "encrypted": (edited(PERIOD, PERIOD + "<ContentProtection/>"), UnsupportedConstruct),
    "a range of a segment": (
        edited("<SegmentURL", '<SegmentURL mediaRange="0-9"'),
        UnsupportedConstruct,
    ),
    "an unknown essential property": (
        edited("<Representation", '<EssentialProperty schemeIdUri="urn:x"/><Representation'),
        UnsupportedConstruct,
    ),
    "no model": (edited("urn:fivegms:ai:model:2026", "urn:x"), MissingElement),
    "no model element": (
        MPD.replace(b"ai:Model", b"ai:Modell"),
        MissingElement,
    ),
    "two models": (
        edited(SET, '<SupplementalProperty schemeIdUri="urn:fivegms:ai:model:2026"/>' + SET),
        DuplicateElement,
    ),
    "two input processings": (
        edited("<ai:InputProcessing", "<ai:InputProcessing/><ai:InputProcessing"),
        DuplicateElement,
    ),
    "no version": (edited(' version="2"', ""), MissingAttribute),
    "a version with a sign": (edited(' version="2"', ' version="+2"'), InvalidValue),
    "a version of other digits": (edited(' version="2"', ' version="٢"'), InvalidValue),
    "a version of 100 digits": (edited(' version="2"', f' version="{"9" * 100}"'), InvalidValue),
    "a number that is none": (edited('value="0.3', 'value="0,3'), InvalidValue),
    "a number of other digits": (edited('value="0.3', 'value="٠.3'), InvalidValue),
    "a number as in Python": (edited('value="0.3', 'value="1_0.3'), InvalidValue),
    "numbers apart by another space": (edited('mean="0.0 ', 'mean="0.0\u00a0'), InvalidValue),
    "names apart by another space": (
        edited('endpoints="ue ', 'endpoints="ue\u2003'),
        InvalidValue,
    ),
    "an infinite number": (
        edited('decisionThreshold="0.3"', 'decisionThreshold="inf"'),
        InvalidValue,
    ),
    "elements in a label": (edited("<ai:Label>car", "<ai:Label><a/>car"), InvalidValue),
    "a label of 70,000 characters": (
        edited("<ai:Label>car", "<ai:Label>" + "x" * 70_000),
        InvalidValue,
    ),
    "another content type": (
        edited('contentType="application"', 'contentType="video"'),
        InvalidValue,
    ),
    "other codecs": (edited('codecs="urim"', 'codecs="avc1"'), InvalidValue),
    "no recovery": (edited(' recovery="receiver-assisted"', ""), MissingAttribute),
    "another recovery": (edited('recovery="receiver-', 'recovery="'), InvalidValue),
    "a stage without figures": (MPD.replace(b"ai:After", b"ai:Later"), MissingElement),
    "a stage without size": (edited('<ai:Before size="8000"', "<ai:Before"), MissingAttribute),
    "a truth of another spelling": (edited('transparent="true"', 'transparent="1"'), InvalidValue),
    "another truth": (edited('exact="true"', 'exact="True"'), InvalidValue),
    "two encryptions": (
        edited("<ai:Encryption", "<ai:Encryption/><ai:Encryption"),
        DuplicateElement,
    ),
    "two deltas": (edited("<ai:Delta", "<ai:Delta/><ai:Delta"), DuplicateElement),
    "no segment list": (
        edited(SEGMENT_LIST, "<X>").replace(b"</SegmentList>", b"</X>", 1),
        MissingElement,
    ),
    "two initializations": (
        edited("<SegmentURL", "<Initialization/><SegmentURL"),
        DuplicateElement,
    ),
    "a segment without digest": (edited('.m4s" ai:sha256=', '.m4s" ai:sha='), MissingAttribute),
    "a short digest": (edited('ai:sha256="00', 'ai:sha256="'), InvalidValue),
    "a segment without size": (edited(FIRST_SIZE, ""), MissingAttribute),
    "a negative size": (edited(FIRST_SIZE, 'ai:size="-500"'), InvalidValue),
    "a size of 2**40": (edited(FIRST_SIZE, f'ai:size="{2**40}"'), InvalidValue),
    "another size than stated": (edited(FIRST_SIZE, 'ai:size="501"'), StatedTotalDiffers),
    "another digest than stated": (edited('ai:sha256="0', 'ai:sha256="1'), StatedTotalDiffers),
    "a segment on disk": (edited('media="', 'media="file:///'), ForbiddenUrl),
    "a segment above": (edited('media="', 'media="../'), ForbiddenUrl),
    "another order": (edited('order="fully-ordered"', 'order="undefined"'), InvalidValue),
    "components that are not the members": (
        edited('preselectionComponents="2 3"', 'preselectionComponents="3 2"'),
        InvalidValue,
    ),
    "a time that does not exist": (edited("2026-11-23T", "2026-13-23T"), InvalidValue),
    "a time without zone": (edited("250000Z", "250000"), InvalidValue),
}


@pytest.mark.parametrize(("data", "error"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_reader_refuses_by_name(data: bytes, error: type[ManifestError]) -> None:
    with pytest.raises(error):
        read_model_mpd(data)


def test_a_refusal_stays_on_one_short_line() -> None:
    scheme = '<EssentialProperty schemeIdUri="{}"/><Representation'.format("x&#10;" * 1000)
    for data in (edited(SET, SET.replace("1", "1&#10;2")), edited("<Representation", scheme)):
        with pytest.raises(ManifestError) as refused:
            read_model_mpd(data)
        message = str(refused.value)
        assert "\n" not in message
        assert len(message) < 500


def test_a_refusal_names_the_element() -> None:
    with pytest.raises(MissingAttribute, match=r"AdaptationSet 1 / Representation whole-fp32 / "):
        read_model_mpd(edited(FIRST_SIZE, ""))


@pytest.mark.parametrize("example", ["example_G1.mpd", "example_G22.mpd", "example_I1.mpd"])
def test_a_media_mpd_is_not_a_model_manifest(example: str) -> None:
    document = (shared_data("dash-schema") / example).read_bytes()
    with pytest.raises(NotAModelManifest):
        read_model_mpd(document)


def test_unknown_elements_and_attributes_are_ignored() -> None:
    extended = edited(PERIOD, PERIOD + '<x:y xmlns:x="urn:x"/>').replace(
        b"<AdaptationSet ", b'<AdaptationSet lang="en" '
    )
    assert read_model_mpd(extended) == SAMPLE


def attributes() -> list[tuple[int, str]]:
    nodes = etree.fromstring(MPD).iter()
    return [(index, str(name)) for index, node in enumerate(nodes) for name in node.attrib]


@given(
    st.sampled_from(attributes()),
    st.none()
    | st.sampled_from(["", " ", "-1", "1e9", "nan", "../x", "9" * 30, "x" * 70_000])
    | text,
)
def test_any_attribute_missing_or_wrong_is_refused_or_read(
    place: tuple[int, str], value: str | None
) -> None:
    root = etree.fromstring(MPD)
    index, attribute = place
    node = list(root.iter())[index]
    if value is None:
        del node.attrib[attribute]
    else:
        node.set(attribute, value)
    with contextlib.suppress(ManifestError):
        read_model_mpd(etree.tostring(root))


@given(st.integers(0, len(list(etree.fromstring(MPD).iter())) - 1), st.booleans())
def test_any_element_missing_or_repeated_is_refused_or_read(index: int, repeated: bool) -> None:
    root = etree.fromstring(MPD)
    node = list(root.iter())[index]
    parent = node.getparent()
    if parent is None:
        return
    if repeated:
        parent.append(etree.fromstring(etree.tostring(node)))
    else:
        parent.remove(node)
    with contextlib.suppress(ManifestError):
        read_model_mpd(etree.tostring(root))


def test_an_mpd_cut_anywhere_is_refused() -> None:
    for length in range(0, len(MPD.rstrip()) - 1, 7):
        with pytest.raises(ManifestError):
            read_model_mpd(MPD[:length])


@given(st.lists(st.tuples(st.integers(0, len(MPD) - 1), st.integers(0, 7)), min_size=1, max_size=4))
def test_flipped_bits_never_crash_a_reader(flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(MPD)
    for position, bit in flips:
        damaged[position] ^= 1 << bit
    with contextlib.suppress(ManifestError):
        read_model_mpd(bytes(damaged))


def test_a_variant_adds_up_its_parts() -> None:
    variant: Variant = SAMPLE.subsets[0].variants[0]
    assert list(variant.parts()) == [variant.initialization, *variant.segments]
    assert variant.size_bytes == 612 + 500 + 900


def test_parts_are_found_by_id() -> None:
    assert SAMPLE.subset(2).name == "head"
    assert SAMPLE.composition("split").members[1].subset_id == 3
    with pytest.raises(KeyError):
        SAMPLE.subset(9)
    with pytest.raises(KeyError):
        SAMPLE.composition("nothing")
