"""A provider's own file from its segments: for engines of the app's, nothing of it is looked into.

The file lands in the folder that the app names, whole or not at all, under the name that the
provider gave it.
"""

from collections.abc import Iterator
from pathlib import Path

from fivegms_client.cache import atomic_file
from fivegms_client.decoding import Layer, damage
from fivegms_client.errors import MoreThanPromised, WrongPayload
from fivegms_client.model_folder import MANIFEST_NAME, ModelFolder
from fivegms_manifests.file_payload import assemble_file, read_file_initialization


def write_file(layer: Layer, segments: ModelFolder, into: Path) -> Path:
    """Write the file of a variant, whose segments are in a folder, and remove those.

    Raises WrongPayload, WrongKey, MoreThanPromised, CacheUnusable, and a SegmentFailed.
    """
    variant = layer.variant
    with damage(f"variant {variant.id}"):
        path = into / _name(read_file_initialization(segments.take(variant.initialization)))
        with atomic_file(path) as file:
            size_bytes = assemble_file(_opened(layer, segments), file)
            if size_bytes > variant.weights_bytes:
                raise MoreThanPromised(
                    f"the file of variant {variant.id} has {size_bytes:,} bytes, and the manifest "
                    f"promises {variant.weights_bytes:,}"
                )
    segments.remove(variant)
    return path


def _opened(layer: Layer, segments: ModelFolder) -> Iterator[memoryview]:
    for part in layer.variant.segments:
        yield memoryview(layer.opened(part, segments.take(part)))


def _name(name: str) -> str:
    """Not one that the folder needs itself. Raises WrongPayload."""
    if name.startswith(MANIFEST_NAME):
        raise WrongPayload(f"the provider's file is called {name!r}, as the manifest is")
    return name
