"""A model that is ready: what `load` gives an app.

It holds the loaded subsets and what is known of how they came here. Raw tensors go through
`infer`; pictures and video through `run`, which asks the model's task what the tensors mean.

What runs is one value, `Running`. `refine` and `update` make the next one while this one goes on,
and put it in its place at once: an inference uses the one that it began with, to its end.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import perf_counter
from types import TracebackType
from typing import Any, Protocol, Self
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from fivegms_client.errors import ClientError, ModelClosed
from fivegms_client.loaded import Running, Step
from fivegms_client.reporting import Subject
from fivegms_client.selection import Selection
from fivegms_client.timings import Timings
from fivegms_client.tracking import Tracker
from fivegms_client.trust.policy import Trust
from fivegms_engine.errors import BadInput
from fivegms_engine.media import open_frames
from fivegms_engine.session import run_chain
from fivegms_engine.tasks import Classification, Detection, Result, task_named
from fivegms_manifests.model import ModelManifest, TensorInfo, Variant

Pixels = NDArray[np.uint8]
Media = str | Path | Iterable[Pixels]


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


class Observer(Protocol):
    """Told of every inference, such as to report on it; never waits."""

    def inferred(self, latency_ms: float, ttfi_ms: float | None) -> None:
        """An inference ended now, and the first one `ttfi_ms` after the start."""

    def uses(self, subject: Subject) -> None:
        """From now on inferences are of another variant or version."""

    def stop(self) -> None:
        """There are no more; it may wait for a moment."""


class Upkeep(Protocol):
    """Makes what is to run next; raises ClientError, and then nothing has changed."""

    def refined(self, running: Running) -> Running | None:
        """With one more layer, or None where there is none."""

    def updated(self, running: Running) -> Running | None:
        """In the version that the provider has for this UE now, or None where that runs."""

    def stop(self) -> None:
        """Nothing is to run any more: end what is on its way, with ModelClosed; never waits."""


class RunnableModel:
    """A model, or the subsets of one that this device runs. Close it to give its memory back, and
    so that what is to be reported of its use is sent; else that happens when it is forgotten.
    """

    def __init__(
        self,
        running: Running,
        upkeep: Upkeep,
        timings: Timings,
        observer: Observer | None = None,
    ) -> None:
        self._running = running
        self._upkeep = upkeep
        self._timings = timings
        self._observer = observer
        self._keeping_up = Lock()  # one step at a time
        self._changing = Lock()  # closing, against a step that ends
        self._closed = False
        self._ends: list[Callable[[], object]] = []
        self.upkeep_error: ClientError | None = None
        """Why the last step that was taken in the background failed, if it did."""
        self.at_end(upkeep.stop)
        if observer is not None:
            self.at_end(observer.stop)

    def at_end(self, call: Callable[[], object]) -> None:
        """Have `call` called once, when the model is closed or forgotten."""
        self._ends.append(finalize(self, call))

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """What `infer` takes."""
        return self._running.inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """What `infer` gives."""
        return self._running.outputs

    @property
    def manifest(self) -> ModelManifest:
        """The manifest of the version that runs."""
        return self._running.manifest

    @property
    def trust(self) -> Trust:
        """Who vouches for the manifest, or why nobody does."""
        return self._running.trust

    @property
    def selections(self) -> tuple[Selection, ...]:
        """Which variant was chosen of each subset, and why."""
        return self._running.selections

    @property
    def selection(self) -> Selection:
        """The selection of the first subset; of the only one, for a whole model."""
        return self._running.selections[0]

    @property
    def variants(self) -> tuple[Variant, ...]:
        """What runs of each subset: what was chosen, or a layer on the way to it or beyond."""
        return self._running.steps[-1].variants

    @property
    def variant(self) -> Variant:
        """What runs of the first subset; of the only one, for a whole model."""
        return self.variants[0]

    @property
    def steps(self) -> tuple[Step, ...]:
        """What ran from the start until now, and what each took."""
        return self._running.steps

    @property
    def bytes_fetched(self) -> int:
        """What came over the network for its segments, repeats included, in all steps."""
        return sum(step.bytes_fetched for step in self.steps)

    @property
    def bytes_from_cache(self) -> int:
        """What of the segments of its first step was on this device already."""
        return self.steps[0].bytes_from_cache

    @property
    def timings(self) -> Timings:
        """Where the time of the start went; complete after the first inference."""
        return self._timings

    def refine(self) -> Step | None:
        """Fetch and add the next layer; what runs goes on meanwhile. None where there is none.

        From any thread; in an event loop, `await asyncio.to_thread(model.refine)`. Raises
        ClientError, and then what ran goes on.
        """
        return self._kept_up(self._upkeep.refined)

    def update(self) -> Step | None:
        """Take the version that the provider has for this UE now, if it is not what runs.

        As `refine` does. Nothing stops while it arrives, and nothing changes unless all of it is
        here and right: an update that fails leaves what runs alone (TR 26.927 6.5.4).
        """
        return self._kept_up(self._upkeep.updated)

    def infer(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run all subsets on raw input tensors, by name; the raw outputs of the last.

        Raises ModelClosed; BadInput and InferenceFailed of `fivegms_engine.errors`.
        """
        return self._timed(self._running, feeds)[0]

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
        for index, time_s, pixels in _frames(media, frame_rate):
            running = self._running
            io, task = running.io, task_named(running.task)
            feeds, placements = task.feeds([pixels], io)
            outputs, elapsed_ms = self._timed(running, feeds)
            threshold = running.threshold(score_threshold)
            results = tuple(task.results(outputs, placements, io, threshold)[0])
            if tracker is not None:
                results = _tracked(tracker, index, results)
            yield FrameResult(index, time_s, pixels, results, outputs, elapsed_ms)

    def close(self) -> None:
        """Give the memory of the model back, end reporting on it, and whatever is on its way.

        Closing twice is fine.
        """
        with self._changing:
            self._closed = True
            self._running = self._running.released()
        for end in self._ends:
            end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _kept_up(self, step: Callable[[Running], Running | None]) -> Step | None:
        with self._keeping_up:
            if self._closed:
                raise ModelClosed("the model is closed; load it again")
            following = step(self._running)
            if following is None:
                return None
            with self._changing:
                if self._closed:
                    raise ModelClosed("the model was closed while its next step arrived")
                self._running = following
            if self._observer is not None and following.subject is not None:
                self._observer.uses(following.subject)
            return following.steps[-1]

    def _timed(
        self, running: Running, feeds: Mapping[str, NDArray[Any]]
    ) -> tuple[dict[str, NDArray[Any]], float]:
        if not running.subsets:
            raise ModelClosed("the model is closed; load it again")
        started = perf_counter()
        outputs = run_chain([subset.model for subset in running.subsets], feeds)
        elapsed_ms = 1000 * (perf_counter() - started)
        if self._timings.first_inference_ms is None:
            self._timings = self._timings.with_first_inference(elapsed_ms)
        if self._observer is not None:
            self._observer.inferred(elapsed_ms, self._timings.ttfi_ms)
        return outputs, elapsed_ms


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
