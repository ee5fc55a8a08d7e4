"""One topology for all variants, tensors in execution order, segments that close near a size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto

from fivegms_api.model_variants import DEFAULT_VARIANTS, Precision, VariantRequest, WeightCodec
from fivegms_codecs.units import TensorUnit, TopologyUnit, read_unit
from fivegms_engine.graph import SeparatedModel, expected_tensors, separate
from fivegms_manifests.digests import digest
from fivegms_manifests.segments import read_initialization_segment, read_media_segment
from fivegms_prepare.decoding import decode, load
from fivegms_prepare.errors import NotLoadable, VariantImpossible
from fivegms_prepare.recipes import batches
from fivegms_prepare.variants import EncodedVariant, encode
from support.onnx_graphs import classifier, model_of, node

LOSSLESS, HALF, BYTE = DEFAULT_VARIANTS
[PLAIN] = batches([LOSSLESS])
LARGE = classifier(width=64)


def encoded(
    folder: Path, request: VariantRequest = LOSSLESS, size: int = 2**20, model: ModelProto = LARGE
) -> EncodedVariant:
    [batch] = batches([request])
    [variant] = encode(separate(model), batch, folder, size)
    return variant


def units(variant: EncodedVariant, folder: Path) -> list[list[TopologyUnit | TensorUnit]]:
    files = [(folder / ref.url).read_bytes() for ref in variant.segments]
    return [[read_unit(sample) for sample in read_media_segment(data).samples] for data in files]


@pytest.mark.requirement("R120")
def test_topology_first_and_alone_then_tensors_in_order(tmp_path: Path) -> None:
    topology, tensors = units(encoded(tmp_path), tmp_path)
    assert [type(unit) for unit in topology] == [TopologyUnit]
    assert [unit.name for unit in tensors if isinstance(unit, TensorUnit)] == [
        "w1",
        "b1",
        "w2",
        "w3",
    ]


@pytest.mark.requirement("R101")
def test_variants_share_the_topology(tmp_path: Path) -> None:
    variants = [encoded(tmp_path, request) for request in DEFAULT_VARIANTS]
    assert len({variant.initialization for variant in variants}) == 1
    assert len({variant.segments[0] for variant in variants}) == 1
    assert len({variant.segments[1] for variant in variants}) == 3
    sizes = [sum(ref.size_bytes for ref in variant.segments) for variant in variants]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(("size", "segments"), [(2**20, 2), (21_000, 3), (4096, 4)])
def test_segments_close_at_tensor_boundaries(size: int, segments: int, tmp_path: Path) -> None:
    small = VariantRequest(precision=Precision.FP32, codec=WeightCodec.RAW)
    variant = encoded(tmp_path, small, size, classifier(width=16))
    assert len(variant.segments) == segments
    for group, ref in zip(units(variant, tmp_path)[1:], variant.segments[1:], strict=True):
        assert len(group) == 1 or ref.size_bytes <= size + 1024


def test_files_are_named_by_their_digest(tmp_path: Path) -> None:
    variant = encoded(tmp_path)
    for ref in (variant.initialization, *variant.segments):
        data = (tmp_path / ref.url).read_bytes()
        assert ref.sha256 == digest(data)
        assert ref.size_bytes == len(data)
        assert ref.sha256 in ref.url


def test_initialization_names_the_payload(tmp_path: Path) -> None:
    data = (tmp_path / encoded(tmp_path).initialization.url).read_bytes()
    assert read_initialization_segment(data).payload_urn == "urn:fivegms:ai:payload:weights:2026"


def test_same_model_same_files(tmp_path: Path) -> None:
    assert encoded(tmp_path / "a") == encoded(tmp_path / "b")


def test_lossless_is_lossless(tmp_path: Path) -> None:
    decoded = decode([encoded(tmp_path).segments], tmp_path)
    assert [info.name for info in expected_tensors(decoded.topology)] == list(decoded.tensors)
    for weight in separate(LARGE).weights:
        assert np.array_equal(decoded.tensors[weight.name], weight.array())


@pytest.mark.requirement("R140")
@pytest.mark.parametrize(("request_", "share", "error"), [(HALF, 0.55, 5e-4), (BYTE, 0.27, 5e-3)])
def test_lower_precision_is_smaller_and_near(
    request_: VariantRequest, share: float, error: float, tmp_path: Path
) -> None:
    variant = encoded(tmp_path, request_)
    tensors = decode([variant.segments], tmp_path).tensors
    weights = {weight.name: weight for weight in separate(LARGE).weights}
    size_bytes = sum(ref.size_bytes for ref in variant.segments[1:])
    assert size_bytes < share * sum(weight.size_bytes for weight in weights.values())
    for name, tensor in tensors.items():
        exact = weights[name].array()
        assert tensor.dtype == exact.dtype
        assert np.abs(tensor - exact).max() <= error * np.abs(exact).max()


def test_progress_ends_at_all(tmp_path: Path) -> None:
    told: list[float] = []
    encode(separate(LARGE), PLAIN, tmp_path, 2**20, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_model_without_separable_weights(tmp_path: Path) -> None:
    model = model_of([node("Relu", "x", "y")], {"x": ("float32", ["N"])}, {"y": ("float32", ["N"])})
    variant = encoded(tmp_path, model=model)
    assert len(variant.segments) == 1
    loaded = load(decode([variant.segments], tmp_path))
    assert loaded.run({"x": np.array([-1, 1], np.float32)})["y"].tolist() == [0, 1]


def test_tensor_that_no_unit_carries(tmp_path: Path) -> None:
    separated = separate(LARGE)
    first = separated.weights[0]
    named = replace(first, info=replace(first.info, name="w" * 2000))
    with pytest.raises(VariantImpossible, match="fp32 as planes"):
        encode(replace(separated, weights=(named,)), PLAIN, tmp_path, 2**20)


def test_graph_that_the_engine_does_not_load(tmp_path: Path) -> None:
    model = model_of(
        [node("Concat", "x x", "y", axis=9)], {"x": ("float32", [1])}, {"y": ("float32", [2])}
    )
    variant = encoded(tmp_path, model=model)
    with pytest.raises(NotLoadable, match="onnxruntime does not load"):
        load(decode([variant.segments], tmp_path))


class Counted(SeparatedModel):
    """Counts how often the size of all weights is asked for, which reads every one of them."""

    asked = 0

    @property
    def weights_bytes(self) -> int:
        type(self).asked += 1
        return sum(weight.size_bytes for weight in self.weights)


def test_the_size_of_all_weights_is_computed_once(tmp_path: Path) -> None:
    parts = separate(LARGE)
    done: list[float] = []
    encode(Counted(parts.graph, parts.weights), PLAIN, tmp_path, 2**20, done.append)
    assert Counted.asked == 1
    assert len(done) == len(parts.weights)
    assert done[-1] == 1
