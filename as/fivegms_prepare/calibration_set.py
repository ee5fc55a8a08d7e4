"""The template's calibration set: what stages of optimisation may look at.

It is read as the evaluation set is, by the model's task, and distrusted as that is. The same set is
asked for by several stages, each from its beginning, so nothing of it is kept in memory.
"""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from fivegms_api.model_preparation import MediaCalibration, TensorCalibration
from fivegms_engine.media import open_frames
from fivegms_engine.tasks import ModelIO, task_named
from fivegms_manifests.model import Model, TensorInfo
from fivegms_prepare.evaluation_set import (
    Feeds,
    batches_of,
    file_inside,
    fixed_batch,
    read_npz,
    reading,
)
from fivegms_prepare.optimise import Calibration


def open_calibration(
    request: MediaCalibration | TensorCalibration,
    folder: Path,
    model: Model,
    inputs: tuple[TensorInfo, ...],
) -> Calibration:
    """The calibration set of a template, below `folder`. Raises EvaluationFailed."""
    if isinstance(request, TensorCalibration):
        return partial(_tensors, request, file_inside(folder, request.tensors), inputs)
    path = file_inside(folder, request.media)
    with reading(request.media), path.open("rb") as file, open_frames(file) as frames:
        count = sum(1 for _ in frames)
    step = max(1, count // request.samples)
    io = ModelIO(inputs, (), model.labels, model.input_processing)
    return partial(_pictures, request, path, step, model.task, io)


def _tensors(
    request: TensorCalibration, path: Path, inputs: tuple[TensorInfo, ...]
) -> Iterator[Feeds]:
    """As many samples at a time as the model takes."""
    arrays = read_npz(path, [info.name for info in inputs])
    taken = {name: array[: request.samples] for name, array in arrays.items()}
    size = fixed_batch(inputs) or 1
    return (feeds for feeds in batches_of(taken, size) if len(next(iter(feeds.values()))) == size)


def _pictures(
    request: MediaCalibration, path: Path, step: int, task: str, io: ModelIO
) -> Iterator[Feeds]:
    """Every `step`th picture, as many at a time as the model takes."""
    size = fixed_batch(io.inputs) or 1
    with reading(request.media), path.open("rb") as file, open_frames(file) as frames:
        chosen = islice((frame.pixels for frame in frames), 0, step * request.samples, step)
        while len(batch := list(islice(chosen, size))) == size:
            yield task_named(task).feeds(batch, io)[0]
