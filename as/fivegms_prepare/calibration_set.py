"""The template's calibration set: what stages of optimisation may look at.

It is read as the evaluation set is, by the model's task, and distrusted as that is. The same set is
asked for by several stages, each from its beginning, so nothing of it is kept in memory.

A figure measured on data that a model was fitted to says nothing, so no sample of it may be in the
evaluation set, whatever the files are called. Media that was coded anew is not recognised.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import file_digest, sha256
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivegms_api.model_preparation import (
    MediaCalibration,
    MediaEvaluation,
    TensorCalibration,
    TensorEvaluation,
)
from fivegms_engine.media import open_frames
from fivegms_engine.tasks import ModelIO, task_named
from fivegms_manifests.model import Model, TensorInfo
from fivegms_prepare.errors import EvaluationFailed
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


def refuse_overlap(
    calibration: MediaCalibration | TensorCalibration,
    evaluation: MediaEvaluation | TensorEvaluation,
    folder: Path,
    inputs: Sequence[TensorInfo],
) -> None:
    """Raises EvaluationFailed if a model would be evaluated on what it is calibrated on."""
    match calibration, evaluation:
        case TensorCalibration(tensors=seen), TensorEvaluation(tensors=unseen):
            shared = _digests(_samples(calibration, file_inside(folder, seen), inputs)) & _digests(
                read_npz(file_inside(folder, unseen), [info.name for info in inputs])
            )
            if shared:
                raise EvaluationFailed(f"{len(shared)} samples of {seen} are in {unseen} too")
        case MediaCalibration(media=seen), MediaEvaluation(media=unseen):
            if _file_digest(folder, seen) == _file_digest(folder, unseen):
                raise EvaluationFailed(f"{seen} is the same file as {unseen}")


def _digests(arrays: Mapping[str, NDArray[Any]]) -> set[bytes]:
    """One for each sample."""
    return {
        sha256(b"".join(part.tobytes() for part in sample)).digest()
        for sample in zip(*map(np.atleast_1d, arrays.values()), strict=False)
    }


def _file_digest(folder: Path, name: str) -> bytes:
    with reading(name), file_inside(folder, name).open("rb") as file:
        return file_digest(file, "sha256").digest()


def _samples(
    request: TensorCalibration, path: Path, inputs: Sequence[TensorInfo]
) -> dict[str, NDArray[Any]]:
    arrays = read_npz(path, [info.name for info in inputs])
    counts = {len(array) if array.ndim else None for array in arrays.values()}
    if len(counts) != 1 or None in counts:
        raise EvaluationFailed(f"{path.name}: inputs differ in length")
    return {name: array[: request.samples] for name, array in arrays.items()}


def _tensors(
    request: TensorCalibration, path: Path, inputs: tuple[TensorInfo, ...]
) -> Iterator[Feeds]:
    """As many samples at a time as the model takes."""
    taken = _samples(request, path, inputs)
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
