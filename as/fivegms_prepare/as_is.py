"""A model that is published as the file that it came as: nothing read of it but what it is.

No graph is checked, no figure measured and no promise made: the manifest says the container and the
bytes, and a UE that has an engine for the container does the rest (TR 26.927 5.2.1).
"""

from pathlib import Path

from fivegms_api.model_preparation import ModelPreparation
from fivegms_manifests.model import (
    Composition,
    CompositionMember,
    Model,
    ModelManifest,
    Recovery,
    Subset,
    Variant,
    bandwidth_within_a_second,
)
from fivegms_prepare.compose import EVERYWHERE, WHOLE
from fivegms_prepare.containers.as_is import EncodedFile, encode_file
from fivegms_prepare.containers.detection import describe_container

AS_IS = "as-is"
"""The precision, the codec and the id of the only variant."""


def manifest_as_is(source: Path, template: ModelPreparation, folder: Path) -> ModelManifest:
    """Write the segments of the source below `folder`; the manifest of it.

    Raises as `describe_container` and `encode_file` do.
    """
    described = template.model
    encoded = encode_file(
        describe_container(source), described.name, folder, template.segment_size_bytes
    )
    model = Model(
        name=described.name,
        version=described.version,
        task=described.task,
        framework=str(encoded.container),
        opsets=(),
        ir_version=0,
        labels=described.labels or (),
    )
    subset = Subset(1, WHOLE, (), (), 0, (_variant(encoded),))
    whole = Composition(WHOLE, (CompositionMember(subset.id, EVERYWHERE),))
    return ModelManifest(model, (subset,), (whole,))


def _variant(encoded: EncodedFile) -> Variant:
    parts = (encoded.initialization, *encoded.segments)
    return Variant(
        id=AS_IS,
        precision=AS_IS,
        codec=AS_IS,
        recovery=Recovery.SENDER_ONLY,
        quality_ranking=1,
        bandwidth_bps=bandwidth_within_a_second(sum(part.size_bytes for part in parts)),
        weights_bytes=encoded.size_bytes,
        initialization=encoded.initialization,
        segments=encoded.segments,
        container=str(encoded.container),
    )
