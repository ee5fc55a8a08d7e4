"""The provider's held-out data, and the accuracy of a model on it.

Two kinds: media with ground truth, judged by the model's task, and plain tensors with labels,
judged by top-1. Both are read from one folder and distrusted: paths stay in it, sizes are bounded,
nothing is unpickled. A model that does not fit its evaluation set is refused with the reason; no
figure is ever made up.
"""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fivegms_api.model_preparation import MediaEvaluation, TensorEvaluation
from fivegms_engine.errors import EngineError
from fivegms_engine.media import open_frames
from fivegms_engine.session import LoadedModel
from fivegms_engine.tasks import GroundTruth, ModelIO, load_ground_truth, task_named
from fivegms_manifests.model import Accuracy, Model, TensorInfo
from fivegms_prepare.errors import EvaluationFailed, cause_of

BATCH = 8
MAX_TENSOR_BYTES = 2**31
_DEFAULT_THRESHOLD = 0.5

Feeds = Mapping[str, NDArray[Any]]


class EvaluationSet(Protocol):
    """Held-out data that a whole model is judged by."""

    def sample(self, inputs: Sequence[TensorInfo]) -> Feeds:
        """What the model is fed for one item, or for as many as a fixed batch takes.

        Raises EvaluationFailed.
        """

    def accuracy(self, model: LoadedModel) -> tuple[Accuracy, ...]:
        """The figures, the one that the template asks for first. Raises EvaluationFailed."""


def open_evaluation(
    request: MediaEvaluation | TensorEvaluation, folder: Path, model: Model
) -> EvaluationSet:
    """The evaluation set of a template, below `folder`. Raises EvaluationFailed."""
    if isinstance(request, TensorEvaluation):
        return TensorSet(request, file_inside(folder, request.tensors))
    media = file_inside(folder, request.media)
    path = file_inside(folder, request.ground_truth)
    with reading(request.ground_truth):
        truth = load_ground_truth(path)
    return MediaSet(request, media, truth, model)


@dataclass(frozen=True, slots=True)
class MediaSet:
    """Media whose every frame is judged against a ground truth document."""

    request: MediaEvaluation
    media: Path
    truth: GroundTruth
    model: Model

    def sample(self, inputs: Sequence[TensorInfo]) -> Feeds:
        """The first picture as the model's input, or as many as a fixed batch takes."""
        io = self._io(inputs, ())
        with reading(self.request.media):
            with self.media.open("rb") as file, open_frames(file) as frames:
                taken = islice(frames, fixed_batch(inputs) or 1)
                pictures = [frame.pixels for frame in taken]
            return task_named(self.model.task).feeds(pictures, io)[0]

    def accuracy(self, model: LoadedModel) -> tuple[Accuracy, ...]:
        """The task's figures over all frames."""
        with reading(self.request.media):
            figures = self._figures(model)
        if self.request.metric not in figures:
            raise EvaluationFailed(
                f"the task {self.model.task!r} has no metric {self.request.metric}"
            )
        ordered = sorted(figures, key=lambda metric: metric != self.request.metric)
        return tuple(
            Accuracy(metric, round(float(figures[metric]), 6), self.request.media)
            for metric in ordered
        )

    def _figures(self, model: LoadedModel) -> Mapping[str, float]:
        task = task_named(self.model.task)
        io = self._io(model.inputs, model.outputs)
        found: list[Sequence[Any]] = []
        with self.media.open("rb") as file, open_frames(file) as frames:
            pictures = (frame.pixels for frame in frames)
            while batch := list(islice(pictures, _batch_size(model.inputs))):
                feeds, placements = task.feeds(batch, io)
                found += task.results(model.run(feeds), placements, io)
        threshold = self.model.decision_threshold
        return task.evaluate(
            found,
            _objects(self.truth, len(found)),
            _DEFAULT_THRESHOLD if threshold is None else threshold,
        )

    def _io(self, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo]) -> ModelIO:
        return ModelIO(
            tuple(inputs), tuple(outputs), self.model.labels, self.model.input_processing
        )


def _objects(truth: GroundTruth, frames: int) -> list[Sequence[Any]]:
    last = truth.frames[-1].index if truth.frames else -1
    if last >= frames:
        raise EvaluationFailed(f"the ground truth has frame {last}; the media has {frames} frames")
    return [truth.frame(index).objects for index in range(frames)]


@dataclass(frozen=True, slots=True)
class TensorSet:
    """An .npz of one array per input, first axis samples, and `labels` [samples] integer."""

    request: TensorEvaluation
    path: Path

    def sample(self, inputs: Sequence[TensorInfo]) -> Feeds:
        """The first sample, or as many as a fixed batch takes."""
        arrays, _ = self._read(inputs)
        return next(batches_of(arrays, fixed_batch(inputs) or 1))

    def accuracy(self, model: LoadedModel) -> tuple[Accuracy, ...]:
        """The share of samples whose largest score in the first output is at their label."""
        arrays, labels = self._read(model.inputs)
        fixed = fixed_batch(model.inputs)
        if fixed and len(labels) % fixed:
            raise EvaluationFailed(
                f"the model takes batches of {fixed}; there are {len(labels)} samples"
            )
        try:
            scores = [
                model.run(feeds)[model.outputs[0].name]
                for feeds in batches_of(arrays, fixed or BATCH)
            ]
        except EngineError as error:
            raise EvaluationFailed(f"{self.request.tensors}: {error}") from error
        classes = _classes(scores, model.outputs[0].name)
        if len(classes) != len(labels):
            raise EvaluationFailed(
                f"top1 needs scores [samples, classes]; there are {len(classes)} rows of them for "
                f"{len(labels)} samples"
            )
        right = classes == labels
        value = round(float(np.mean(right)), 6)
        return (Accuracy(self.request.metric, value, self.request.tensors),)

    def _read(
        self, inputs: Sequence[TensorInfo]
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.integer]]:
        arrays = read_npz(self.path, [*(info.name for info in inputs), "labels"])
        labels = arrays.pop("labels")
        counts = {len(array) if array.ndim else 0 for array in arrays.values()}
        if labels.ndim != 1 or counts != {len(labels)} or not len(labels):
            raise EvaluationFailed(f"{self.path.name}: inputs and labels differ in length")
        if labels.dtype.kind not in "iu":
            raise EvaluationFailed(f"{self.path.name}: labels are not integers")
        return arrays, labels


def read_npz(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Those arrays of an archive of plain arrays. Raises EvaluationFailed."""
    try:
        with zipfile.ZipFile(path) as archive:
            declared = sum(entry.file_size for entry in archive.infolist())
        if declared <= MAX_TENSOR_BYTES:
            with np.load(path, allow_pickle=False) as archive:
                return {name: _array(archive[name]) for name in names}
    except KeyError as error:
        raise EvaluationFailed(f"{path.name} lacks an array: {error.args[0]}") from error
    except OSError as error:
        raise EvaluationFailed(f"{path.name} cannot be read: {cause_of(error)}") from error
    except Exception as error:  # zipfile, zlib, tokenize and numpy share no error, nor MemoryError
        raise EvaluationFailed(f"{path.name} is no .npz of plain arrays: {error}") from error
    raise EvaluationFailed(f"{path.name} unpacks to {declared} bytes")


def _array(entry: object) -> NDArray[Any]:
    if not isinstance(entry, np.ndarray):  # numpy hands out what does not begin as an array does
        raise TypeError("an entry is no array")
    return entry


def batches_of(arrays: Mapping[str, NDArray[Any]], size: int) -> Iterator[dict[str, NDArray[Any]]]:
    """`size` samples of every array at a time, from the first."""
    count = len(next(iter(arrays.values())))
    for start in range(0, count, size):
        yield {name: array[start : start + size] for name, array in arrays.items()}


def _batch_size(inputs: Sequence[TensorInfo]) -> int:
    return fixed_batch(inputs) or BATCH


def fixed_batch(inputs: Sequence[TensorInfo]) -> int | None:
    """How many samples the model takes at once; None where it takes any number."""
    sizes = (info.shape[0] for info in inputs if info.shape)
    return max((size for size in sizes if isinstance(size, int)), default=None)


def _classes(scores: Sequence[NDArray[Any]], name: str) -> NDArray[np.integer]:
    if any(batch.ndim != 2 or not batch.size or batch.dtype.kind != "f" for batch in scores):
        raise EvaluationFailed(f"top1 needs scores [samples, classes]; output {name!r} has others")
    return np.concatenate([batch.argmax(axis=1) for batch in scores])


@contextmanager
def reading(name: str) -> Iterator[None]:
    """What goes wrong with the evaluation file of that name, as EvaluationFailed."""
    try:
        yield
    except OSError as error:
        raise EvaluationFailed(f"{name} cannot be read: {cause_of(error)}") from error
    except (EngineError, ValueError) as error:
        raise EvaluationFailed(f"{name}: {error}") from error


def file_inside(folder: Path, name: str) -> Path:
    """A file below `folder`. Raises EvaluationFailed for one elsewhere, and if there is none."""
    with reading(name):
        base = folder.resolve()
        path = (base / name).resolve()
        if path.is_relative_to(base) and path.is_file():
            return path
    raise EvaluationFailed(f"there is no evaluation file {name!r}: upload it before the model")
