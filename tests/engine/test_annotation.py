"""Results drawn into pictures."""

from dataclasses import replace

import numpy as np
import pytest

from fivegms_engine.annotation import PALETTE, caption, draw_detections
from fivegms_engine.tasks import Detection

GROUND = np.full((192, 320, 3), 90, np.uint8)
ONE = Detection((100.0, 80.0, 140.0, 130.0), "7", 7, 0.98)


def changed(drawn: np.ndarray) -> np.ndarray:
    return (drawn != GROUND).any(axis=2)


@pytest.mark.requirement("R086d")
def test_a_box_is_drawn_in_its_labels_colour_and_the_source_kept() -> None:
    source = GROUND.copy()
    drawn = draw_detections(source, [ONE])
    assert np.array_equal(source, GROUND)
    assert drawn.shape == GROUND.shape
    assert drawn.dtype == np.uint8
    assert np.all(drawn[100, 100] == PALETTE[7])
    assert np.all(drawn[100, 139] == PALETTE[7])
    assert not changed(drawn)[90:120, 110:130].any()


def test_nothing_found_changes_nothing() -> None:
    assert np.array_equal(draw_detections(GROUND, []), GROUND)


def test_labels_have_their_own_colours() -> None:
    assert len(set(PALETTE)) == len(PALETTE) == 10
    other = replace(ONE, label="3", label_index=3)
    assert not np.array_equal(draw_detections(GROUND, [ONE]), draw_detections(GROUND, [other]))


def test_a_caption_has_label_track_and_score() -> None:
    assert caption(ONE) == "7 98%"
    assert caption(replace(ONE, track=3)) == "7 #3 98%"


def test_counters_and_line_are_drawn() -> None:
    lined = changed(draw_detections(GROUND, [], line=(160, 0, 160, 192)))
    assert lined[:, 160].all()
    assert not lined[:, 200].any()
    counted = changed(draw_detections(GROUND, [], {"entered": 3, "left": 0}))
    assert counted[170:, :100].any()
    assert not counted[:150].any()


@pytest.mark.parametrize(
    "box",
    [(0, 0, 20, 20), (300, 0, 320, 20), (0, 172, 20, 192), (300, 172, 320, 192), (0, 0, 320, 192)],
)
def test_a_caption_stays_within_the_picture(box: tuple[float, float, float, float]) -> None:
    within = draw_detections(GROUND, [replace(ONE, box=box)])
    plain = draw_detections(GROUND, [])
    assert changed(within).sum() > changed(plain).sum() + 200


def test_captions_of_neighbours_do_not_hide_one_another() -> None:
    """The caption of the second, drawn last, moves below its box instead of over the first."""
    near = replace(ONE, box=(104.0, 80.0, 144.0, 130.0), score=0.99)
    below = changed(draw_detections(GROUND, [ONE, near]))[133:145, 104:144]
    assert below.any()
    assert not changed(draw_detections(GROUND, [ONE]))[133:145, 104:144].any()


@pytest.mark.parametrize(("height", "width"), [(8, 8), (1, 1), (2160, 3840)])
def test_any_size_of_picture_can_be_drawn_upon(height: int, width: int) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    drawn = draw_detections(picture, [replace(ONE, box=(0, 0, width, height))], {"n": 1})
    assert drawn.shape == picture.shape
