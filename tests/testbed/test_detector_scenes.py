"""Scenes and shipped media: what is annotated, from what material, always the same."""

from dataclasses import replace

import numpy as np
import pytest

from fivegms_engine.media import open_frames
from fivegms_testbed import assets
from fivegms_testbed.detector.digits import (
    LABELS,
    Glyph,
    Split,
    draw_sprite,
    load_backgrounds,
    load_glyphs,
)
from fivegms_testbed.detector.footage import (
    CLIP_FRAMES,
    EVALUATION_FRAMES,
    compose_clip,
    count_movements,
    frame_truth,
)
from fivegms_testbed.detector.places import Place, backgrounds
from fivegms_testbed.detector.samples import render_sample
from fivegms_testbed.detector.scenes import Backdrop, Scene, SceneObject, Track, compose_still

GREY = Backdrop(np.full((192, 320, 3), 128, np.uint8), (0, 0, 320, 192), (0, 0, 320, 192))
BAR = Glyph(np.full((8, 8), 16, np.uint8), 1, 0)
"""A square of ink, so that every box is known."""


def bar(number: int, x: float, y: float) -> Track:
    return Track(number, BAR, (255, 255, 255), (x, y), height=32)


def annotated(*tracks: Track) -> dict[int, SceneObject]:
    _, objects = Scene(GREY, tracks).render(0)
    return {item.track: item for item in objects}


def test_parts_of_the_data_set_share_no_digit() -> None:
    parts = [{glyph.index for glyph in load_glyphs(split)} for split in Split]
    assert [len(part) for part in parts] == [1258, 180, 359]
    assert len(set.union(*parts)) == 1797
    for split in Split:
        assert {glyph.label for glyph in load_glyphs(split)} == set(range(10))


def test_held_out_scenes_show_another_part_of_the_photographs() -> None:
    training, held_out = load_backgrounds(Split.TRAINING), load_backgrounds(Split.HELD_OUT)
    for left, right in zip(training, held_out, strict=True):
        assert left.shape == right.shape == (427, 320, 3)
        assert not np.array_equal(left, right)


def test_a_box_bounds_the_stroke() -> None:
    sprite = draw_sprite(BAR, 32)
    x0, y0, x1, y1 = sprite.box
    assert (x1 - x0, y1 - y0) == pytest.approx((32, 32), abs=2)
    assert np.all(sprite.stroke[y0:y1, x0:x1] > 0.5)
    assert annotated(bar(5, 100, 60))[5].box == pytest.approx((84, 44, 116, 76), abs=2)


@pytest.mark.parametrize(("x", "seen"), [(16, True), (0, True), (-6, False), (-40, False)])
def test_an_object_is_annotated_while_enough_of_it_is_in_the_frame(x: float, seen: bool) -> None:
    objects = annotated(bar(1, x, 90))
    assert (1 in objects) == seen
    if seen:
        assert objects[1].box[0] >= 0


@pytest.mark.parametrize(("shift", "seen"), [(32, True), (16, True), (10, False), (0, False)])
def test_an_object_is_annotated_while_enough_of_it_is_uncovered(shift: float, seen: bool) -> None:
    objects = annotated(bar(1, 100, 90), bar(2, 100 + shift, 90))
    assert (1 in objects) == seen
    assert 2 in objects


def test_a_still_is_the_same_for_the_same_generator() -> None:
    glyphs, photographs = load_glyphs(Split.TRAINING), load_backgrounds(Split.TRAINING)
    one, two, other = (
        compose_still(np.random.default_rng(seed), glyphs, photographs).render(0)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one[0], two[0])
    assert one[1] == two[1]
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize("place", list(Place))
def test_training_samples_are_the_same_every_time(place: Place) -> None:
    for index in range(6):
        job = (Split.TRAINING, place, 7, index)
        first, again = (render_sample(job) for _ in range(2))
        assert np.array_equal(first[0], again[0])
        assert first[1] == again[1]


@pytest.mark.parametrize("place", list(Place))
def test_no_background_is_in_two_splits(place: Place) -> None:
    trained, held_out = (backgrounds(place, split) for split in (Split.TRAINING, Split.HELD_OUT))
    assert {one.shape for one in (*trained, *held_out)} == {(427, 320, 3)}
    assert not {one.tobytes() for one in trained} & {one.tobytes() for one in held_out}


def test_motion_is_by_frame() -> None:
    track = replace(bar(1, 10, 20), velocity=(2.0, -1.0), sway=4.0, sway_period=8.0)
    assert track.centre(0) == (10, 20)
    assert track.centre(2) == pytest.approx((14, 22))


def test_the_clip_can_be_composed_again() -> None:
    """The coded frames are the scene's, but for what the codec loses."""
    scene = compose_clip(load_glyphs(Split.HELD_OUT), load_backgrounds(Split.HELD_OUT))
    truth = assets.clip_truth()
    with open_frames(assets.clip()) as frames:
        for frame in frames:
            if frame.index % 60 == 0:
                pixels, objects = scene.render(frame.index)
                assert np.abs(frame.pixels.astype(int) - pixels).mean() < 5
                assert frame_truth(frame.index, objects) == truth.frame(frame.index)


def test_the_clips_counters_are_those_of_its_annotations() -> None:
    truth = assets.clip_truth()
    assert len(truth.frames) == CLIP_FRAMES == 250
    assert truth.frames_per_second == 25
    assert truth.line == (160, 0, 160, 192)
    assert truth.counters == count_movements(truth.frames)
    assert truth.counters is not None
    assert truth.counters.entered >= 5
    assert truth.counters.left >= 3
    assert truth.counters.crossed >= 5


def test_movements_are_counted_per_track() -> None:
    def at(index: int, *places: tuple[int, float]) -> "list[SceneObject]":
        return [SceneObject(number, 1, (x - 5, 0.0, x + 5, 10.0)) for number, x in places]

    steps = [
        at(0, (1, 100), (2, 200)),
        at(1, (1, 158), (2, 170), (3, 300)),
        at(2, (1, 161), (3, 159), (2, 161)),
        at(3, (1, 159), (3, 161)),
    ]
    counters = count_movements([frame_truth(i, objects) for i, objects in enumerate(steps)])
    assert (counters.entered, counters.left, counters.crossed) == (1, 1, 4)


def test_the_evaluation_set_shows_every_label_often() -> None:
    truth = assets.evaluation_truth()
    assert len(truth.frames) == EVALUATION_FRAMES
    assert truth.labels == LABELS
    counts = dict.fromkeys(LABELS, 0)
    for frame in truth.frames:
        for item in frame.objects:
            counts[item.label] += 1
    assert min(counts.values()) >= 30
