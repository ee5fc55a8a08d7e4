"""Least squares finds the weights that were there, where the data tells them."""

import numpy as np
import pytest

from fivegms_prepare.optimise.reconstruction import least_squares
from support.onnx_graphs import model_of, node
from support.stages import optimised, outputs, random_feeds, separated


@pytest.mark.parametrize("groups", [1, 3])
def test_the_step_solves_each_row_where_it_may_move(groups: int) -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((groups, 6, 400))
    free = random.random((groups, 4, 6)) < 0.6
    wanted = np.where(free, random.standard_normal((groups, 4, 6)), 0)
    gram = x @ x.transpose(0, 2, 1)
    step = least_squares(gram, wanted @ gram, free)
    assert np.allclose(step, wanted, atol=0.02)
    assert not step[~free].any()


def test_without_data_nothing_moves() -> None:
    free = np.ones((1, 2, 3), np.bool_)
    step = least_squares(np.zeros((1, 3, 3)), np.zeros((1, 2, 3)), free)
    assert np.array_equal(step, np.zeros((1, 2, 3)))


def test_inputs_that_repeat_one_another_make_a_lost_weight_good() -> None:
    """Each number comes twice, so half of the weights can do the work of all."""
    weight = np.repeat(np.random.default_rng(0).uniform(0.5, 1.5, (16, 16)), 2, axis=0)
    weight[::2] *= 3
    model = separated(
        model_of(
            [
                node("Concat", "x x", "2", axis=1),
                node("Gather", "2 order", "3", axis=1),
                node("MatMul", "3 w", "y"),
            ],
            {"x": ("float32", ["N", 16])},
            {"y": ("float32", ["N", 16])},
            {
                "w": weight.astype(np.float32),
                "order": np.arange(32).reshape(2, 16).T.ravel(),
            },
        )
    )
    feeds = next(random_feeds(32, 16)())
    text = "prune-weights:sparsity=0.5"
    fitted = optimised(model, f"{text},retrain=least-squares", calibration=random_feeds(64, 16))
    expected, plain = outputs(model, feeds)[0], outputs(optimised(model, text), feeds)[0]
    error = np.abs(outputs(fitted, feeds)[0] - expected).mean()
    assert error < 0.01 * np.abs(plain - expected).mean()
