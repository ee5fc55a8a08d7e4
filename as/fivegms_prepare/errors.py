"""Why a model, a template or an evaluation set is refused: one class and one type per cause.

`type` is the stable slug that `FailureReason.type` carries over M3 and M1, documented in
docs/preparation.md; the message says what is wrong and what the provider can do about it.
"""

from typing import ClassVar


class ModelRefused(Exception):
    """Base of every refusal of `fivegms_prepare`."""

    type: ClassVar[str]

    @property
    def detail(self) -> str:
        """The sentence for the provider."""
        return str(self)


def cause_of(error: OSError) -> str:
    """What the system says of a file, without the paths of this machine that the error names."""
    return error.strerror or type(error).__name__


class SourceMissing(ModelRefused):
    """There is no file at the source path, or none that can be read."""

    type = "source-missing"


class TemplateInvalid(ModelRefused):
    """The Content Preparation Template is not one."""

    type = "template-invalid"


class NotOnnx(ModelRefused):
    """The bytes are not an ONNX model."""

    type = "not-onnx"


class TruncatedModel(ModelRefused):
    """The bytes begin as an ONNX model and end too early."""

    type = "truncated-model"


class DamagedModel(ModelRefused):
    """An ONNX model in which a name or another text is not one."""

    type = "damaged-model"


class ModelTooLarge(ModelRefused):
    """The file, or what it declares, is above a limit."""

    type = "model-too-large"


class ContainerUnknown(ModelRefused):
    """The file or folder is of no model format that is known here."""

    type = "container-unknown"


class ArchiveDamaged(ModelRefused):
    """A zip or tar file cannot be read."""

    type = "archive-damaged"


class ArchiveUnsafe(ModelRefused):
    """A member of an archive would lie elsewhere, is no plain file, or is there twice."""

    type = "archive-unsafe"


class ConverterMissing(ModelRefused):
    """The library that converts this format is not installed here."""

    type = "converter-missing"


class ConversionUnsafe(ModelRefused):
    """The format runs code of whoever wrote the file when it is read, and nobody vouched for it."""

    type = "conversion-unsafe"


class ConversionFailed(ModelRefused):
    """The converter does not make an ONNX model of the file."""

    type = "conversion-failed"


class NnefInvalid(ModelRefused):
    """The file is no package of NNEF 1.0, or one that contradicts itself."""

    type = "nnef-invalid"


class NnefUnsupported(ModelRefused):
    """An operation has no counterpart in the format that a model is converted to."""

    type = "nnef-unsupported"


class EmptyGraph(ModelRefused):
    """The graph computes nothing."""

    type = "empty-graph"


class UnsupportedIrVersion(ModelRefused):
    """The version of the ONNX file format is unknown here."""

    type = "unsupported-ir-version"


class OpsetMissing(ModelRefused):
    """A domain is used without an operator set import, or imported twice."""

    type = "opset-missing"


class UnsupportedOpset(ModelRefused):
    """An operator set is too new for the onnx or onnxruntime installed here."""

    type = "unsupported-opset"


class CustomDomain(ModelRefused):
    """An operator is of a domain that ONNX does not define."""

    type = "custom-domain"


class UnknownOperator(ModelRefused):
    """The operator set imported has no such operator."""

    type = "unknown-operator"


class OperatorCase(ModelRefused):
    """The operator's name differs from a known one only by upper and lower case."""

    type = "operator-case"


class InvalidNode(ModelRefused):
    """A node has attributes, inputs or outputs that its operator does not have."""

    type = "invalid-node"


class CyclicGraph(ModelRefused):
    """Nodes or functions need their own results."""

    type = "cyclic-graph"


class UnsortedGraph(ModelRefused):
    """A node comes before one whose result it needs."""

    type = "unsorted-graph"


class DuplicateValue(ModelRefused):
    """Two things of one graph have the same name."""

    type = "duplicate-value"


class UndefinedValue(ModelRefused):
    """A node or an output refers to a value that nothing produces."""

    type = "undefined-value"


class UnsupportedTensor(ModelRefused):
    """A tensor is of a type, or a value of a kind, that is not handled."""

    type = "unsupported-tensor"


class MalformedTensor(ModelRefused):
    """A constant's data does not fit its dims."""

    type = "malformed-tensor"


class ExternalDataOutside(ModelRefused):
    """Tensor data lies outside the model's own folder."""

    type = "external-data-outside"


class ExternalDataMissing(ModelRefused):
    """Tensor data is not where the model says."""

    type = "external-data-missing"


class MetadataInvalid(ModelRefused):
    """A `fivegms.` entry of the model's metadata cannot be read."""

    type = "metadata-invalid"


class UnknownCut(ModelRefused):
    """A cut names a tensor that no node of the graph produces."""

    type = "unknown-cut"


class NotACut(ModelRefused):
    """The tensors named do not separate the graph."""

    type = "not-a-cut"


class NoCutFound(ModelRefused):
    """No cuts of the model keep to the limits of a search."""

    type = "no-cut-found"


class CompositionDiffers(ModelRefused):
    """A composition's results are not those of the whole model."""

    type = "composition-differs"


class StageImpossible(ModelRefused):
    """An optimisation stage cannot be applied to this model, or has nothing to do in it."""

    type = "stage-impossible"


class CalibrationMissing(ModelRefused):
    """An optimisation stage looks at data, and there is no calibration set."""

    type = "calibration-missing"


class VariantImpossible(ModelRefused):
    """The weights cannot be coded as the template asks."""

    type = "variant-impossible"


class NotLoadable(ModelRefused):
    """onnxruntime does not load the model."""

    type = "not-loadable"


class EvaluationFailed(ModelRefused):
    """The evaluation set is missing, unreadable, or not of this model."""

    type = "evaluation-failed"


class NothingPublishable(ModelRefused):
    """Every variant is below the accuracy that the template asks of it."""

    type = "nothing-publishable"


class DeltaImpossible(ModelRefused):
    """No delta can be made from the older model, or none loses as little as it may."""

    type = "delta-impossible"


class KeyMissing(ModelRefused):
    """The template asks for encryption, and the key is not here."""

    type = "key-missing"


class SegmentsInTheClear(ModelRefused):
    """Segments that anybody can read lie where encrypted ones are to go."""

    type = "segments-in-the-clear"


class NotDescribable(ModelRefused):
    """A model manifest cannot carry what the model or the template says."""

    type = "not-describable"


class OutOfMemory(ModelRefused):
    """Preparing the model needs more memory than the process may take."""

    type = "out-of-memory"


class StorageFailed(ModelRefused):
    """What was prepared cannot be written."""

    type = "storage-failed"
