"""Weights become a graph that does the same."""

import numpy as np
import pytest

from fivegms_engine.tasks import Detection
from fivegms_testbed.detector.digits import LABELS
from fivegms_testbed.detector.evaluate import Detector
from fivegms_testbed.detector.export import DETECTIONS, STRIDE, describe, export, fold, learned

UNITS = {
    "stem": (3, 16, 3),
    "down4": (16, 32, 3),
    "block4.first": (32, 32, 3),
    "block4.second": (32, 32, 3),
    "down8": (32, 64, 3),
    "block8": (64, 64, 3),
    "down16": (64, 96, 3),
    "lateral16": (96, 64, 1),
    "merge8": (64, 64, 3),
    "lateral8": (64, 32, 1),
    "merge4": (32, 32, 3),
    "heat_unit": (32, 32, 3),
    "box_unit": (32, 32, 3),
}
HEADS = {"heat": (32, 10), "box": (32, 4)}


def silent_weights() -> dict[str, np.ndarray]:
    """All convolutions zero, all normalisations identity: every map is its head's bias."""
    arrays: dict[str, np.ndarray] = {}
    for name, (inputs, outputs, kernel) in UNITS.items():
        arrays[f"{name}.conv.weight"] = np.zeros((outputs, inputs, kernel, kernel), np.float32)
        for part, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            arrays[f"{name}.norm.{part}"] = np.full(outputs, value, np.float32)
    for name, (inputs, outputs) in HEADS.items():
        arrays[f"{name}.weight"] = np.zeros((outputs, inputs, 1, 1), np.float32)
        arrays[f"{name}.bias"] = np.zeros(outputs, np.float32)
    return arrays


def test_a_folded_convolution_equals_both_steps() -> None:
    generator = np.random.default_rng(1)
    weight = generator.normal(size=(5, 3, 1, 1)).astype(np.float32)
    norm = {
        "weight": generator.normal(size=5).astype(np.float32),
        "bias": generator.normal(size=5).astype(np.float32),
        "running_mean": generator.normal(size=5).astype(np.float32),
        "running_var": generator.uniform(0.1, 2, size=5).astype(np.float32),
    }
    x = generator.normal(size=3).astype(np.float32)
    convolved = weight[:, :, 0, 0] @ x
    expected = (convolved - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-5)
    expected = expected * norm["weight"] + norm["bias"]
    folded, bias = fold(weight, norm)
    np.testing.assert_allclose(folded[:, :, 0, 0] @ x + bias, expected, rtol=1e-4, atol=1e-5)


def detect(arrays: dict[str, np.ndarray], picture: np.ndarray) -> list[Detection]:
    (found,) = Detector(export(arrays, describe(0.5))).detect([picture])
    return found


def test_cells_become_boxes_labels_and_scores() -> None:
    """With constant maps every cell is a peak, and equal scores go by the cells' order."""
    arrays = silent_weights()
    arrays["heat.bias"][:] = -2
    arrays["heat.bias"][7] = 1
    arrays["box.bias"][:] = (0.25, 0.5, 2.0, 4.0)
    found = detect(arrays, np.zeros((192, 320, 3), np.uint8))
    assert {one.label for one in found} == {"7"}
    assert [one.score for one in found] == pytest.approx([1 / (1 + np.exp(-1))] * DETECTIONS)
    for column, one in enumerate(found):
        x, y = (column + 0.5 + 0.25) * STRIDE, (0 + 0.5 + 0.5) * STRIDE
        assert one.box == pytest.approx((max(x - 4, 0), max(y - 8, 0), x + 4, y + 8))


def test_a_bright_spot_is_the_one_peak() -> None:
    """Light goes through the stem, the first stage and the merge to the heat of label 3."""
    arrays = silent_weights()
    arrays["stem.conv.weight"][0, :, 1, 1] = 1
    for name in ("down4", "merge4", "heat_unit"):
        arrays[f"{name}.conv.weight"][0, 0, 1, 1] = 1
    arrays["heat.weight"][3, 0] = 2
    arrays["box.bias"][:] = (0, 0, 5, 6)
    picture = np.zeros((192, 320, 3), np.uint8)
    row, column = 20, 31
    picture[row * STRIDE, column * STRIDE] = 255
    best = detect(arrays, picture)[0]
    assert best.label == "3"
    assert best.score > 0.99
    x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
    assert best.box == pytest.approx((x - 10, y - 12, x + 10, y + 12))


def test_the_same_weights_give_the_same_bytes() -> None:
    one, two = (
        export(silent_weights(), describe(0.4)).SerializeToString(deterministic=True)
        for _ in range(2)
    )
    assert one == two


def test_a_missing_parameter_is_named() -> None:
    arrays = silent_weights()
    del arrays["merge8.norm.bias"]
    with pytest.raises(KeyError, match=r"merge8\.norm\.bias"):
        export(arrays, {})


def test_labels_and_threshold_are_described() -> None:
    hints = describe(0.41449)
    assert hints["fivegms.score_threshold"] == "0.414"
    assert hints["fivegms.labels"] == '["' + '", "'.join(LABELS) + '"]'


def test_an_exported_detector_can_go_on_learning() -> None:
    model = export(silent_weights(), describe(0.4))
    arrays = learned(model)
    assert len(arrays) == 2 * (len(UNITS) + len(HEADS))
    assert export(arrays, describe(0.4)) == model
