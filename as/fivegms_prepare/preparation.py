"""A source model and a Content Preparation Template to a folder ready to be published.

The folder holds the manifest at the template's `manifest` path and, beside it, `init/` and
`segments/`. It is filled from a folder of its own: segments first, each moved into place whole, the
manifest last, so that a manifest is never seen before what it names. A preparation that fails
leaves nothing of itself.

The source's memory is given back before the first variant is loaded again to be measured.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from fivegms_api.ai_models import PreparedVariant
from fivegms_api.model_preparation import ModelPreparation
from fivegms_manifests.errors import ManifestError
from fivegms_manifests.model import Model, ModelManifest, Subset
from fivegms_manifests.model_mpd import write_model_mpd
from fivegms_prepare.compose import Plan, plan
from fivegms_prepare.description import describe
from fivegms_prepare.errors import EvaluationFailed, NotDescribable, StorageFailed, cause_of
from fivegms_prepare.evaluation import Encoded, check_compositions, measure_subset
from fivegms_prepare.evaluation_set import EvaluationSet, open_evaluation
from fivegms_prepare.manifest import subset_of, variants_of
from fivegms_prepare.profile import Profile, profile
from fivegms_prepare.progress import Progress, Report
from fivegms_prepare.source import load_source
from fivegms_prepare.variants import EncodedVariant, encode

READING, ENCODING, MEASURING, WRITING = 0.1, 0.5, 0.35, 0.05
"""The share of the work that each part is, roughly, for a model of 100 MB."""


@dataclass(frozen=True, slots=True)
class PreparationResult:
    """What was made: `files` are paths below the output folder, the manifest last."""

    manifest: ModelManifest
    files: tuple[str, ...]
    variants: tuple[PreparedVariant, ...]


@dataclass(frozen=True, slots=True)
class _Encoding:
    """A model as coded: all that is still needed of it once its weights are let go."""

    model: Model
    evaluation: EvaluationSet | None
    plan: Plan
    profiles: dict[int, Profile]
    encoded: Encoded


def prepare(
    source: Path,
    template: ModelPreparation,
    out: Path,
    *,
    evaluation_dir: Path | None = None,
    progress: Report = lambda report: None,
    now: datetime,
) -> PreparationResult:
    """Prepare the model at `source` into the folder `out`.

    External data of the model lies beside it; the template's evaluation files lie below
    `evaluation_dir`. `now` becomes the manifest's publish time. Raises a ModelRefused.
    """
    steps = Progress(progress)
    with _workshop(out) as workshop:
        encoding = _encode(source, template, evaluation_dir, workshop, steps)
        subsets = _measure(encoding, workshop, steps)
        steps.stage("writing", WRITING)
        manifest = ModelManifest(encoding.model, subsets, encoding.plan.compositions, published=now)
        files = _publish(manifest, workshop, out, PurePosixPath(template.manifest))
    steps.step(1.0)
    return PreparationResult(manifest, files, variants_of(manifest))


def _encode(
    source: Path,
    template: ModelPreparation,
    evaluation_dir: Path | None,
    workshop: Path,
    progress: Progress,
) -> _Encoding:
    progress.stage("checking", READING)
    separated = load_source(source)
    model = describe(separated.graph, template.model)
    evaluation = _evaluation(template, evaluation_dir, model)
    planned = plan(separated, template.compositions)
    share = ENCODING / (len(planned.subsets) * len(template.variants))
    encoded: dict[int, list[EncodedVariant]] = {subset.id: [] for subset in planned.subsets}
    for subset in planned.subsets:
        for request in template.variants:
            progress.stage(f"encoding {request.precision}", share)
            encoded[subset.id].append(
                encode(subset.model, request, workshop, template.segment_size_bytes, progress.step)
            )
    return _Encoding(
        model,
        evaluation,
        planned.without_weights(),
        {subset.id: profile(subset.model) for subset in planned.subsets},
        encoded,
    )


def _evaluation(
    template: ModelPreparation, folder: Path | None, model: Model
) -> EvaluationSet | None:
    if template.evaluation is None:
        return None
    if folder is None:
        raise EvaluationFailed("the template has an evaluation set, but its folder is not there")
    return open_evaluation(template.evaluation, folder, model)


def _measure(encoding: _Encoding, workshop: Path, progress: Progress) -> tuple[Subset, ...]:
    whole = encoding.plan.subsets[0]
    share = MEASURING / len(encoding.plan.subsets)
    subsets = []
    for subset in encoding.plan.subsets:
        progress.stage(f"measuring {subset.name}", share)
        measured = measure_subset(
            subset, encoding.encoded[subset.id], workshop, encoding.evaluation, progress.step
        )
        subsets.append(subset_of(subset, encoding.profiles[subset.id], measured))
    divided = encoding.plan.compositions[1:]
    check_compositions(divided, whole, encoding.encoded, workshop, encoding.evaluation)
    return tuple(subsets)


@contextmanager
def _workshop(out: Path) -> Iterator[Path]:
    """A folder inside `out`, on the same file system, that is gone in the end."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        workshop = Path(mkdtemp(prefix=".preparing-", dir=out))
        try:
            yield workshop
        finally:
            shutil.rmtree(workshop, ignore_errors=True)
    except OSError as error:
        raise StorageFailed(f"the prepared model cannot be stored: {cause_of(error)}") from error


def _publish(
    manifest: ModelManifest, workshop: Path, out: Path, name: PurePosixPath
) -> tuple[str, ...]:
    try:
        document = write_model_mpd(manifest)
    except ManifestError as error:
        raise NotDescribable(f"no manifest can be written of this model: {error}") from error
    prefix = name.parent
    files = []
    for path in sorted(path for path in workshop.rglob("*") if path.is_file()):
        relative = prefix / path.relative_to(workshop).as_posix()
        target = out / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        files.append(str(relative))
    (workshop / "manifest").write_bytes(document)
    (workshop / "manifest").replace(out / name)
    return (*files, str(name))
