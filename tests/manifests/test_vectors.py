"""Golden vectors, used both ways: a change of any byte on the wire fails here first."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fivegms_codecs import (
    Codec,
    Precision,
    TensorUnit,
    TopologyUnit,
    decode_layers,
    decode_tensor,
    read_unit,
    write_layers,
    write_tensor,
    write_topology,
)
from fivegms_codecs.deltas import DeltaMode, apply_delta, write_delta
from fivegms_codecs.intermediate import IntermediateReader, IntermediateWriter, decode_intermediate
from fivegms_codecs.units import read_tensor
from fivegms_manifests.model_mpd import read_model_mpd, write_model_mpd
from fivegms_manifests.segments import (
    WEIGHTS_PAYLOAD_URN,
    InitializationSegment,
    read_initialization_segment,
    read_media_segment,
    write_initialization_segment,
    write_media_segment,
)
from support.intermediate import parameters_of
from support.manifests import sample_manifest

VECTORS = Path(__file__).parents[1] / "vectors"
LAYERS = json.loads((VECTORS / "layers.json").read_text(encoding="utf-8"))
DELTAS = json.loads((VECTORS / "deltas.json").read_text(encoding="utf-8"))
INTERMEDIATE = json.loads((VECTORS / "intermediate.json").read_text(encoding="utf-8"))
TENSORS = json.loads((VECTORS / "tensor_units.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", TENSORS, ids=[vector["title"] for vector in TENSORS])
def test_tensor_units(vector: dict[str, Any]) -> None:
    array = np.frombuffer(bytes.fromhex(vector["array"]), vector["dtype"]).reshape(vector["shape"])
    asked = Precision(vector["precision"]), Codec(vector["codec"])
    assert write_tensor(vector["name"], array, *asked).hex() == vector["unit"]
    unit = read_unit(bytes.fromhex(vector["unit"]))
    assert isinstance(unit, TensorUnit)
    assert (unit.name, unit.shape) == (vector["name"], array.shape)
    decoded = decode_tensor(unit)
    assert (decoded.dtype, decoded.tobytes().hex()) == (array.dtype, vector["decoded"])


@pytest.mark.parametrize("vector", LAYERS, ids=[vector["title"] for vector in LAYERS])
def test_layers(vector: dict[str, Any]) -> None:
    array = np.frombuffer(bytes.fromhex(vector["array"]), "<f4").reshape(vector["shape"])
    written = write_layers(vector["name"], array)
    data = [unit for unit in (written.base, written.middle, written.last) if unit is not None]
    assert [unit.hex() for unit in data] == vector["units"]
    layers = [read_tensor(bytes.fromhex(unit)) for unit in vector["units"]]
    decoded = [decode_layers(layers[: count + 1]) for count in range(len(layers))]
    assert [tensor.tobytes().hex() for tensor in decoded] == vector["decoded"]


@pytest.mark.parametrize("vector", DELTAS, ids=[vector["title"] for vector in DELTAS])
def test_deltas(vector: dict[str, Any]) -> None:
    base, array = (
        np.frombuffer(bytes.fromhex(vector[key]), vector["dtype"]).reshape(vector["shape"])
        for key in ("base", "array")
    )
    mode = DeltaMode(vector["mode"])
    assert (write_delta(vector["name"], array, base, mode) or b"").hex() == vector["unit"]
    decoded = apply_delta(read_tensor(bytes.fromhex(vector["unit"])), base)
    assert decoded.tobytes().hex() == vector["decoded"]


@pytest.mark.requirement("R145")
@pytest.mark.parametrize("vector", INTERMEDIATE, ids=[vector["title"] for vector in INTERMEDIATE])
def test_intermediate_data(vector: dict[str, Any]) -> None:
    parameters = parameters_of(vector)
    arrays = [
        np.frombuffer(bytes.fromhex(tensor["array"]), tensor["dtype"]).reshape(tensor["arrayShape"])
        for tensor in vector["tensors"]
    ]
    writer = IntermediateWriter(parameters)
    assert writer.parameter_unit.hex() == vector["parameterSet"]
    assert writer.sample(arrays, stated=False).hex() == vector["sample"]
    sample = bytes.fromhex(vector["parameterSet"] + vector["sample"])
    tensors = list(IntermediateReader([parameters.cut]).read(sample))
    assert [tensor.parameters for tensor in tensors] == [parameters] * len(tensors)
    decoded = [decode_intermediate(tensor).tobytes().hex() for tensor in tensors]
    assert decoded == [tensor["decoded"] for tensor in vector["tensors"]]


def test_topology_unit() -> None:
    vector = json.loads((VECTORS / "topology_unit.json").read_text(encoding="utf-8"))
    graph, unit = bytes.fromhex(vector["graph"]), bytes.fromhex(vector["unit"])
    assert write_topology(graph) == unit
    assert read_unit(unit) == TopologyUnit(graph)


def test_initialization_segment() -> None:
    data = (VECTORS / "initialization.mp4").read_bytes()
    assert write_initialization_segment(WEIGHTS_PAYLOAD_URN) == data
    assert read_initialization_segment(data) == InitializationSegment(
        WEIGHTS_PAYLOAD_URN, b"", 1000
    )


def test_media_segment() -> None:
    data = (VECTORS / "media.m4s").read_bytes()
    samples = [b"first sample", b"second", b"3"]
    assert write_media_segment(samples, sequence_number=2, base_decode_time=1000) == data
    segment = read_media_segment(data)
    assert (segment.sequence_number, segment.base_decode_time) == (2, 1000)
    assert [bytes(sample) for sample in segment.samples] == samples


def test_model_mpd() -> None:
    data = (VECTORS / "model.mpd").read_bytes()
    assert write_model_mpd(sample_manifest()) == data
    assert read_model_mpd(data) == sample_manifest()
