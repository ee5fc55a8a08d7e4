"""Pictures become input tensors, and boxes find their way back."""

from dataclasses import replace

import numpy as np
import pytest

from fivegms_engine.tasks.errors import UnsupportedInput
from fivegms_engine.tasks.pictures import BORDER, Placement, picture_input, place
from fivegms_engine.tasks.results import ModelIO
from fivegms_manifests.model import InputProcessing, TensorInfo

IMAGES = TensorInfo("images", "float32", ("N", 3, 4, 8))
GREY = TensorInfo("images", "float32", ("N", 1, 4, 8))


def model(tensor: TensorInfo = IMAGES, processing: InputProcessing | None = None) -> ModelIO:
    return ModelIO((tensor,), (), input_processing=processing)


def picture(height: int, width: int, colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def test_a_picture_of_the_models_size_is_only_scaled() -> None:
    image = np.arange(96, dtype=np.uint8).reshape(4, 8, 3)
    feeds, placements = picture_input(model()).feed([image])
    assert feeds["images"].dtype == np.float32
    np.testing.assert_array_equal(
        feeds["images"][0], image.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    )
    assert placements == [Placement(8, 4)]


def test_pictures_of_several_sizes_make_one_batch() -> None:
    feeds, placements = picture_input(model()).feed(
        [picture(4, 8, (0, 0, 0))] * 2 + [picture(8, 4, (9, 9, 9))]
    )
    assert feeds["images"].shape == (3, 3, 4, 8)
    assert [(p.width, p.height) for p in placements] == [(8, 4), (8, 4), (4, 8)]


def test_mean_deviation_and_order_of_colours() -> None:
    processing = InputProcessing("images", color="BGR", mean=(0.5, 0.0, 0.0), std=(0.5, 1.0, 2.0))
    feeds, _ = picture_input(model(processing=processing)).feed([picture(4, 8, (255, 51, 0))])
    np.testing.assert_allclose(feeds["images"][0, :, 0, 0], [-1.0, 0.2, 0.5], rtol=1e-6)


def test_layout_nhwc_and_half_precision() -> None:
    tensor = TensorInfo("images", "float16", (1, 4, 8, 3))
    feeds, _ = picture_input(model(tensor, InputProcessing("images", layout="NHWC"))).feed(
        [picture(4, 8, (255, 0, 0))]
    )
    assert feeds["images"].shape == (1, 4, 8, 3)
    assert feeds["images"].dtype == np.float16
    np.testing.assert_array_equal(feeds["images"][0, 0, 0], [1, 0, 0])


def test_grey_is_luma() -> None:
    processing = InputProcessing("images", color="GRAY", mean=(0.0,), std=(1.0,))
    feeds, _ = picture_input(model(GREY, processing)).feed([picture(4, 8, (255, 0, 0))])
    np.testing.assert_allclose(feeds["images"][0, 0, 0, 0], 0.299, atol=0.003)


def test_open_sides_take_the_pictures_size() -> None:
    tensor = TensorInfo("images", "float32", ("N", 3, "H", "W"))
    feeds, placements = picture_input(model(tensor)).feed([picture(5, 7, (1, 2, 3))])
    assert feeds["images"].shape == (1, 3, 5, 7)
    assert placements == [Placement(7, 5)]


def test_letterbox_keeps_proportions_and_fills_with_a_border() -> None:
    placed, placement = place(picture(8, 8, (200, 0, 0)), 4, 8, "letterbox")
    np.testing.assert_array_equal(placed[:, 2:6], picture(4, 4, (200, 0, 0)))
    assert np.all(placed[:, [0, 1, 6, 7]] == BORDER)
    assert placement == Placement(8, 8, 0.5, 0.5, 2, 0)


def test_stretch_fills_the_tensor() -> None:
    placed, placement = place(picture(8, 8, (200, 0, 0)), 4, 8, "stretch")
    np.testing.assert_array_equal(placed, picture(4, 8, (200, 0, 0)))
    assert (placement.scale_x, placement.scale_y) == (1.0, 0.5)


@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
@pytest.mark.parametrize(("height", "width"), [(37, 91), (400, 300), (1, 1), (3, 500)])
def test_the_whole_tensor_maps_onto_the_whole_picture(resize: str, height: int, width: int) -> None:
    _, placement = place(picture(height, width, (0, 0, 0)), 192, 320, resize)
    corners = np.array(
        [
            [
                placement.left,
                placement.top,
                placement.left + width * placement.scale_x,
                placement.top + height * placement.scale_y,
            ]
        ]
    )
    np.testing.assert_allclose(placement.to_source(corners), [[0, 0, width, height]], atol=1e-9)


def test_boxes_are_clipped_to_the_picture() -> None:
    placement = Placement(100, 50, 2.0, 2.0, 0, 10)
    boxes = np.array([[-4.0, 0.0, 300.0, 60.0]])
    np.testing.assert_array_equal(placement.to_source(boxes), [[0, 0, 100, 25]])


BAD_MODELS = {
    "no input": ModelIO((), ()),
    "two inputs": ModelIO((IMAGES, GREY), ()),
    "not four dimensions": model(TensorInfo("images", "float32", ("N", 3))),
    "not floating": model(TensorInfo("images", "int64", ("N", 3, 4, 8))),
    "processing for another input": model(processing=InputProcessing("pixels")),
    "one channel for three colours": model(GREY),
    "unknown layout": model(processing=InputProcessing("images", layout="CHWN")),
    "unknown colours": model(processing=InputProcessing("images", color="YUV")),
    "unknown resize": model(processing=InputProcessing("images", resize="crop")),
    "too few means": model(processing=InputProcessing("images", mean=(0.0,))),
    "a deviation of nothing": model(processing=InputProcessing("images", std=(1.0, 0.0, 1.0))),
}


@pytest.mark.parametrize("io", BAD_MODELS.values(), ids=BAD_MODELS.keys())
def test_a_model_that_takes_no_pictures_is_refused(io: ModelIO) -> None:
    with pytest.raises(UnsupportedInput):
        picture_input(io)


def test_a_fixed_batch_takes_that_many_pictures() -> None:
    taker = picture_input(model(replace(IMAGES, shape=(2, 3, 4, 8))))
    one = picture(4, 8, (0, 0, 0))
    assert taker.feed([one, one])[0]["images"].shape[0] == 2
    with pytest.raises(UnsupportedInput, match="takes 2 pictures, not 1"):
        taker.feed([one])


def test_no_picture_at_all_is_refused() -> None:
    with pytest.raises(UnsupportedInput):
        picture_input(model()).feed([])
