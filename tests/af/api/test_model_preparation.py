"""What a Content Preparation Template for a model may ask for, and what contradicts itself."""

from typing import Any

import pytest
from pydantic import ValidationError

from fivegms_api.model_preparation import ModelPreparation
from fivegms_api.model_variants import DEFAULT_VARIANTS, LAYERS, Precision, WeightCodec

FP32 = {"precision": "fp32", "codec": "planes+zstd"}
INT8 = {"precision": "int8", "codec": "int8+zstd"}
LAYERED = {"precision": "fp32", "codec": "layered"}
PRUNED = {"stage": "prune-channels", "ratio": 0.3}
EVALUATION = {"tensors": "held-out.npz"}
DELTA = {"base": "old.onnx", "baseVersion": 1}
QUANTISED = {**DELTA, "mode": "quantised"}
EVERYTHING: dict[str, Any] = {
    "variants": [FP32, INT8, LAYERED, {**INT8, "optimise": [PRUNED], "minimumAccuracy": 0.5}],
    "evaluation": {"media": "clip.mp4", "groundTruth": "clip.json"},
    "calibration": {"media": "other.mp4", "samples": 8},
    "deltas": [DELTA, QUANTISED],
    "compositions": [
        {"id": "named", "cuts": [["a"], ["b", "c"]]},
        {"id": "found", "search": {"subsets": 3, "minimise": "macs", "maxCutBytes": 1000}},
    ],
    "encryption": {"keyId": "k1", "keyUrl": "https://keys.example/k1"},
}


def template(version: int = 2, **members: Any) -> ModelPreparation:
    least = {"model": {"name": "net", "version": version, "task": "toy"}, "source": "net.onnx"}
    return ModelPreparation.model_validate({**least, **members})


def named(*variants: dict[str, Any]) -> list[tuple[str, ...]]:
    return list(template(variants=variants).variant_names)


@pytest.mark.parametrize("members", [{}, EVERYTHING, {"container": "as-is"}])
def test_a_template_comes_back_from_its_json(members: dict[str, Any]) -> None:
    asked = template(**members)
    assert ModelPreparation.model_validate_json(asked.to_json()) == asked


@pytest.mark.parametrize("codec", WeightCodec)
def test_every_codec_belongs_to_precisions(codec: WeightCodec) -> None:
    def accepts(precision: Precision) -> bool:
        try:
            template(variants=[{"precision": precision, "codec": codec}])
        except ValidationError:
            return False
        return True

    assert any(accepts(precision) for precision in Precision)
    assert not all(accepts(precision) for precision in Precision)


def test_variants_are_named_by_what_tells_them_apart() -> None:
    assert [request.plain_name for request in DEFAULT_VARIANTS] == ["fp32", "fp16", "int8"]
    raw = {"precision": "fp32", "codec": "raw"}
    assert named(FP32, INT8) == [("fp32",), ("int8",)]
    assert named(FP32, raw) == [("fp32",), ("fp32-raw",)]
    huffman = {"precision": "int8", "codec": "int8+huffman"}
    assert named(huffman, INT8) == [("int8-huffman",), ("int8",)]
    assert named({**INT8, "optimise": [PRUNED]}) == [("int8-prune-channels",)]
    assert named({**FP32, "id": "best"}, raw) == [("best",), ("fp32",)]


def test_layers_stand_on_the_int8_variant_that_is_asked_for() -> None:
    assert named(LAYERED) == [tuple(name for _, name in LAYERS)]
    assert named(LAYERED, INT8) == [("fp16-layer", "fp32-layer"), ("int8",)]
    assert named({**LAYERED, "id": "big"}) == [("big-int8", "big-fp16-layer", "big-fp32-layer")]
    pruned = {**LAYERED, "optimise": [PRUNED]}
    assert named(pruned, INT8)[0][0] == "int8-prune-channels"


def test_all_content_that_is_needed_is_named_once() -> None:
    asked = template(**EVERYTHING)
    assert asked.named_paths == ("net.onnx", "clip.mp4", "clip.json", "other.mp4", "old.onnx")
    assert asked.sources == ("net.onnx", "old.onnx")
    below = asked.below("net/2")
    assert below.named_paths == tuple(f"net/2/{path}" for path in asked.named_paths)
    assert below.manifest == "net/2/model.mpd"


def test_a_delta_is_named_by_what_it_joins() -> None:
    lossless, quantised = template(evaluation=EVALUATION, deltas=[DELTA, QUANTISED]).deltas
    assert (lossless.name, quantised.name) == ("fp32-from-1", "fp32-from-1-quantised")
    assert (lossless.chain, quantised.accuracy_loss) == (1, 0.005)


def chained(length: int) -> dict[str, Any]:
    """A delta to version `length` + 1 that follows `length` - 1 others."""
    delta: dict[str, Any] = {**DELTA, "step": 1.0, "mode": "quantised"}
    for version in range(2, length + 1):
        base = f"v{version}.onnx"
        delta = {**delta, "base": base, "baseVersion": version, "baseDelta": delta}
    return delta


def test_a_chain_of_deltas_counts_its_links_and_needs_every_source() -> None:
    [delta] = template(version=9, deltas=[chained(8)]).deltas
    assert delta.chain == 8
    assert delta.sources == ("v8.onnx", *(f"v{v}.onnx" for v in range(7, 1, -1)), "old.onnx")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a codec of another precision": ({"variants": [{**FP32, "codec": "int8+zstd"}]}, "cannot hold"),
    "the same variant twice": ({"variants": [FP32, FP32]}, "two variants are named"),
    "two variants of one id": (
        {"variants": [{**FP32, "id": "a"}, {**INT8, "id": "a"}]},
        "two variants are named 'a'",
    ),
    "a variant named as a layer": (
        {"variants": [{**FP32, "id": "fp16-layer"}, LAYERED]},
        "two variants are named",
    ),
    "a delta named as a variant": (
        {"variants": [FP32], "deltas": [{**DELTA, "id": "fp32"}]},
        "two variants are named",
    ),
    "layers of the same stages by two names": (
        {"variants": [INT8, {**LAYERED, "id": "a"}, {**LAYERED, "id": "b"}]},
        "two layered variants of the same stages",
    ),
    "an id that is no name": ({"variants": [{**FP32, "id": "a b"}]}, "match pattern"),
    "a floor with nothing to measure on": (
        {"variants": [{**FP32, "minimumAccuracy": 0.5}]},
        "minimumAccuracy needs an evaluation",
    ),
    "a floor above all": (
        {"evaluation": EVALUATION, "variants": [{**FP32, "minimumAccuracy": 1.5}]},
        "less than or equal to 1",
    ),
    "a stage that nobody knows": (
        {"variants": [{**FP32, "optimise": [{"stage": "hope"}]}]},
        "hope",
    ),
    "calibration without data": (
        {"variants": [{**FP32, "optimise": [{"stage": "quantise-static"}]}]},
        "quantise-static needs a calibration set",
    ),
    "calibration on the evaluation set": (
        {"evaluation": EVALUATION, "calibration": EVALUATION},
        "cannot be calibrated on",
    ),
    "no samples": ({"calibration": {"tensors": "x.npz", "samples": 0}}, "greater than or equal"),
    "both cuts and a search": (
        {"compositions": [{"id": "a", "cuts": [["x"]], "search": {}}]},
        "exactly one of cuts and search",
    ),
    "neither cuts nor a search": ({"compositions": [{"id": "a"}]}, "exactly one of"),
    "a search for one subset": (
        {"compositions": [{"id": "a", "search": {"subsets": 1}}]},
        "greater than or equal to 2",
    ),
    "endpoints of another number of subsets": (
        {"compositions": [{"id": "a", "search": {}, "endpoints": [["ue"]]}]},
        "endpoints must have 2 entries",
    ),
    "a composition of optimised variants alone": (
        {"variants": [{**FP32, "optimise": [PRUNED]}], "compositions": [{"id": "a", "search": {}}]},
        "compositions need a variant without stages",
    ),
    "a delta to the version it starts from": (
        {"deltas": [{**DELTA, "baseVersion": 2}]},
        "cannot start from 2",
    ),
    "a delta to a variant that is not there": (
        {"deltas": [{**DELTA, "variant": "int4"}]},
        "needs variant 'int4'",
    ),
    "a delta to a layered variant": (
        {"variants": [FP32, LAYERED], "deltas": [{**DELTA, "variant": "fp32-layer"}]},
        "needs variant 'fp32-layer'",
    ),
    "a delta from a variant that is not there": (
        {"deltas": [{**DELTA, "baseVariant": "int4"}]},
        "needs variant 'int4'",
    ),
    "a lossless delta with a step": ({"deltas": [{**DELTA, "step": 1.0}]}, "neither"),
    "a lossless delta that may lose": ({"deltas": [{**DELTA, "maxAccuracyLoss": 0.1}]}, "neither"),
    "a quantised delta with nothing to measure on": (
        {"deltas": [QUANTISED]},
        "needs an evaluation set",
    ),
    "nine deltas in a row": ({"version": 10, "deltas": [chained(9)]}, "8 are the most"),
    "a chain whose step is unknown": (
        {"deltas": [{**DELTA, "base": "v2", "baseVersion": 2, "baseDelta": QUANTISED}]},
        "must state the step",
    ),
    "a chain that goes round": (
        {"version": 3, "deltas": [{**DELTA, "base": "v2", "baseDelta": DELTA}]},
        "must come from a version before",
    ),
    "variants of a file as it is": ({"container": "as-is", "variants": [FP32]}, "as it is has no"),
    "another container": ({"container": "zip"}, "as-is"),
    "a source elsewhere": ({"source": "../net.onnx"}, "must be relative"),
}


@pytest.mark.parametrize(("members", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_contradiction_is_named(members: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        template(**members)
