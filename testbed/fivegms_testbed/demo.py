"""The main job, end to end in one process: publish a detector, then be the UE that uses it.

AF and AS run on free loopback ports with state in a temporary folder. The provider publishes over
M1 and M2; the UE asks M5 where the model is, picks a variant, fetches it over M4 and recognises
objects in a video. `run_demo` does it and returns what happened; how that is shown is the
command's business.
"""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fivegms_api.ai_models import AiModel, PreparedVariant
from fivegms_api.model_preparation import MediaEvaluation, ModelDescription, ModelPreparation
from fivegms_client import AccessOptions, MovementCounters, RunnableModel, Timings
from fivegms_client.entry import SessionEntry
from fivegms_client.http_fetcher import HttpFetcher
from fivegms_client.model_access import ModelAccess
from fivegms_client.progress import FetchProgress
from fivegms_engine.tasks import GroundTruth
from fivegms_engine.tasks.detection_metrics import precision_recall
from fivegms_testbed import assets
from fivegms_testbed.canvas import PICTURE_SUFFIXES
from fivegms_testbed.deployment import Deployment, DeploymentConfig
from fivegms_testbed.provider import Provider, Published
from fivegms_testbed.recognition import FrameRecord, Recognition, recognise, write_results
from fivegms_testbed.trace import HttpCall, Trace, TracingFetcher
from fivegms_testbed.upload import UploadProgress

TEMPLATE = ModelPreparation(
    model=ModelDescription(name="digits-detector", task="object-detection"),
    source=assets.detector_model().name,
    evaluation=MediaEvaluation(media="evaluation.mp4", ground_truth="evaluation.json"),
)


@dataclass(frozen=True, slots=True)
class Considered:
    """A variant, what became of it at the UE (`chosen`, `turned-down`, `refused`), and why."""

    id: str
    verdict: str
    cause: str


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files that the demo wrote."""

    video: Path
    results: Path


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What happened. Times are in ms, sizes in bytes.

    `chosen` is a variant's id and `reason` why it was taken. `precision`, `recall` and
    `true_counters` are None for media without ground truth. `ttfi_ms` counts from the UE's first
    request to its first result.
    """

    model: str
    version: int
    task: str
    variants: tuple[PreparedVariant, ...]
    chosen: str
    reason: str
    considered: tuple[Considered, ...]
    bytes_fetched: int
    ttfi_ms: float
    timings: Timings
    frames: int
    frame_ms_p50: float
    precision: float | None
    recall: float | None
    counters: MovementCounters | None
    true_counters: dict[str, int] | None
    calls: tuple[HttpCall, ...]
    outputs: Outputs


class Watcher(Protocol):
    """Told of progress while the demo runs."""

    def uploading(self, name: str, progress: UploadProgress) -> None:
        """A file is on its way over M2."""

    def preparing(self, model: AiModel) -> None:
        """M1 reported the model anew."""

    def fetching(self, progress: FetchProgress) -> None:
        """Segments are on their way over M4."""

    def frame(self, record: FrameRecord) -> None:
        """A frame was recognised."""


def run_demo(media: Path | None, output: Path, watcher: Watcher) -> DemoResult:
    """Publish, fetch, run. `media` is the user's own image or video; None takes the shipped clip.

    Annotated media and `results.json` go to the folder `output`. Raises what the packages raise.
    """
    output.mkdir(parents=True, exist_ok=True)
    trace = Trace()
    published, model = asyncio.run(_deliver(assets.detector_model(), trace, watcher))
    truth = assets.clip_truth() if media is None else None
    with model:
        return _recognise(model, published, media or assets.clip(), truth, output, trace, watcher)


async def _deliver(source: Path, trace: Trace, watcher: Watcher) -> tuple[Published, RunnableModel]:
    """From a file at the provider to a model that is ready at the UE; then the servers end."""
    with tempfile.TemporaryDirectory(prefix="fivegms-demo-") as state:
        async with Deployment(DeploymentConfig.on_free_ports(Path(state))) as deployment:
            addresses = deployment.addresses
            published = await _publish(addresses["m1"], source, trace, watcher)
            session = published.provisioning_session_id
            return published, await _open(addresses["m5"], session, trace, watcher)


async def _publish(m1: str, source: Path, trace: Trace, watcher: Watcher) -> Published:
    async with Provider(m1, trace_configs=[trace.config()]) as provider:
        return await provider.publish(
            source, TEMPLATE, on_upload=watcher.uploading, on_state=watcher.preparing
        )


async def _open(m5: str, session: str, trace: Trace, watcher: Watcher) -> RunnableModel:
    async with HttpFetcher() as fetcher:
        access = ModelAccess(
            TracingFetcher(fetcher, trace), AccessOptions(progress=watcher.fetching)
        )
        return await access.open(SessionEntry(m5, session))


def _recognise(
    model: RunnableModel,
    published: Published,
    media: Path,
    truth: GroundTruth | None,
    output: Path,
    trace: Trace,
    watcher: Watcher,
) -> DemoResult:
    suffix = ".png" if media.suffix.lower() in PICTURE_SUFFIXES else ".mp4"
    outputs = Outputs(output / f"annotated{suffix}", output / "results.json")
    line = None if truth is None else truth.line
    recognition = recognise(
        model, media, line=line, annotated=outputs.video, on_frame=watcher.frame
    )
    write_results(recognition, model, media, outputs.results)
    precision, recall = _accuracy(recognition, truth, model)
    selection, ttfi_ms = model.selection, model.timings.ttfi_ms
    if ttfi_ms is None:
        raise RuntimeError("the media had no frame")
    return DemoResult(
        model=published.model.name,
        version=published.model.version,
        task=published.model.task,
        variants=published.model.variants,
        chosen=selection.chosen.id,
        reason=selection.reason,
        considered=tuple(
            Considered(candidate.variant.id, candidate.verdict, candidate.cause)
            for candidate in selection.candidates
        ),
        bytes_fetched=model.bytes_fetched,
        ttfi_ms=ttfi_ms,
        timings=model.timings,
        frames=len(recognition.frames),
        frame_ms_p50=recognition.frame_ms_p50,
        precision=precision,
        recall=recall,
        counters=recognition.counters,
        true_counters=None if truth is None else _true_counters(truth),
        calls=tuple(trace.calls),
        outputs=outputs,
    )


def _accuracy(
    recognition: Recognition, truth: GroundTruth | None, model: RunnableModel
) -> tuple[float | None, float | None]:
    """Precision and recall over all frames at the model's own threshold, IoU 0.5."""
    if truth is None:
        return None, None
    threshold = model.manifest.model.decision_threshold or 0.0
    objects = [truth.frame(frame.index).objects for frame in recognition.frames]
    figures = precision_recall(recognition.detections, objects, score_threshold=threshold)
    return figures.precision, figures.recall


def _true_counters(truth: GroundTruth) -> dict[str, int] | None:
    return None if truth.counters is None else truth.counters.model_dump()
