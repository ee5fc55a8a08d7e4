"""Unstructured pruning zeroes exactly the least salient weights, and nothing else changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivegms_api.model_stages import parse_stage
from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.errors import CalibrationMissing, StageImpossible
from fivegms_prepare.optimise import report
from support.onnx_graphs import classifier, model_of, node, perceptron
from support.stages import optimised, outputs, random_feeds, separated

IMAGES = random_feeds(4, 3, 16, 16, count=6)


def arrays(model: SeparatedModel) -> dict[str, np.ndarray]:
    return {weight.name: weight.array() for weight in model.weights}


@pytest.mark.requirement("R134")
@settings(deadline=None, max_examples=20)
@given(st.integers(1, 99))
def test_each_tensor_loses_its_smallest(percent: int) -> None:
    model = separated(classifier())
    pruned = optimised(model, f"prune-weights:sparsity={percent / 100}")
    for name, before in arrays(model).items():
        after = arrays(pruned)[name]
        gone = (after == 0) & (before != 0)
        assert gone.sum() == round(percent / 100 * before.size)
        assert np.array_equal(after[~gone], before[~gone])
        if gone.any() and not gone.all():
            assert np.abs(before[gone]).max() <= np.abs(before[~gone]).min()


@pytest.mark.requirement("R134")
def test_one_threshold_for_all() -> None:
    model = separated(classifier())
    pruned = optimised(model, "prune-weights:sparsity=0.5,scope=global")
    before = np.concatenate([a.ravel() for a in arrays(model).values()])
    after = np.concatenate([a.ravel() for a in arrays(pruned).values()])
    assert (after == 0).sum() == round(0.5 * after.size)
    assert np.abs(before[after == 0]).max() <= np.abs(before[after != 0]).min()
    shares = {float((a == 0).mean()) for a in arrays(pruned).values()}
    assert len(shares) > 1


def test_of_equals_the_first_go() -> None:
    model = model_of(
        [node("MatMul", "x w", "y")],
        {"x": ("float32", ["N", 16])},
        {"y": ("float32", ["N", 16])},
        {"w": np.ones((16, 16), np.float32)},
    )
    pruned = optimised(separated(model), "prune-weights:sparsity=0.25")
    assert np.array_equal(arrays(pruned)["w"].ravel(), np.repeat([0, 1], [64, 192]))


@pytest.mark.requirement("R134")
def test_a_large_weight_on_a_quiet_channel_goes_first() -> None:
    model = model_of(
        [node("MatMul", "x w", "y")],
        {"x": ("float32", ["N", 16])},
        {"y": ("float32", ["N", 16])},
        {"w": np.repeat(np.float32([9, 1]), 8)[:, None] * np.ones((1, 16), np.float32)},
    )
    quiet = {"x": np.repeat(np.float32([0.01, 1]), 8)[None, :]}
    pruned = optimised(
        separated(model),
        "prune-weights:sparsity=0.5,saliency=activations",
        calibration=lambda: iter([quiet]),
    )
    assert np.array_equal(arrays(pruned)["w"][:, 0], np.repeat(np.float32([0, 1]), 8))


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_norms_meet_the_weights_of_their_channels(groups: int) -> None:
    weight = np.ones((16, 8 // groups, 3, 3), np.float32)
    model = model_of(
        [node("Conv", "x w", "y", group=groups, pads=[1, 1, 1, 1])],
        {"x": ("float32", [1, 8, 6, 6])},
        {"y": ("float32", [1, 16, 6, 6])},
        {"w": weight},
    )
    loud = np.zeros((1, 8, 6, 6), np.float32)
    loud[:, [1, 6]] = 1
    share = 1 - 2 / 8
    pruned = optimised(
        separated(model),
        f"prune-weights:sparsity={share},saliency=activations",
        calibration=lambda: iter([{"x": loud}]),
    )
    assert np.allclose(outputs(pruned, {"x": loud})[0], outputs(separated(model), {"x": loud})[0])


@pytest.mark.requirement("R134")
def test_refitting_brings_outputs_nearer_and_keeps_zeros() -> None:
    model = separated(classifier(width=24))
    feeds = next(random_feeds(8, 3, 16, 16, count=1)())
    text = "prune-weights:sparsity=0.6"
    plain = optimised(model, text)
    fitted = optimised(model, f"{text},retrain=least-squares", calibration=IMAGES)
    expected = outputs(model, feeds)[0]
    error = [float(np.abs(outputs(m, feeds)[0] - expected).mean()) for m in (plain, fitted)]
    assert error[1] < 0.5 * error[0]
    for name, after in arrays(plain).items():
        assert np.array_equal(arrays(fitted)[name] == 0, after == 0)


@pytest.mark.requirement("R134")
def test_what_is_reported() -> None:
    model = separated(perceptron())
    stage = parse_stage("prune-weights:sparsity=0.5")
    pruned = optimised(model, "prune-weights:sparsity=0.5")
    assert report(stage, model, pruned) == "640 of 1280 weights are zero (50.0%)"


def test_topology_stays() -> None:
    model = separated(classifier())
    assert optimised(model, "prune-weights:sparsity=0.5").topology() == model.topology()


@pytest.mark.parametrize("setting", ["saliency=activations", "retrain=least-squares"])
def test_without_data(setting: str) -> None:
    model = separated(perceptron())
    with pytest.raises(CalibrationMissing, match="not its evaluation set"):
        optimised(model, f"prune-weights:sparsity=0.5,{setting}")
    with pytest.raises(CalibrationMissing, match="empty"):
        optimised(model, f"prune-weights:sparsity=0.5,{setting}", calibration=lambda: iter([]))
    with pytest.raises(StageImpossible, match="does not run on the calibration set"):
        optimised(
            model,
            f"prune-weights:sparsity=0.5,{setting}",
            calibration=random_feeds(2, 99),
        )


def test_refusals() -> None:
    plain = model_of([node("Relu", "x", "y")], {"x": ("float32", [1])}, {"y": ("float32", [1])})
    with pytest.raises(StageImpossible, match="no layers"):
        optimised(separated(plain), "prune-weights:sparsity=0.5")
    broken = perceptron()
    broken.graph.initializer[0].raw_data = np.full((16, 64), np.inf, np.float32).tobytes()
    with pytest.raises(StageImpossible, match="not finite"):
        optimised(separated(broken), "prune-weights:sparsity=0.5")
