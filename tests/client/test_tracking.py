from collections.abc import Iterable
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_client.association import Box, Expectation, Gate, associate, intersection_over_union
from fivegms_client.counting import MovementCounter, MovementCounters, Scene, count_movements
from fivegms_client.tracking import Tracker, TrackerSettings
from fivegms_engine.tasks import Detection, TruthObject
from fivegms_testbed import assets

SCENE = Scene(320, 192, line=(160, 0, 160, 192))


def seen(x: float, y: float = 90, label: str = "7", score: float = 0.9) -> Detection:
    """A 30 x 40 box around (x, y)."""
    return Detection((x - 15, y - 20, x + 15, y + 20), label, int(label), score)


def track(
    frames: list[list[Detection]], **settings: float
) -> tuple[Tracker, list[list[int | None]]]:
    tracker = Tracker(TrackerSettings(**settings))  # type: ignore[arg-type]
    numbers = [
        [detection.track for detection in tracker.update(index, detections)]
        for index, detections in enumerate(frames)
    ]
    return tracker, numbers


def movements(frames: list[list[Detection]], scene: Scene = SCENE) -> MovementCounters:
    tracker, _ = track(frames)
    return count_movements(tracker.tracks, scene, len(frames) - 1)


def test_overlap_by_hand() -> None:
    assert intersection_over_union((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert intersection_over_union((0, 0, 10, 10), (10, 0, 20, 10)) == 0
    assert intersection_over_union((0, 0, 10, 10), (0, 5, 10, 15)) == pytest.approx(1 / 3)
    assert intersection_over_union((0, 0, 0.5, 5e-324), (0, 0, 0.5, 5e-324)) == 0
    assert intersection_over_union((0, 0, 0, 0), (0, 0, 0, 0)) == 0


def test_the_best_pair_is_joined_first() -> None:
    expected = [Expectation(seen(100).box, "7"), Expectation(seen(110).box, "7")]
    assert associate(expected, [seen(109), seen(101)], Gate()) == {0: 1, 1: 0}


def test_a_label_decides_between_equals() -> None:
    expected = [Expectation(seen(100).box, "1"), Expectation(seen(100).box, "2")]
    assert associate(expected, [seen(100, label="2")], Gate()) == {0: 1}


def test_what_does_not_overlap_may_still_be_near() -> None:
    expected = [Expectation(seen(100).box, "7")]
    assert associate(expected, [seen(135)], Gate()) == {0: 0}
    assert associate(expected, [seen(145)], Gate()) == {}


def test_a_track_is_confirmed_at_its_third_hit() -> None:
    _, numbers = track([[seen(100 + 2 * i)] for i in range(5)])
    assert numbers == [[None], [None], [1], [1], [1]]


def test_a_single_hit_may_be_made_enough() -> None:
    _, numbers = track([[seen(100)], [seen(101)]], min_hits=1, min_evidence=0.3)
    assert numbers == [[1], [1]]


def test_two_objects_that_pass_each_other_keep_their_numbers() -> None:
    frames = [[seen(100 + 4 * i, 80), seen(180 - 4 * i, 100, "3")] for i in range(20)]
    tracker, numbers = track(frames)
    assert numbers[2:] == [[1, 2]] * 18
    assert [found.label for found in tracker.tracks] == ["7", "3"]


def test_a_gap_is_bridged_by_prediction() -> None:
    frames = [[seen(40 + 8 * i)] if not 10 <= i < 18 else [] for i in range(30)]
    tracker, numbers = track(frames)
    assert numbers[-1] == [1]
    assert len(tracker.tracks) == 1


def test_a_gap_that_is_too_long_ends_the_track() -> None:
    frames = [[seen(100)] if not 5 <= i < 12 else [] for i in range(20)]
    tracker, numbers = track(frames, max_missed=6)
    assert numbers[-1] == [2]
    assert [(found.first_frame, found.last_frame) for found in tracker.tracks] == [(0, 4), (12, 19)]
    assert [tracker.lives(found) for found in tracker.tracks] == [False, True]


def test_single_mistakes_never_become_objects() -> None:
    frames = [[seen(50 + 100 * (i % 3))] if i % 5 == 0 else [] for i in range(100)]
    tracker, _ = track(frames, max_missed=2)
    assert not tracker.tracks


def test_a_weak_detection_continues_a_track_and_begins_none() -> None:
    frames = [[seen(100)]] * 3 + [[seen(100, score=0.2), seen(250, score=0.2)]] * 50
    tracker, numbers = track(frames)
    assert numbers[-1] == [1, None]
    assert len(tracker.tracks) == 1


def test_doubtful_finds_need_more_evidence() -> None:
    _, numbers = track([[seen(100, score=0.65)]] * 10)
    assert numbers == [[None]] * 6 + [[1]] * 4


def test_doubtful_finds_with_gaps_are_no_object() -> None:
    tracker, _ = track([[seen(100, score=0.55)] if i % 2 else [] for i in range(200)])
    assert not tracker.tracks


def test_an_object_found_under_two_labels_is_one() -> None:
    tracker, numbers = track([[seen(100, label="9", score=0.6), seen(102, label="6")]] * 6)
    assert numbers[-1] == [None, 1]
    assert len(tracker.tracks) == 1


def test_a_double_does_not_take_a_track_over() -> None:
    """For two frames the better find lies off the object; then it goes, and the object is there."""
    off = seen(100, 108, "6", 0.87)
    frames = [[seen(100)]] * 10 + [[seen(100, score=0.4), off]] * 2 + [[seen(100)]] * 10
    tracker, numbers = track(frames)
    assert numbers[-1] == [1]
    assert len(tracker.tracks) == 1


def test_a_fragment_is_not_the_object() -> None:
    fragment = Detection((92, 78, 103, 92), "0", 0, 0.6)
    frames = [[seen(100 + i)] for i in range(10)] + [[fragment]] * 2 + [[seen(112)]] * 5
    _, numbers = track(frames)
    assert numbers[10:12] == [[None], [None]]
    assert numbers[-1] == [1]


def test_the_label_is_voted_for_by_score() -> None:
    frames = [[seen(100, label="1", score=0.55)]] * 3 + [[seen(100, label="7", score=0.95)]] * 3
    tracker, _ = track(frames)
    assert tracker.tracks[0].label == "7"


def test_frames_come_in_order() -> None:
    tracker = Tracker()
    tracker.update(3, [])
    with pytest.raises(ValueError, match="frame 3 does not come after frame 3"):
        tracker.update(3, [])


def test_one_that_walks_through_enters_crosses_and_leaves() -> None:
    frames: list[list[Detection]] = [[], [], []]
    frames += [[clipped(seen(x))] for x in range(5, 320, 8)] + [[], [], []]
    assert movements(frames) == MovementCounters(entered=1, left=1, crossed=1)


def test_one_that_is_there_all_the_time_does_nothing() -> None:
    assert movements([[seen(60 + i % 3)] for i in range(50)]) == MovementCounters(0, 0, 0)


def test_one_that_is_hidden_in_the_middle_neither_leaves_nor_enters() -> None:
    frames = [[seen(80)] if not 10 <= i < 40 else [] for i in range(60)]
    assert movements(frames) == MovementCounters(0, 0, 0)


def test_one_that_is_there_from_the_first_frame_at_the_edge_did_not_enter() -> None:
    frames = [[clipped(seen(x))] for x in range(10, 120, 4)]
    assert movements(frames) == MovementCounters(0, 0, 0)


def test_jitter_on_the_line_is_no_crossing() -> None:
    frames = [[seen(160 + 0.8 * (-1) ** i)] for i in range(40)]
    assert movements(frames).crossed == 0


def test_there_and_back_is_two_crossings() -> None:
    there = [[seen(x)] for x in range(120, 200, 4)]
    assert movements(there + there[::-1]).crossed == 2


def test_a_line_has_ends() -> None:
    short = Scene(320, 192, line=(160, 0, 160, 60))
    assert movements([[seen(x, 90)] for x in range(120, 200, 4)], short).crossed == 0
    assert movements([[seen(x, 40)] for x in range(120, 200, 4)], short).crossed == 1


@pytest.mark.parametrize(("line", "crossed"), [(None, None), ((160, 90, 160, 90), 0)])
def test_without_a_line_nothing_is_crossed(line: Box | None, crossed: int | None) -> None:
    frames = [[seen(x)] for x in range(120, 200, 4)]
    assert movements(frames, Scene(320, 192, line)).crossed == crossed


def clipped(detection: Detection) -> Detection:
    x0, y0, x1, y1 = detection.box
    box = (max(x0, 0.0), max(y0, 0.0), min(x1, 320.0), min(y1, 192.0))
    return Detection(box, detection.label, detection.label_index, detection.score)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 5))
def test_noisy_walkers_on_lanes_of_their_own_are_counted_exactly(seed: int, count: int) -> None:
    """Each walks the whole width; boxes jitter, one detection in twelve is missing."""
    random = np.random.default_rng(seed)
    starts = random.integers(2, 30, count)
    speeds = random.uniform(4, 9, count)
    frames: list[list[Detection]] = []
    for frame in range(140):
        found = []
        for lane, (start, speed) in enumerate(zip(starts, speeds, strict=True)):
            x = speed * (frame - start)
            if 0 <= x <= 320 and (random.random() > 1 / 12 or x < 12 or x > 308):
                dx, dy = random.normal(0, 0.7, 2)
                y = 20 + 38 * lane
                box = (x - 15 + dx, y - 15 + dy, x + 15 + dx, y + 15 + dy)
                found.append(clipped(Detection(box, str(lane), lane, 0.9)))
        frames.append([found[i] for i in random.permutation(len(found))])
    assert movements(frames) == MovementCounters(count, count, count)


def noisy(objects: Iterable[TruthObject], random: np.random.Generator) -> list[Detection]:
    """What a fair detector says: boxes off by a pixel, one object in twenty missed."""
    found = []
    for one in objects:
        x0, y0, x1, y1 = (float(side + random.normal()) for side in one.box)
        score = float(random.uniform(0.75, 1))
        if random.random() > 1 / 20:
            found.append(Detection((x0, y0, x1, y1), one.label, 0, score))
    return found


@pytest.mark.requirement("R021c")
def test_the_counters_of_the_shipped_clip_are_exact_on_its_truth() -> None:
    truth = assets.clip_truth()
    frames = [
        [Detection(one.box, one.label, 0, 0.9) for one in frame.objects] for frame in truth.frames
    ]
    counted = movements(frames, Scene(truth.width, truth.height, truth.line))
    assert truth.counters is not None
    assert asdict(counted) == truth.counters.model_dump()


@pytest.mark.requirement("R021c")
@pytest.mark.parametrize("seed", range(6))
def test_the_counters_of_the_shipped_clip_bear_noise(seed: int) -> None:
    truth, random = assets.clip_truth(), np.random.default_rng(seed)
    frames = [noisy(frame.objects, random) for frame in truth.frames]
    counted = asdict(movements(frames, Scene(truth.width, truth.height, truth.line)))
    assert truth.counters is not None
    for name, true in truth.counters.model_dump().items():
        assert abs(counted[name] - true) <= 1, name


boxes = st.tuples(*[st.floats(0, 300)] * 2, *[st.floats(0, 60)] * 2).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
detections = st.builds(Detection, boxes, st.sampled_from("0123"), st.just(0), st.floats(0, 1))


@given(st.lists(st.lists(detections, max_size=6), max_size=20))
def test_no_two_objects_of_a_frame_share_a_number(frames: list[list[Detection]]) -> None:
    tracker, numbers = track(frames)
    for frame in numbers:
        named = [number for number in frame if number is not None]
        assert len(set(named)) == len(named)
    assert [found.number for found in tracker.tracks] == list(range(1, len(tracker.tracks) + 1))
    for found in tracker.tracks:
        assert len(found.path) >= 3


@given(st.lists(st.lists(detections, max_size=6), max_size=20))
def test_counting_as_frames_come_is_counting_at_the_end(frames: list[list[Detection]]) -> None:
    tracker, counter = Tracker(), MovementCounter(SCENE)
    for index, found in enumerate(frames):
        tracker.update(index, found)
        assert counter.count(tracker.tracks, index) == count_movements(tracker.tracks, SCENE, index)
