"""Which files make a publication, and under which names the AS expects them.

The model's file, the data sets and older models that the template names, the files in which an
ONNX file says that it keeps weights (ONNX external data), and the folder of a SavedModel or an NNEF
package. A model may name any file of this machine: only what lies below its own folder is sent,
and the AS refuses a model that points elsewhere.
"""

from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from onnx import TensorProto

from fivegms_api.model_preparation import ModelPreparation
from fivegms_engine.traversal import all_tensors
from fivegms_prepare.containers import Container, describe_container
from fivegms_prepare.containers.as_is import folder_files
from fivegms_prepare.errors import ModelRefused
from fivegms_prepare.reading import read_onnx
from fivegms_testbed.errors import ProviderError


class FileMissing(ProviderError):
    """A file that the template or the model names is not beside the model."""


def files_to_ingest(
    source: Path, template: ModelPreparation, held: Collection[str] = ()
) -> list[tuple[str, Path]]:
    """Paths below the M2 base URL and their files, the model last because it starts the job.

    What is `held` at the AS is not sent, nor looked for. Raises FileMissing, ExternalDataOutside
    for a folder with links that lead out of it, and OSError for a model that cannot be read.
    """
    named = (name for name in template.named_paths[1:] if name not in held)
    names = {name: source.parent / name for name in named}
    for model in template.sources:
        if model in held:
            continue
        file = source if model == template.source else source.parent / model
        beside = PurePosixPath(model).parent
        names |= {str(beside / name): file.parent / name for name in _beside(file)}
    for name, path in names.items():
        if not path.is_file():
            raise FileMissing(f"{name} is part of the publication and is not beside {source}")
    return [*names.items(), (template.source, source)]


def moved(template: ModelPreparation, folder: str, held: Collection[str]) -> ModelPreparation:
    """The same preparation below `folder`, except for what the session holds already."""
    deltas = [one if one.base in held else one.below(folder) for one in template.deltas]
    return template.below(folder).model_copy(update={"deltas": tuple(deltas)})


def _beside(source: Path) -> list[str]:
    """What belongs to a model and lies beside its file or below, relative to its folder."""
    try:
        model = describe_container(source)
    except ModelRefused:  # the AS says so to every provider in the same words
        return []
    if model.path.is_dir():
        return [name for name, _ in folder_files(model) if name != source.name]
    return _external_data(source) if model.container is Container.ONNX else []


def _external_data(source: Path) -> list[str]:
    """Where the model keeps weights, relative to its folder; of a file that is none, nowhere."""
    try:
        model = read_onnx(source)
    except ModelRefused:  # the AS says so to every provider in the same words
        return []
    folder = source.parent.resolve()
    locations = {location for tensor in all_tensors(model) for location in _location(tensor)}
    locations.discard(source.name)  # where the file itself has its large constants
    return sorted(name for name in locations if (folder / name).resolve().is_relative_to(folder))


def _location(tensor: TensorProto) -> Iterator[str]:
    if tensor.data_location == TensorProto.EXTERNAL:
        yield from (
            entry.value
            for entry in tensor.external_data
            if entry.key == "location" and entry.value and "\0" not in entry.value
        )
