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
    decode_tensor,
    read_unit,
    write_tensor,
    write_topology,
)
from fivegms_manifests.model_mpd import read_model_mpd, write_model_mpd
from fivegms_manifests.segments import (
    WEIGHTS_PAYLOAD_URN,
    InitializationSegment,
    read_initialization_segment,
    read_media_segment,
    write_initialization_segment,
    write_media_segment,
)
from support.manifests import sample_manifest

VECTORS = Path(__file__).parents[1] / "vectors"
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
