"""Ground truth documents: read, written, refused."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_engine.tasks.errors import GroundTruthMalformed, GroundTruthTooLarge
from fivegms_engine.tasks.ground_truth import (
    MAX_DOCUMENT_BYTES,
    MAX_OBJECTS,
    GroundTruth,
    load_ground_truth,
)

OBJECT = {"track": 3, "label": "7", "box": [1, 2.5, 30, 40]}
DOCUMENT: dict[str, Any] = {
    "media": "clip.mp4",
    "labels": ["6", "7"],
    "width": 320,
    "height": 192,
    "frameRate": [30000, 1001],
    "line": [160, 0, 160, 192],
    "frames": [{"index": 0, "objects": [OBJECT]}, {"index": 2, "objects": []}],
    "counters": {"entered": 1, "left": 2, "crossed": 3},
}


def document(**changes: object) -> bytes:
    return json.dumps(DOCUMENT | changes).encode()


def test_a_document_is_read() -> None:
    truth = load_ground_truth(document())
    assert truth.frames[0].objects[0].box == (1.0, 2.5, 30.0, 40.0)
    assert truth.frames_per_second == Fraction(30000, 1001)
    assert truth.line == (160.0, 0.0, 160.0, 192.0)
    assert truth.counters is not None
    assert truth.counters.crossed == 3


def test_a_frame_left_out_is_empty() -> None:
    truth = load_ground_truth(document())
    assert truth.frame(0).objects
    assert truth.frame(1).objects == ()


def test_line_and_counters_are_optional() -> None:
    plain = {name: DOCUMENT[name] for name in DOCUMENT if name not in ("line", "counters")}
    truth = load_ground_truth(json.dumps(plain).encode())
    assert truth.line is None
    assert truth.counters is None


def test_written_and_read_again_it_is_the_same(tmp_path: Path) -> None:
    truth = load_ground_truth(document())
    path = tmp_path / "clip.json"
    path.write_bytes(truth.to_json())
    assert load_ground_truth(path) == truth
    assert load_ground_truth(path).to_json() == truth.to_json()


def with_object(**changes: object) -> bytes:
    return document(frames=[{"index": 0, "objects": [OBJECT | changes]}])


REFUSED = {
    "not json": (b"{", ""),
    "not an object": (b"[]", ""),
    "a member too many": (document(author="me"), "author"),
    "no media": (document(media=""), "media"),
    "no labels": (document(labels=[]), "labels"),
    "no width": (document(width=0), "width"),
    "a giant": (document(height=100_000), "height"),
    "a rate of nothing": (document(frameRate=[25, 0]), "frameRate.1"),
    "a line outside": (document(line=[-1, 0, 0, 0]), "line.0"),
    "negative counters": (
        document(counters={"entered": -1, "left": 0, "crossed": 0}),
        "counters.entered",
    ),
    "an unknown label": (with_object(label="9"), ""),
    "a box beyond the frame": (with_object(box=[0, 0, 321, 10]), ""),
    "a box without area": (with_object(box=[5, 5, 5, 10]), "frames.0.objects.0"),
    "a box of three": (with_object(box=[1, 2, 3]), "frames.0.objects.0.box.3"),
    "a box that is no number": (
        document().replace(b"2.5", b"NaN"),
        "frames.0.objects.0.box.1",
    ),
    "too many objects": (
        document(frames=[{"index": 0, "objects": [OBJECT] * (MAX_OBJECTS + 1)}]),
        "frames.0.objects",
    ),
    "frames out of order": (document(frames=[{"index": 1}, {"index": 1}]), ""),
}


@pytest.mark.parametrize(("data", "where"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_ground_truth_is_refused_with_its_place(data: bytes, where: str) -> None:
    with pytest.raises(GroundTruthMalformed) as refused:
        load_ground_truth(data)
    assert refused.value.where == where
    assert refused.value.why


def test_too_many_bytes_are_refused_before_parsing() -> None:
    with pytest.raises(GroundTruthTooLarge) as refused:
        load_ground_truth(b" " * (MAX_DOCUMENT_BYTES + 1))
    assert refused.value.limit_bytes == MAX_DOCUMENT_BYTES


@given(cut=st.integers(0, len(document())), at=st.integers(0), flip=st.integers(0, 255))
def test_damage_is_either_harmless_or_named(cut: int, at: int, flip: int) -> None:
    data = bytearray(document()[:cut])
    if data:
        data[at % len(data)] ^= flip
    try:
        truth = load_ground_truth(bytes(data))
    except GroundTruthMalformed:
        return
    assert isinstance(truth, GroundTruth)
