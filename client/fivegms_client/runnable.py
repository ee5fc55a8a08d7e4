"""A model that is ready: what `load` gives an app.

It holds the loaded subsets and what is known of how they came here. Raw tensors go through
`infer`; pictures and video through `run`, which asks the model's task what the tensors mean.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Protocol, Self
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from fivegms_client.composition import ends_the_model
from fivegms_client.errors import ModelClosed
from fivegms_client.selection import Selection
from fivegms_client.timings import Timings
from fivegms_client.tracking import Tracker
from fivegms_client.trust.policy import NOBODY_LOOKED, Trust
from fivegms_engine.errors import BadInput
from fivegms_engine.media import open_frames
from fivegms_engine.session import LoadedModel, run_chain
from fivegms_engine.tasks import Classification, Detection, ModelIO, Result, task_named
from fivegms_manifests.model import ModelManifest, TensorInfo

Pixels = NDArray[np.uint8]
Media = str | Path | Iterable[Pixels]

CUT_TENSORS = "cut-tensors"
"""The task of a part that ends at a cut: its outputs mean nothing without the next subset."""


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What the model says of one frame.

    `time_s` is its presentation time, `pixels` [H, W, 3] uint8 RGB the frame itself, `results`
    those of at least the score threshold, best first, `outputs` the raw tensors.
    """

    index: int
    time_s: float
    pixels: Pixels
    results: tuple[Result, ...]
    outputs: Mapping[str, NDArray[Any]]
    inference_ms: float

    @property
    def detections(self) -> tuple[Detection, ...]:
        """The results that are objects with a box."""
        return tuple(result for result in self.results if isinstance(result, Detection))

    @property
    def classifications(self) -> tuple[Classification, ...]:
        """The results that are classes of the whole picture."""
        return tuple(result for result in self.results if isinstance(result, Classification))


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a model came here: what was chosen for each subset, what it cost, who vouches for it."""

    manifest: ModelManifest
    selections: tuple[Selection, ...]
    bytes_fetched: int
    bytes_from_cache: int
    trust: Trust = NOBODY_LOOKED


class Observer(Protocol):
    """Told of every inference, such as to report on it; never waits."""

    def inferred(self, latency_ms: float, ttfi_ms: float | None) -> None:
        """An inference ended now, and the first one `ttfi_ms` after the start."""

    def stop(self) -> None:
        """There are no more; it may wait for a moment."""


class RunnableModel:
    """A model, or the subsets of one that this device runs. Close it to give its memory back, and
    so that what is to be reported of its use is sent; else that happens when it is forgotten.
    """

    def __init__(
        self,
        provenance: Provenance,
        models: Sequence[LoadedModel],
        timings: Timings,
        observer: Observer | None = None,
    ) -> None:
        self._provenance = provenance
        self._models = tuple(models)
        self._timings = timings
        self._observer = observer
        self._end_of_use = finalize(self, _nothing if observer is None else observer.stop)
        self.inputs: tuple[TensorInfo, ...] = models[0].inputs
        self.outputs: tuple[TensorInfo, ...] = models[-1].outputs

    @property
    def manifest(self) -> ModelManifest:
        """The manifest that it came from."""
        return self._provenance.manifest

    @property
    def trust(self) -> Trust:
        """Who vouches for the manifest, or why nobody does."""
        return self._provenance.trust

    @property
    def selections(self) -> tuple[Selection, ...]:
        """Which variant was chosen of each subset, and why."""
        return self._provenance.selections

    @property
    def selection(self) -> Selection:
        """The selection of the first subset; of the only one, for a whole model."""
        return self._provenance.selections[0]

    @property
    def bytes_fetched(self) -> int:
        """What came over the network for its segments, repeats included."""
        return self._provenance.bytes_fetched

    @property
    def bytes_from_cache(self) -> int:
        """What of its segments was on this device already."""
        return self._provenance.bytes_from_cache

    @property
    def timings(self) -> Timings:
        """Where the time went; complete after the first inference."""
        return self._timings

    def infer(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run all subsets on raw input tensors, by name; the raw outputs of the last.

        Raises ModelClosed; BadInput and InferenceFailed of `fivegms_engine.errors`.
        """
        return self._timed(feeds)[0]

    def run(
        self,
        media: Media,
        *,
        score_threshold: float | None = None,
        tracker: Tracker | None = None,
        frame_rate: float = 25.0,
    ) -> Iterator[FrameResult]:
        """Run on every frame of a video or image file, or of pictures [H, W, 3] uint8 RGB.

        `score_threshold` defaults to the provider's. With a `tracker`, detections carry the number
        of their track. `frame_rate` times pictures that come without a file. Raises ModelClosed,
        OSError for a file that cannot be opened, and errors of `fivegms_engine`: media that cannot
        be read, arrays that are no pictures, pictures that the model does not take.
        """
        io = self._io()
        task = task_named(self._task_name())
        threshold = self._threshold(score_threshold)
        for index, time_s, pixels in _frames(media, frame_rate):
            feeds, placements = task.feeds([pixels], io)
            outputs, elapsed_ms = self._timed(feeds)
            results = tuple(task.results(outputs, placements, io, threshold)[0])
            if tracker is not None:
                results = _tracked(tracker, index, results)
            yield FrameResult(index, time_s, pixels, results, outputs, elapsed_ms)

    def close(self) -> None:
        """Give the memory of the model back, and end reporting on it. Closing twice is fine."""
        self._models = ()
        self._end_of_use()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _timed(self, feeds: Mapping[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], float]:
        if not self._models:
            raise ModelClosed("the model is closed; load it again")
        started = perf_counter()
        outputs = run_chain(self._models, feeds)
        elapsed_ms = 1000 * (perf_counter() - started)
        if self._timings.first_inference_ms is None:
            self._timings = self._timings.with_first_inference(elapsed_ms)
        if self._observer is not None:
            self._observer.inferred(elapsed_ms, self._timings.ttfi_ms)
        return outputs, elapsed_ms

    def _io(self) -> ModelIO:
        model = self.manifest.model
        return ModelIO(self.inputs, self.outputs, model.labels, model.input_processing)

    def _task_name(self) -> str:
        subsets = tuple(selection.subset for selection in self.selections)
        complete = ends_the_model(self.manifest, subsets)
        return self.manifest.model.task if complete else CUT_TENSORS

    def _threshold(self, asked: float | None) -> float:
        if asked is not None:
            return asked
        return self.manifest.model.decision_threshold or 0.0


def _nothing() -> None:
    """Nobody watches the use of the model."""


def _frames(media: Media, frame_rate: float) -> Iterator[tuple[int, float, Pixels]]:
    """Index, presentation time in seconds and pixels of each frame."""
    if isinstance(media, str | Path):
        with open_frames(Path(media)) as source:
            for frame in source:
                yield frame.index, float(frame.time_s), frame.pixels
        return
    for index, pixels in enumerate(media):
        yield index, index / frame_rate, _checked(pixels, index)


def _checked(pixels: Pixels, index: int) -> Pixels:
    """A picture that an app made, if it is one. Raises BadInput."""
    array = np.asarray(pixels)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise BadInput(
            f"picture {index} is {array.dtype} {list(array.shape)}, not uint8 [H, W, 3] in RGB; "
            "several pictures come as a list of them"
        )
    return array


def _tracked(tracker: Tracker, index: int, results: tuple[Result, ...]) -> tuple[Result, ...]:
    """The results with the detections among them followed; only objects have a place to follow."""
    followed = iter(tracker.update(index, [one for one in results if isinstance(one, Detection)]))
    return tuple(next(followed) if isinstance(one, Detection) else one for one in results)
