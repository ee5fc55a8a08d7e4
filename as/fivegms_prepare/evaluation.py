"""How good and how fast models are, each measured once.

Two models of the same topology and the same tensors are one model, however their tensors travelled:
a lossless variant performs as its source does, to the bit, and its digests prove it. So what is
measured is kept under digests, and a variant costs a measurement only if its numbers are new.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import TypeAdapter

from fivegms_codecs.digest import weights_digest
from fivegms_engine.session import LoadedModel
from fivegms_manifests.digests import digest
from fivegms_manifests.model import SegmentRef, TensorInfo
from fivegms_prepare.decoding import Decoded, decode, load
from fivegms_prepare.evaluation_set import EvaluationSet
from fivegms_prepare.figures import Performance
from fivegms_prepare.journal import Journal
from fivegms_prepare.measurement import Values, made_up_feeds, measure_latency
from fivegms_prepare.variants import EncodedVariant


@dataclass(frozen=True, slots=True)
class Contents:
    """What a variant decodes to, by digest, and how long that takes."""

    topology_sha256: str
    weights_sha256: str
    weights_bytes: int
    decode_ms: float


_CONTENTS = TypeAdapter(Contents)
_PERFORMANCE = TypeAdapter(Performance)


class Examination:
    """Measures models as the engine loads them; `folder` is where segments lie."""

    def __init__(self, evaluation: EvaluationSet | None, journal: Journal, folder: Path) -> None:
        self._evaluation = evaluation
        self._journal = journal
        self._folder = folder

    def feeds(self, inputs: Sequence[TensorInfo], *, judged: bool) -> Values | None:
        """One sample: of the evaluation set for a model that is `judged` by it, else made up."""
        if judged and self._evaluation is not None:
            return self._evaluation.sample(inputs)
        return made_up_feeds(inputs)

    def of_variant(
        self, layers: Sequence[EncodedVariant], *, judged: bool
    ) -> tuple[Contents, Performance]:
        """What the layers decode to together, and how it performs. Raises NotLoadable."""
        key = "contents " + _digest_of([ref for layer in layers for ref in layer.segments])
        contents = self._journal.find(key, _CONTENTS)
        if contents is not None:
            performance = self._journal.find(_key(contents, judged=judged), _PERFORMANCE)
            if performance is not None:
                return contents, performance
        decoded = decode([layer.segments for layer in layers], self._folder)
        contents = self._journal.keep(key, _CONTENTS, contents_of(decoded))
        return contents, self.of_model(decoded, contents, judged=judged)

    def of_model(self, decoded: Decoded, contents: Contents, *, judged: bool) -> Performance:
        """How a decoded model performs. Raises NotLoadable and EvaluationFailed."""
        key = _key(contents, judged=judged)
        return self._journal.recall(
            key, _PERFORMANCE, lambda: self._perform(load(decoded), judged=judged)
        )

    def _perform(self, model: LoadedModel, *, judged: bool) -> Performance:
        feeds = self.feeds(model.inputs, judged=judged)
        accuracy = self._evaluation.accuracy(model) if judged and self._evaluation else ()
        latency = measure_latency(model, feeds) if feeds is not None else None
        return Performance(accuracy, latency)


def contents_of(decoded: Decoded) -> Contents:
    """The digests of a decoded model."""
    return Contents(
        topology_sha256=digest(decoded.topology),
        weights_sha256=weights_digest(decoded.tensors),
        weights_bytes=sum(array.nbytes for array in decoded.tensors.values()),
        decode_ms=round(1000 * decoded.seconds, 3),
    )


def _digest_of(segments: Sequence[SegmentRef]) -> str:
    return sha256(b"".join(bytes.fromhex(ref.sha256) for ref in segments)).hexdigest()


def _key(contents: Contents, *, judged: bool) -> str:
    return f"performance {contents.topology_sha256} {contents.weights_sha256} {judged}"
