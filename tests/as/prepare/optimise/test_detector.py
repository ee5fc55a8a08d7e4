"""Every stage on the shipped detector: what it loses, and what least squares gives back.

Judged on the first pictures of the evaluation set, by the task's own figure; fitted on the clip.
"""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper

from fivegms_api.model_stages import parse_stage, parse_stages
from fivegms_engine.graph import SeparatedModel
from fivegms_engine.media import open_frames
from fivegms_engine.tasks import ModelIO, task_named
from fivegms_manifests.model import Recovery
from fivegms_prepare.optimise import Feeds, StageLabel, apply, label
from fivegms_prepare.optimise.library import joined
from fivegms_prepare.source import load_source
from fivegms_testbed import assets
from support.stages import loaded, separated

FRAMES = 30


@cache
def detector() -> SeparatedModel:
    return load_source(assets.detector_model())


@cache
def pictures(media: Path, last: int, step: int) -> tuple[np.ndarray, ...]:
    with open_frames(media) as frames:
        return tuple(frame.pixels for frame in islice(frames, 0, last, step))


def calibration() -> Iterator[Feeds]:
    for pixels in pictures(assets.clip(), 250, 64):
        yield {"images": (pixels.transpose(2, 0, 1)[None] / 255).astype(np.float32)}


@cache
def optimised(*texts: str) -> SeparatedModel:
    if not texts:
        return detector()
    return apply(parse_stages(texts)[-1], optimised(*texts[:-1]), calibration)


@cache
def accuracy(*texts: str) -> float:
    model = loaded(optimised(*texts))
    task, truth = task_named("object-detection"), assets.evaluation_truth()
    io = ModelIO(model.inputs, model.outputs, tuple("0123456789"))
    found = []
    for pixels in pictures(assets.evaluation_set(), FRAMES, 1):
        feeds, placements = task.feeds([pixels], io)
        found += task.results(model.run(feeds), placements, io)
    truths = [truth.frame(index).objects for index in range(FRAMES)]
    return float(task.evaluate(found, truths, 0.414)["mAP@0.5"])


def size_bytes(*texts: str) -> int:
    model = optimised(*texts)
    return model.weights_bytes + len(model.topology())


@pytest.mark.requirement("R174")
@pytest.mark.parametrize(
    ("text", "most_lost", "most_bytes"),
    [
        ("simplify", 0.001, 1.01),
        ("convert-fp16", 0.005, 0.52),
        ("quantise-dynamic", 0.02, 0.30),
        ("quantise-static", 0.02, 0.32),
        ("low-rank:energy=0.99", 0.02, 1.00),
    ],
)
def test_accuracy_stays_and_bytes_go(text: str, most_lost: float, most_bytes: float) -> None:
    assert accuracy(text) > accuracy() - most_lost
    assert size_bytes(text) < most_bytes * size_bytes()


@pytest.mark.requirement("R134")
def test_least_squares_regains_what_unstructured_pruning_lost() -> None:
    text = "prune-weights:sparsity=0.5"
    pruned, retrained = accuracy(text), accuracy(f"{text},retrain=least-squares")
    assert pruned < accuracy() - 0.1
    assert retrained > accuracy() - 0.05


@pytest.mark.requirement("R136")
def test_structured_pruning_shrinks_the_graph() -> None:
    text = "prune-channels:ratio=0.15,retrain=least-squares"
    assert size_bytes(text) < 0.8 * size_bytes()
    assert accuracy(text) > accuracy("prune-channels:ratio=0.15") + 0.3


@pytest.mark.requirement("R137")
def test_importance_by_activations_is_another_choice() -> None:
    text = "prune-channels:ratio=0.3"
    weights, activations = (
        {w.name: w.array() for w in optimised(name).weights}
        for name in (text, f"{text},importance=activations")
    )
    assert {n: a.shape for n, a in weights.items()} == {n: a.shape for n, a in activations.items()}
    assert any(not np.array_equal(weights[name], activations[name]) for name in weights)


@pytest.mark.requirement("R138")
def test_structured_pruning_leaves_no_zeros_and_less_room_for_compression() -> None:
    """At equal accuracy unstructured pruning gets rid of more weights, but leaves them as zeros."""
    dense = optimised("prune-channels:ratio=0.15,retrain=least-squares")
    sparse = optimised("prune-weights:sparsity=0.5,retrain=least-squares")
    assert all(weight.array().all() for weight in dense.weights)
    zeros = sum(int((weight.array() == 0).sum()) for weight in sparse.weights)
    assert sparse.weights_bytes == detector().weights_bytes
    assert 4 * zeros > detector().weights_bytes - dense.weights_bytes
    assert accuracy("prune-weights:sparsity=0.5,retrain=least-squares") >= accuracy(
        "prune-channels:ratio=0.15,retrain=least-squares"
    )


@pytest.mark.requirement("R139")
def test_the_rank_trades_bytes_for_accuracy() -> None:
    texts = [f"low-rank:energy={share}" for share in (0.6, 0.8, 0.95)]
    sizes = [size_bytes(text) for text in texts]
    assert sizes == sorted(sizes)
    assert accuracy(texts[0]) < accuracy(texts[2])


@pytest.mark.requirement("R181")
def test_stages_chain() -> None:
    chain = ("prune-channels:ratio=0.15,retrain=least-squares", "quantise-static")
    sizes = [size_bytes(*chain[:count]) for count in range(3)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < 0.3 * sizes[0]
    assert accuracy(*chain) > accuracy(chain[0]) - 0.05


@pytest.mark.requirement("R133")
@pytest.mark.parametrize(
    "text",
    ["prune-weights:sparsity=0.5", "low-rank:ratio=0.4", "quantise-static", "convert-fp16"],
)
def test_an_update_is_optimised_as_the_model_was(text: str) -> None:
    """What an update left alone is alike after the stage too: a delta has nothing to send."""
    source = joined(detector())
    for tensor in source.graph.initializer:
        if tensor.name == "heat.weight":
            moved = numpy_helper.to_array(tensor) + np.float32(0.01)
            tensor.CopyFrom(numpy_helper.from_array(moved, tensor.name))
    updated = apply(parse_stage(text), separated(source), calibration)
    before = {weight.name: weight.array() for weight in optimised(text).weights}
    after = {weight.name: weight.array() for weight in updated.weights}
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert before.keys() == after.keys()
    assert changed
    assert all(name.startswith("heat.weight") for name in changed)


@pytest.mark.requirement("R144")
def test_labels() -> None:
    text = "prune-channels:ratio=0.3,importance=activations"
    assert label(parse_stage(text)) == StageLabel(
        "prune-channels", Recovery.SENDER_ONLY, True, "ratio=0.3,importance=activations"
    )
    assert label(parse_stage("simplify")).settings == ""
