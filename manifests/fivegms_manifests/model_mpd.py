"""The model MPD: how the values of `model` become an MPD, and how one becomes values again.

write_model_mpd   mpd_writer, then the reader as a check
read_model_mpd    xml_safety, then mpd_reader
"""

from fivegms_manifests import xml_safety
from fivegms_manifests.errors import InvalidValue
from fivegms_manifests.model import ModelManifest
from fivegms_manifests.mpd_reader import interpret
from fivegms_manifests.mpd_writer import render
from fivegms_manifests.xml_safety import XmlLimits, parse_xml


def write_model_mpd(manifest: ModelManifest) -> bytes:
    """The canonical MPD of a manifest: UTF-8, valid against the DASH schema.

    What was written is read back first, so nothing is published that a UE would refuse. Raises
    whatever `read_model_mpd` does. (ISO/IEC 23009-1 5.3)
    """
    document = render(manifest)
    if read_model_mpd(document) != manifest:
        raise InvalidValue("the manifest has a value that an MPD does not carry exactly")
    return document


def read_model_mpd(data: bytes, limits: XmlLimits = xml_safety.DEFAULT_LIMITS) -> ModelManifest:
    """The manifest that an MPD of unknown origin describes.

    Raises a leaf of ManifestError whose message names the element at fault; NotAModelManifest for
    an MPD of something else.
    """
    return interpret(parse_xml(data, limits))
