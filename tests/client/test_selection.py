from dataclasses import replace
from math import isinf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_client.capabilities import DeviceCapabilities, OpsetRange, model_refusal, refusal
from fivegms_client.errors import NoSuitableVariant, UnsupportedOpset
from fivegms_client.selection import (
    LinkEstimate,
    Prefer,
    Preferences,
    Selection,
    Verdict,
    accuracy_of,
    select,
)
from fivegms_manifests.model import (
    Accuracy,
    Constraints,
    Model,
    Opset,
    Recovery,
    SegmentRef,
    Subset,
    Variant,
)

MODEL = Model("digits", 1, "object-detection", "onnx", (Opset("", 17),), 8)
DEVICE = DeviceCapabilities(
    memory_free_bytes=1_000_000,
    operating_system="linux",
    engines=("onnxruntime",),
    accelerators=("cpu",),
    opsets=(OpsetRange("", 1, 21), OpsetRange("ai.onnx.ml", 1, 5)),
    max_ir_version=10,
)
MAP = ("mAP@0.5", "held-out")
UNCONSTRAINED = Constraints()


def variant(
    name: str,
    size: int,
    *,
    ranking: int = 1,
    accuracy: float | None = None,
    precision: str = "fp32",
    codec: str = "planes+zstd",
    weights: int = 1000,
    constraints: Constraints = UNCONSTRAINED,
    depends_on: str | None = None,
) -> Variant:
    figures = () if accuracy is None else (Accuracy(*MAP[:1], accuracy, MAP[1]),)
    return Variant(
        name,
        precision,
        codec,
        Recovery.SENDER_ONLY,
        ranking,
        8 * size,
        weights,
        SegmentRef("init/i.mp4", "00" * 32, 1),
        (SegmentRef(f"segments/{name}.m4s", "11" * 32, size - 1),),
        figures,
        None,
        constraints,
        depends_on,
    )


FP32 = variant("fp32", 1000, ranking=1, accuracy=0.950)
FP16 = variant("fp16", 500, ranking=2, accuracy=0.949, precision="fp16")
INT8 = variant("int8", 250, ranking=3, accuracy=0.935, precision="int8", codec="int8+zstd")


def subset(*variants: Variant) -> Subset:
    return Subset(1, "whole", (), (), 250, variants)


def chosen(
    *variants: Variant,
    device: DeviceCapabilities = DEVICE,
    link: LinkEstimate | None = None,
    **preferences: object,
) -> Selection:
    wishes = Preferences(**preferences)  # type: ignore[arg-type]
    return select(MODEL, subset(*variants), device, wishes, link)


def without_accuracy(one: Variant) -> Variant:
    return replace(one, accuracy=())


UNMEASURED = tuple(without_accuracy(one) for one in (FP32, FP16, INT8))


def test_balanced_takes_the_fewest_bytes_near_the_best_accuracy() -> None:
    selection = chosen(FP32, FP16, INT8)
    assert selection.chosen is FP16
    assert "within 0.01 of the best accuracy" in selection.reason


def test_every_variant_gets_a_sentence() -> None:
    selection = chosen(FP32, FP16, INT8)
    assert [(c.variant.id, c.verdict, c.cause) for c in selection.candidates] == [
        (
            "fp32",
            Verdict.TURNED_DOWN,
            "it is 500 bytes larger than fp16, at mAP@0.5 0.95 against 0.949",
        ),
        ("fp16", Verdict.CHOSEN, selection.reason),
        (
            "int8",
            Verdict.TURNED_DOWN,
            "it is 250 bytes smaller than fp16, at mAP@0.5 0.935 against 0.949",
        ),
    ]


def test_accuracy_and_speed_take_the_ends() -> None:
    assert chosen(FP32, FP16, INT8, prefer=Prefer.ACCURACY).chosen is FP32
    assert chosen(FP32, FP16, INT8, prefer=Prefer.SPEED).chosen is INT8


BASE = replace(INT8, id="base", accuracy=(Accuracy(*MAP[:1], 0.80, MAP[1]),))
TOP = replace(
    variant("top", 900, accuracy=0.950, codec="layered", depends_on="base"),
    initialization=BASE.initialization,
    segments=(SegmentRef("segments/top.m4s", "22" * 32, 899),),
)
WHOLE = replace(FP32, segments=(SegmentRef("segments/fp32.m4s", "33" * 32, 999),))


@pytest.mark.parametrize("prefer", [Prefer.BALANCED, Prefer.ACCURACY])
def test_an_early_start_makes_layers_cheap(prefer: Prefer) -> None:
    offered = subset(WHOLE, BASE, TOP)
    wishes = Preferences(prefer)
    assert select(MODEL, offered, DEVICE, wishes).chosen is WHOLE
    early = select(MODEL, offered, DEVICE, wishes, early=True)
    assert early.chosen is TOP
    assert early.first == (BASE,)
    assert early.layers == (BASE, TOP)
    assert "750 bytes larger than top, as far as it takes to run" in early.candidates[0].cause


def test_an_early_start_is_as_accurate_as_was_asked_for() -> None:
    wishes = Preferences(min_accuracy=0.9)
    early = select(MODEL, subset(WHOLE, BASE, TOP), DEVICE, wishes, early=True)
    assert early.chosen is WHOLE
    early = select(MODEL, subset(BASE, TOP), DEVICE, wishes, early=True)
    assert early.first == (BASE, TOP)


def test_what_was_asked_for_needs_no_other_reason() -> None:
    assert chosen(FP32, FP16, INT8, variant="int8").reason == "it was asked for"
    assert chosen(FP32).reason == "it is the only one that suits"


def test_without_figures_quality_decides() -> None:
    for prefer in (Prefer.BALANCED, Prefer.ACCURACY):
        selection = chosen(*UNMEASURED, prefer=prefer)
        assert selection.chosen.id == "fp32"
        assert "no accuracy is advertised" in selection.reason


def test_without_figures_a_slow_link_decides() -> None:
    assert chosen(*UNMEASURED, link=LinkEstimate(rate_bps=200)).chosen.id == "fp16"
    assert chosen(*UNMEASURED, link=LinkEstimate(rate_bps=10)).chosen.id == "int8"


def test_a_variant_without_a_figure_does_not_outrank_measured_ones() -> None:
    assert chosen(FP32, without_accuracy(INT8)).chosen is FP32


def test_figures_of_other_data_sets_are_not_compared() -> None:
    elsewhere = replace(INT8, accuracy=(Accuracy("mAP@0.5", 0.999, "easy"),))
    assert chosen(FP32, FP16, elsewhere).chosen is FP16


@pytest.mark.parametrize(
    ("spoiled", "told"),
    [
        (replace(FP32, codec="nnc"), "codec nnc is not known"),
        (replace(FP32, precision="int2"), "precision int2 is not known"),
        (replace(FP32, depends_on="base"), "enhancement of base"),
        (replace(FP32, weights_bytes=2_000_000), "2,000,000 bytes of memory, and 1,000,000"),
        (replace(FP32, constraints=Constraints(min_memory_bytes=2_000_000)), "2,000,000 bytes"),
        (replace(FP32, constraints=Constraints(engines=("tflite",))), "engine tflite"),
        (
            replace(FP32, constraints=Constraints(operating_systems=("ios", "android"))),
            "made for ios or android, not linux",
        ),
        (replace(FP32, constraints=Constraints(accelerators=("npu",))), "npu accelerator"),
    ],
)
def test_what_a_device_cannot_run_is_refused(spoiled: Variant, told: str) -> None:
    selection = chosen(spoiled, INT8)
    assert selection.chosen is INT8
    assert selection.candidates[0].verdict is Verdict.REFUSED
    assert told in selection.candidates[0].cause
    with pytest.raises(NoSuitableVariant, match=told):
        chosen(spoiled)


def test_unknown_memory_refuses_nothing() -> None:
    big = replace(FP32, weights_bytes=10**15)
    assert chosen(big, device=replace(DEVICE, memory_free_bytes=None)).chosen is big


def test_wishes_exclude_variants_with_the_reason() -> None:
    with pytest.raises(NoSuitableVariant, match=r"it advertises 0\.935, and at least 0\.94"):
        chosen(INT8, min_accuracy=0.94)
    with pytest.raises(NoSuitableVariant, match="it advertises no accuracy"):
        chosen(without_accuracy(FP32), min_accuracy=0.5)
    with pytest.raises(NoSuitableVariant, match=r"would take 8\.0 s to fetch, more than 2"):
        chosen(FP32, link=LinkEstimate(rate_bps=1000), max_fetch_s=2)


def test_a_variant_or_precision_can_be_asked_for() -> None:
    assert chosen(FP32, FP16, INT8, variant="int8").chosen is INT8
    assert chosen(FP32, replace(FP16, id="s1-v2"), variant="fp16").chosen.id == "s1-v2"
    with pytest.raises(NoSuitableVariant, match="int4 was asked for"):
        chosen(FP32, variant="int4")


def test_what_cannot_be_had_is_refused() -> None:
    selection = select(
        MODEL,
        subset(FP32, INT8),
        DEVICE,
        absence=lambda v: "it is gone" if v is FP32 else None,
    )
    assert selection.chosen is INT8
    assert selection.candidates[0].cause == "it is gone"


@pytest.mark.requirement("R150")
@pytest.mark.parametrize(
    ("opset", "told"),
    [
        (Opset("", 22), "needs opset 22 of domain ai.onnx, and this engine runs 1 to 21"),
        (Opset("ai.onnx", 22), "needs opset 22"),
        (Opset("ai.onnx.ml", 6), "opset 6 of domain ai.onnx.ml, and this engine runs 1 to 5"),
        (Opset("com.acme", 1), "com.acme, and this engine runs no operator of that domain"),
    ],
)
def test_an_unknown_opset_is_refused_from_metadata_alone(opset: Opset, told: str) -> None:
    model = replace(MODEL, opsets=(Opset("", 17), opset))
    with pytest.raises(UnsupportedOpset, match=told):
        select(model, subset(FP32, INT8), DEVICE)


@pytest.mark.requirement("R150")
def test_a_newer_ir_is_refused_from_metadata_alone() -> None:
    assert "IR version 99" in str(model_refusal(replace(MODEL, ir_version=99), DEVICE))


def test_a_link_without_a_rate_never_delivers() -> None:
    assert isinf(LinkEstimate(rate_bps=0).fetch_s(1))
    assert LinkEstimate(rate_bps=8000, rtt_s=0.5).fetch_s(1000) == 1.5


names = st.sampled_from(["linux", "android", "ios"])
constraints = st.builds(
    Constraints,
    min_memory_bytes=st.none() | st.integers(0, 3000),
    engines=st.sampled_from([(), ("onnxruntime",), ("tflite",)]),
    operating_systems=st.lists(names, max_size=2).map(tuple),
    accelerators=st.sampled_from([(), ("cpu",), ("npu", "gpu")]),
)
variants = st.lists(
    st.builds(
        variant,
        st.uuids().map(str),
        st.integers(2, 5000),
        ranking=st.integers(1, 9),
        accuracy=st.none() | st.floats(0, 1),
        precision=st.sampled_from(["fp32", "int8", "int4"]),
        codec=st.sampled_from(["raw", "int8+zstd", "nnc"]),
        weights=st.integers(0, 3000),
        constraints=constraints,
        depends_on=st.sampled_from([None, None, "base"]),
    ),
    min_size=1,
    max_size=8,
)
preferences = st.builds(
    Preferences,
    prefer=st.sampled_from(Prefer),
    min_accuracy=st.none() | st.floats(0, 1),
    max_fetch_s=st.none() | st.floats(0, 60),
)
links = st.none() | st.builds(LinkEstimate, st.floats(0, 1e5), st.floats(0, 1))


@given(offered=variants, wishes=preferences, link=links, memory=st.none() | st.integers(0, 3000))
def test_nothing_that_a_constraint_excludes_is_ever_chosen(
    offered: list[Variant], wishes: Preferences, link: LinkEstimate | None, memory: int | None
) -> None:
    device = replace(DEVICE, memory_free_bytes=memory)
    try:
        selection = select(MODEL, subset(*offered), device, wishes, link)
    except NoSuitableVariant:
        return
    best = selection.chosen
    assert refusal(best, device) is None
    if wishes.min_accuracy is not None:
        accuracy = accuracy_of(best, MAP)
        assert accuracy is not None
        assert accuracy >= wishes.min_accuracy
    if link is not None and wishes.max_fetch_s is not None:
        assert link.fetch_s(best.size_bytes) <= wishes.max_fetch_s
    assert [c.variant for c in selection.candidates if c.verdict is Verdict.CHOSEN] == [best]
    assert all(candidate.cause for candidate in selection.candidates)
