"""The main job, end to end in one process: publish a detector, then be the UE that uses it.

AF and AS run on free loopback ports with state in a temporary folder. The provider publishes over
M1 and M2; the UE asks M5 where the model is, picks a variant, fetches it over M4, recognises
objects in a video and reports over M5 how that went. `run_demo` does it and returns what happened;
how that is shown is the command's business.
"""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Protocol

from fivegms_api.ai_models import AiModel, PreparedVariant
from fivegms_api.model_preparation import MediaEvaluation, ModelDescription, ModelPreparation
from fivegms_client import AccessOptions, MovementCounters, RunnableModel, Timings
from fivegms_client.entry import SessionEntry
from fivegms_client.http_fetcher import HttpFetcher
from fivegms_client.model_access import ModelAccess
from fivegms_client.progress import FetchProgress
from fivegms_client.report_sender import report_over_http
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
class Reported:
    """What the provider read of the UE's reports: how many, and the means of their metrics."""

    metrics_reports: int
    consumption_reports: int
    seconds_consumed: float
    metrics: dict[str, float]


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
    reported: Reported


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
    return asyncio.run(_deliver_and_use(media, output, watcher))


async def _deliver_and_use(media: Path | None, output: Path, watcher: Watcher) -> DemoResult:
    """From a file at the provider to results at the UE, and back to the provider as reports."""
    trace = Trace()
    truth = assets.clip_truth() if media is None else None
    with tempfile.TemporaryDirectory(prefix="fivegms-demo-") as state:
        async with Deployment(DeploymentConfig.on_free_ports(Path(state))) as deployment:
            addresses = deployment.addresses
            async with Provider(addresses["m1"], trace_configs=[trace.config()]) as provider:
                published = await provider.publish(
                    assets.detector_model(),
                    TEMPLATE,
                    on_upload=watcher.uploading,
                    on_state=watcher.preparing,
                )
                session = published.provisioning_session_id
                await provider.ask_for_reports(session)
                model = await _open(addresses["m5"], session, trace, watcher)
                recognition = await asyncio.to_thread(
                    _recognise, model, media or assets.clip(), truth, output, watcher
                )
                reported = await _reported(provider, session)
    return _result(model, published, truth, recognition, reported, trace)


async def _reported(provider: Provider, session: str) -> Reported:
    metrics = (await provider.metrics_reports(session)).metrics_reports
    consumption = (await provider.consumption_reports(session)).consumption_reports
    values: dict[str, list[float]] = {}
    for report in metrics:
        for value in report.values:
            values.setdefault(value.metric, []).append(value.value)
    return Reported(
        metrics_reports=len(metrics),
        consumption_reports=len(consumption),
        seconds_consumed=sum(unit.duration for one in consumption for unit in one.units),
        metrics={name: fmean(several) for name, several in sorted(values.items())},
    )


async def _open(m5: str, session: str, trace: Trace, watcher: Watcher) -> RunnableModel:
    async with HttpFetcher() as fetcher:
        access = ModelAccess(
            TracingFetcher(fetcher, trace),
            AccessOptions(progress=watcher.fetching),
            watch=report_over_http,
        )
        return await access.open(SessionEntry(m5, session))


def _recognise(
    model: RunnableModel, media: Path, truth: GroundTruth | None, output: Path, watcher: Watcher
) -> tuple[Recognition, Outputs]:
    """Use the model to its end, after which its last reports are sent."""
    suffix = ".png" if media.suffix.lower() in PICTURE_SUFFIXES else ".mp4"
    outputs = Outputs(output / f"annotated{suffix}", output / "results.json")
    line = None if truth is None else truth.line
    with model:
        recognition = recognise(
            model, media, line=line, annotated=outputs.video, on_frame=watcher.frame
        )
        write_results(recognition, model, media, outputs.results)
    return recognition, outputs


def _result(
    model: RunnableModel,
    published: Published,
    truth: GroundTruth | None,
    recognised: tuple[Recognition, Outputs],
    reported: Reported,
    trace: Trace,
) -> DemoResult:
    recognition, outputs = recognised
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
        reported=reported,
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
