"""A source model and a Content Preparation Template to a folder ready to be published.

The folder holds the manifest at the template's `manifest` path and, beside it, `init/` and
`segments/`. It is filled from a folder of its own: segments first, each moved into place whole, the
manifest last, so that a manifest is never seen before what it names. A preparation that fails
leaves nothing of itself; one that is given a journal leaves there what it had finished.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from fivegms_api.ai_models import PreparedVariant, WithheldVariant
from fivegms_api.model_preparation import ModelPreparation
from fivegms_manifests.errors import ManifestError
from fivegms_manifests.model import ModelManifest
from fivegms_manifests.model_mpd import write_model_mpd
from fivegms_prepare.as_is import manifest_as_is
from fivegms_prepare.encryption import (
    encrypt_manifest,
    refuse_clear_segments,
    refuse_without_key,
)
from fivegms_prepare.errors import NotDescribable, StorageFailed, cause_of
from fivegms_prepare.journal import FILES, Journal
from fivegms_prepare.making import Made, Making
from fivegms_prepare.opening import open_inputs
from fivegms_prepare.packaging import SEGMENT_FOLDER
from fivegms_prepare.progress import Progress, Report
from fivegms_prepare.reported import variants_of

CHECKING = 0.05


@dataclass(frozen=True, slots=True)
class PreparationResult:
    """What was made: `files` are paths below the output folder, the manifest last."""

    manifest: ModelManifest
    files: tuple[str, ...]
    variants: tuple[PreparedVariant, ...]
    withheld: tuple[WithheldVariant, ...] = ()


@dataclass(frozen=True, slots=True)
class Journaling:
    """Where finished work is kept across crashes, and what it belongs to.

    `folder` is on the output folder's file system. Work that was kept under another `binding` is
    not used: it has to tell apart inputs, template, software and machine.
    """

    folder: Path
    binding: str


def prepare(
    source: Path,
    template: ModelPreparation,
    out: Path,
    *,
    evaluation_dir: Path | None = None,
    progress: Report = lambda report: None,
    now: datetime,
    journaling: Journaling | None = None,
    key: bytes | None = None,
) -> PreparationResult:
    """Prepare the model at `source` into the folder `out`.

    External data of the model lies beside it; whatever else the template names lies below
    `evaluation_dir`. `now` becomes the manifest's publish time. `key` is what the segments are
    encrypted with where the template asks for that. Raises a ModelRefused.
    """
    refuse_without_key(template.encryption, key)
    if key is not None:
        refuse_clear_segments((out / template.manifest).parent / SEGMENT_FOLDER)
    steps = Progress(progress)
    with _workshop(out, journaling) as (workshop, journal):
        steps.stage("checking", CHECKING)
        made = _make(source, template, evaluation_dir, workshop, journal, steps)
        steps.stage("writing", 1.0)
        manifest = replace(made.manifest, published=now)
        if key is not None and template.encryption is not None:
            manifest = encrypt_manifest(manifest, workshop, key, template.encryption)
        files = _publish(manifest, workshop, out, PurePosixPath(template.manifest))
    steps.end()
    return PreparationResult(manifest, files, variants_of(manifest), made.withheld)


def _make(
    source: Path,
    template: ModelPreparation,
    evaluation_dir: Path | None,
    workshop: Path,
    journal: Journal,
    progress: Progress,
) -> Made:
    if template.container == "as-is":
        return Made(manifest_as_is(source, template, workshop), ())
    opened = open_inputs(source, template, evaluation_dir, workshop)
    return Making(opened, template, workshop, journal, progress).make()


@contextmanager
def _workshop(out: Path, journaling: Journaling | None) -> Iterator[tuple[Path, Journal]]:
    """A folder on the file system of `out`; one without a journal is gone in the end."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        if journaling is not None:
            with Journal(journaling.folder, journaling.binding) as journal:
                yield journaling.folder / FILES, journal
            return
        workshop = Path(mkdtemp(prefix=".preparing-", dir=out))
        try:
            yield workshop, Journal()
        finally:
            shutil.rmtree(workshop, ignore_errors=True)
    except OSError as error:
        raise StorageFailed(f"the prepared model cannot be stored: {cause_of(error)}") from error


def _publish(
    manifest: ModelManifest, workshop: Path, out: Path, name: PurePosixPath
) -> tuple[str, ...]:
    """Move what the manifest names into place, and then the manifest."""
    try:
        document = write_model_mpd(manifest)
    except ManifestError as error:
        raise NotDescribable(f"no manifest can be written of this model: {error}") from error
    prefix = name.parent
    files = []
    for url in sorted(_urls(manifest)):
        target = out / prefix / url
        target.parent.mkdir(parents=True, exist_ok=True)
        (workshop / url).replace(target)
        files.append(str(prefix / url))
    (workshop / "manifest").write_bytes(document)
    (workshop / "manifest").replace(out / name)
    return (*files, str(name))


def _urls(manifest: ModelManifest) -> set[str]:
    variants = (variant for subset in manifest.subsets for variant in subset.variants)
    return {part.url for variant in variants for part in variant.parts()}
