"""`fivegms demo`: the main job, and what happened, for people to read."""

import logging
import re
from pathlib import Path
from typing import Annotated, Self

import typer
from rich.console import Console, Group
from rich.padding import Padding
from rich.progress import TaskID
from rich.table import Table
from rich.text import Text
from yarl import URL

from fivegms_api.ai_models import AiModel
from fivegms_client import FetchProgress
from fivegms_testbed.cli.console import (
    JsonOption,
    counted,
    megabytes,
    print_json,
    reporting_errors,
    results,
    stage_progress,
)
from fivegms_testbed.cli.logs import log_to_stderr
from fivegms_testbed.cli.variants import variants_table
from fivegms_testbed.demo import DemoResult, Reported, run_demo
from fivegms_testbed.recognition import FrameRecord
from fivegms_testbed.trace import HttpCall
from fivegms_testbed.upload import UploadProgress

OUTPUT = Path("demo-output")

_IDENTIFIER = re.compile(r"[0-9a-f-]{36}")

_PURPOSES = (
    ("POST", "/provisioning-sessions", "open a session"),
    ("POST", "/content-preparation-templates", "say how to prepare it"),
    ("POST", "/content-hosting-configuration", "ask for hosting"),
    ("GET", "/content-hosting-configuration", "learn where to send"),
    ("POST", "/consumption-reporting-configuration", "ask who uses it"),
    ("POST", "/metrics-reporting-configurations", "ask how well it runs"),
    ("GET", "/consumption-reports", "read who used it"),
    ("GET", "/metrics-reports", "read how well it ran"),
    ("PUT", ".mp4", "send evaluation media"),
    ("PUT", ".json", "send its ground truth"),
    ("PUT", ".onnx", "send the model"),
    ("GET", "/ai-models", "follow the preparation"),
    ("GET", "/service-access-information", "ask where the model is"),
    ("GET", ".mpd", "read the model MPD"),
    ("GET", ".m4s", "fetch a segment"),
    ("GET", ".mp4", "fetch initialization"),
)
"""What the calls of the demo are for: method, how the path ends (identifiers apart), words."""


def demo(
    media: Annotated[
        Path | None,
        typer.Option("--input", exists=True, dir_okay=False, help="An image or video of your own."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", file_okay=False, help="Folder for the files it writes.")
    ] = OUTPUT,
    as_json: JsonOption = False,
) -> None:
    """Publish a detector through 5GMS and recognise objects in a video with it."""
    log_to_stderr(logging.WARNING, as_json=as_json)
    with reporting_errors(as_json=as_json):
        with _Watching(as_json=as_json) as watching:
            result = run_demo(media, output, watching)
        if as_json:
            print_json(result)
        else:
            show(result, results)


class _Watching:
    """One bar per phase of the demo."""

    def __init__(self, *, as_json: bool) -> None:
        self._bars = stage_progress(as_json=as_json)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._bars.stop()

    def uploading(self, name: str, progress: UploadProgress) -> None:
        self._update(f"M2 {name}", progress.sent_bytes, progress.total_bytes)

    def preparing(self, model: AiModel) -> None:
        if model.progress is not None:
            self._update("AS prepares", model.progress.fraction, 1.0)

    def fetching(self, progress: FetchProgress) -> None:
        self._update("M4 fetch", progress.done_bytes, progress.total_bytes)

    def frame(self, record: FrameRecord) -> None:
        self._update("UE recognises", record.index + 1, None)

    def _update(self, name: str, completed: float, total: float | None) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total)
        self._bars.update(self._tasks[name], completed=completed, total=total)


def show(result: DemoResult, console: Console) -> None:
    """The whole story, top to bottom."""
    for title, body in (
        ("What crossed the network (M1, M2: the provider; M4, M5: the UE)", _calls(result.calls)),
        (f"What the AS made of {result.model}", variants_table(result.variants)),
        ("What the UE took", _choice(result)),
        ("What it saw", _recognition(result)),
        ("What it reported to the provider", _reports(result.reported)),
        ("Look at it", _outputs(result)),
    ):
        console.print(Text(title, style="bold cyan"))
        console.print(Padding(body, (0, 0, 1, 2)))


def _calls(calls: tuple[HttpCall, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("point", style="bold")
    table.add_column("call", no_wrap=True)
    table.add_column("code", justify="right")
    table.add_column("ms", justify="right")
    table.add_column("what for", overflow="fold")
    for call, times in _grouped(calls):
        what = _purpose(call) + (f" ({times} times)" if times > 1 else "")
        path = f"{call.method} {_short(call.url)}"
        table.add_row(call.reference_point, path, str(call.status), f"{call.duration_ms:.0f}", what)
    return table


def _grouped(calls: tuple[HttpCall, ...]) -> list[tuple[HttpCall, int]]:
    """Calls that repeat (polling) once, as the last of them, with how often."""
    grouped: list[tuple[HttpCall, int]] = []
    for call in calls:
        if grouped and (grouped[-1][0].method, grouped[-1][0].url) == (call.method, call.url):
            grouped[-1] = (call, grouped[-1][1] + 1)
        else:
            grouped.append((call, 1))
    return grouped


def _purpose(call: HttpCall) -> str:
    path = URL(call.url).path
    resource = path.rsplit("/", 1)[0]
    for method, end, words in _PURPOSES:
        if method == call.method and (path.endswith(end) or resource.endswith(end)):
            return words
    return ""


def _short(url: str) -> str:
    """The resource at the end of the path; identifiers say nothing to a reader."""
    resource, last = URL(url).path.rsplit("/", 2)[1:]
    if _IDENTIFIER.fullmatch(last):
        return f"{resource}/{{id}}"
    if (stem := last.partition(".")[0]) and len(stem) == 64:
        return f"{resource}/{last[:8]}….{last.rpartition('.')[2]}"
    return last


def _choice(result: DemoResult) -> Group:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_column(overflow="fold")
    for considered in result.considered:
        style = "green" if considered.id == result.chosen else "dim"
        verdict = Text(considered.verdict, style=style)
        table.add_row(considered.id, verdict, considered.cause)
    timings = result.timings
    return Group(
        table,
        Text(
            f"{megabytes(result.bytes_fetched)} fetched; first result {result.ttfi_ms:.0f} ms "
            f"after the first request (M5 {timings.sai_ms or 0:.0f}, "
            f"MPD {timings.mpd_ms or 0:.0f}, device {timings.device_ms or 0:.0f}, "
            f"segments {timings.fetch_ms or 0:.0f}, "
            f"engine {timings.load_ms or 0:.0f}, inference {timings.first_inference_ms or 0:.0f})"
        ),
    )


def _recognition(result: DemoResult) -> Group:
    frames = counted(result.frames, "frame")
    lines = [Text(f"{frames}, median {result.frame_ms_p50:.1f} ms each")]
    if result.precision is not None and result.recall is not None:
        lines.append(
            Text(f"precision {result.precision:.3f}, recall {result.recall:.3f} (IoU 0.5)")
        )
    if result.counters is not None:
        counters = result.counters
        for name in ("entered", "left", "crossed"):
            counted_movements = getattr(counters, name)
            if counted_movements is None:
                continue
            true = "" if result.true_counters is None else f" (truth {result.true_counters[name]})"
            lines.append(Text(f"{name:<8}{counted_movements:>3}{true}"))
    return Group(*lines)


def _reports(reported: Reported) -> Text:
    counts = (
        f"{counted(reported.metrics_reports, 'metrics report')}, "
        f"{counted(reported.consumption_reports, 'consumption report')}"
    )
    p95_ms = reported.metrics.get("inferenceLatency.p95")
    told = "" if p95_ms is None else f": inference p95 {p95_ms:.1f} ms"
    ttfi_ms = reported.metrics.get("timeToFirstInference")
    told += "" if ttfi_ms is None else f", first one after {ttfi_ms:.0f} ms"
    return Text(counts + told)


def _outputs(result: DemoResult) -> Group:
    return Group(Text(f"{result.outputs.video}"), Text(f"{result.outputs.results}"))
