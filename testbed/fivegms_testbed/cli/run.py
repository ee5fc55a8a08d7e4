"""`fivegms run`: fetch what suits this device and run it on a file."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from fivegms_client import RunnableModel, Step, load
from fivegms_client.association import Box
from fivegms_client.composition import WHOLE
from fivegms_client.selection import Prefer
from fivegms_engine.tasks import Classification, Detection, TensorSummary
from fivegms_engine.tasks.tensors import summarise
from fivegms_testbed.arrays import is_array_file, read_feeds, write_outputs
from fivegms_testbed.cli.authorization import (
    ClientIdOption,
    ClientSecretOption,
    TokenOption,
    TokenUrlOption,
    authorization,
)
from fivegms_testbed.cli.console import (
    JsonOption,
    counted,
    headed,
    megabytes,
    messages,
    print_json,
    reporting_errors,
    results,
    stage_progress,
    transfer_progress,
)
from fivegms_testbed.cli.entry import (
    DEFAULT_CACHE,
    DEFAULT_PATIENCE_S,
    CacheOption,
    CompositionOption,
    EndpointOption,
    EntryArgument,
    KeyServerOption,
    LinkOption,
    MaxFetchOption,
    NameOption,
    NoCacheOption,
    NoReportsOption,
    PatienceOption,
    PreferOption,
    RefineOption,
    SegmentKeyOption,
    SessionOption,
    TaskOption,
    TrustKeysOption,
    TrustOption,
    UpdateOption,
    VariantOption,
    access_options,
    segment_keys,
    trust_policy,
    trust_summary,
    warn_of,
)
from fivegms_testbed.cli.ue import CohortOption, NoUeIdOption, UeIdOption, ue_identity
from fivegms_testbed.recognition import FrameRecord, Recognition, recognise, write_results


def _corners(text: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(number) for number in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not X0,Y0,X1,Y1 in pixels") from error
    return x0, y0, x1, y1


LineOption = Annotated[
    str | None,
    typer.Option("--line", metavar="X0,Y0,X1,Y1", help="Count what crosses this line, in pixels."),
]


def run(
    entry: EntryArgument,
    media: Annotated[
        Path,
        typer.Option(
            "--input", exists=True, dir_okay=False, help="Image or video, or arrays (.npy, .npz)."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            dir_okay=False,
            help="Annotated .mp4 or .png, results as .json, or raw outputs as .npz (of arrays).",
        ),
    ] = None,
    line: LineOption = None,
    session: SessionOption = None,
    task: TaskOption = None,
    name: NameOption = None,
    variant: VariantOption = None,
    prefer: PreferOption = Prefer.BALANCED,
    link_mbps: LinkOption = None,
    max_fetch_s: MaxFetchOption = None,
    composition: CompositionOption = WHOLE,
    endpoint: EndpointOption = None,
    patience_s: PatienceOption = DEFAULT_PATIENCE_S,
    cache: CacheOption = DEFAULT_CACHE,
    no_cache: NoCacheOption = False,
    no_reports: NoReportsOption = False,
    ue_id: UeIdOption = None,
    no_ue_id: NoUeIdOption = False,
    cohort: CohortOption = None,
    trust: TrustOption = None,
    trust_key: TrustKeysOption = None,
    segment_key: SegmentKeyOption = None,
    key_server: KeyServerOption = None,
    refine: RefineOption = False,
    update_every_s: UpdateOption = None,
    token: TokenOption = None,
    client_id: ClientIdOption = None,
    client_secret: ClientSecretOption = None,
    token_url: TokenUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a published model, of a task that is known here or not."""
    with reporting_errors(as_json=as_json):
        counting_line = None if line is None else _corners(line)
        shown = authorization(token, client_id, client_secret, token_url)
        with transfer_progress(as_json=as_json) as bars:
            options = access_options(
                variant=variant,
                prefer=prefer,
                link_mbps=link_mbps,
                max_fetch_s=max_fetch_s,
                composition=composition,
                endpoint=endpoint,
                cache=None if no_cache else cache,
                patience_s=patience_s,
                reporting=not no_reports,
                client_id=ue_identity(entry, session, task, ue_id, no_ue_id=no_ue_id),
                cohort=cohort,
                authorization=shown,
                trust=trust_policy(trust, trust_key, name),
                keys=segment_keys(segment_key, key_server, shown),
                refine=refine,
                update_every_s=update_every_s,
                bars=bars,
            )
            model = load(entry, session=session, task=task, name=name, options=options)
        warn_of(model.trust)
        with model:
            if is_array_file(media):
                _run_arrays(model, media, output, as_json=as_json)
            else:
                _run_media(model, media, output, counting_line, as_json=as_json)


def _run_arrays(model: RunnableModel, file: Path, output: Path | None, *, as_json: bool) -> None:
    outputs = model.infer(read_feeds(file, model.inputs))
    if output is not None:
        write_outputs(outputs, output)
    if as_json:
        print_json(_access(model) | {"outputs": _summaries(outputs), "saved": output})
        return
    _show_access(model)
    results.print(_tensor_table(_summaries(outputs)))
    if output is not None:
        results.print(f"saved in {output}", soft_wrap=True)


def _run_media(
    model: RunnableModel, media: Path, output: Path | None, line: Box | None, *, as_json: bool
) -> None:
    as_document = output is not None and output.suffix.lower() == ".json"
    with stage_progress(as_json=as_json) as bars:
        frames = bars.add_task("recognising", total=None)

        def advance(record: FrameRecord) -> None:
            bars.update(frames, completed=record.index + 1)

        annotated = None if as_document else output
        recognition = recognise(model, media, line=line, annotated=annotated, on_frame=advance)
    if as_document and output is not None:
        write_results(recognition, model, media, output)
    if as_json:
        print_json(
            _access(model)
            | {
                "frames": recognition.frames,
                "frame_ms_p50": recognition.frame_ms_p50,
                "counters": recognition.counters,
                "saved": output,
            }
        )
        return
    _show_access(model)
    _show_recognition(recognition)
    if output is not None:
        results.print(f"saved in {output}", soft_wrap=True)


def _summaries(outputs: dict[str, NDArray[Any]]) -> list[TensorSummary]:
    return [summarise(name, np.asarray(tensor)) for name, tensor in outputs.items()]


def _access(model: RunnableModel) -> dict[str, Any]:
    return {
        "model": model.manifest.model.name,
        "version": model.manifest.model.version,
        "task": model.manifest.model.task,
        "chosen": [selection.chosen.id for selection in model.selections],
        "reason": [selection.reason for selection in model.selections],
        "trust": trust_summary(model.trust),
        "bytes_fetched": model.bytes_fetched,
        "bytes_from_cache": model.bytes_from_cache,
        "timings": model.timings,
        "ttfi_ms": model.timings.ttfi_ms,
        "steps": [_step(step) for step in model.steps],
        "upkeep_error": None if model.upkeep_error is None else str(model.upkeep_error),
    }


def _step(step: Step) -> dict[str, Any]:
    """What ran from one moment on, as JSON types."""
    return {
        "way": step.way,
        "version": step.version,
        "variants": [variant.id for variant in step.variants],
        "bytes_fetched": step.bytes_fetched,
        "bytes_from_cache": step.bytes_from_cache,
        "decode_ms": step.timings.decode_ms,
        "ready_ms": step.timings.ready_ms,
        "accuracy": list(step.accuracy),
        "note": step.note,
    }


def _show_access(model: RunnableModel) -> None:
    described = model.manifest.model
    results.print(headed(described.name, f" version {described.version}, {described.task}"))
    for selection in model.selections:
        results.print(f"{selection.chosen.id} because {selection.reason}")
    fetched, cached = megabytes(model.bytes_fetched), megabytes(model.bytes_from_cache)
    ttfi = model.timings.ttfi_ms
    first = "" if ttfi is None else f"; first inference after {ttfi:.0f} ms"
    results.print(f"{fetched} fetched, {cached} from the cache{first}")
    _show_steps(model)
    if model.upkeep_error is not None:
        messages.print(f"warning: not kept current: {model.upkeep_error}", soft_wrap=True)


def _show_steps(model: RunnableModel) -> None:
    """What ran, where that is more than what was chosen, or not as it should have been."""
    chosen = tuple(selection.chosen for selection in model.selections)
    if len(model.steps) == 1 and model.variants == chosen and model.steps[0].note is None:
        return
    for number, step in enumerate(model.steps):
        ran = ", ".join(variant.id for variant in step.variants)
        came = f", {step.way}" if number else ""
        note = f"; {step.note}" if step.note else ""
        results.print(
            f"{'then' if number else 'first'} {ran} of version {step.version}{came}, "
            f"{megabytes(step.bytes_fetched)}{note}",
            soft_wrap=True,
        )


def _show_recognition(recognition: Recognition) -> None:
    frames = recognition.frames
    number = counted(len(frames), "frame")
    results.print(f"{number}, median {recognition.frame_ms_p50:.1f} ms each")
    if recognition.counters is not None and len(frames) > 1:
        counters = asdict(recognition.counters)
        shown = (f"{name} {count}" for name, count in counters.items() if count is not None)
        results.print(", ".join(shown))
    last = frames[-1]
    summaries = [one for one in last.results if isinstance(one, TensorSummary)]
    if summaries:
        results.print(_tensor_table(summaries))
    elif len(frames) == 1:
        for result in last.results:
            results.print(_sentence(result))


def _sentence(result: object) -> str:
    match result:
        case Detection():
            box = ", ".join(f"{edge:.0f}" for edge in result.box)
            return f"{result.label} {result.score:.2f} at {box}"
        case Classification():
            return f"{result.label} {result.score:.2f}"
    return str(result)


def _tensor_table(summaries: list[TensorSummary]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("output", "type", "shape"):
        table.add_column(heading)
    for heading in ("min", "mean", "max"):
        table.add_column(heading, justify="right")
    for one in summaries:
        figures = (one.minimum, one.mean, one.maximum)
        numbers = ("-" if figure is None else f"{figure:.4g}" for figure in figures)
        table.add_row(one.name, one.dtype, str(list(one.shape)), *numbers)
    return table
