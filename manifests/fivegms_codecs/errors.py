"""Every refusal of this package.

    CodecError
      UnitTruncated          the unit ends before its header says so
      UnitVersionUnknown     written by a later version of the format
      UnitKindUnknown        neither a topology nor a tensor
      UnitMalformed          a field that no writer writes
      LimitExceeded          larger than the reader or the writer allows
      DtypeUnsupported       an element type that units do not carry
      CodecUnknown           a codec code of no codec here
      CodecUnsuitable        a precision and a codec that do not go together
      PayloadCorrupt         the payload does not decode to the elements the header promises
      ChecksumMismatch       bytes outside the frames are not those that were written
      BaseMissing            a refinement decoded without what it refines
      LayersMismatch         units that are not layers of one tensor, one upon the other
      BaseMismatch           a delta and a tensor that it was not made against
      BufferMismatch         the caller's output array is not the tensor's shape, type or layout
      ParameterSetMalformed  a parameter set that no stream can have
      ParameterSetUnknown    a tensor of a parameter set that has not come, or was forgotten
      ProfileUnknown         a codec profile that is not known here
      ModelVersionUnknown    data of a model, or a version of it, that is not run here
      CutUnknown             data of a cut that is not run here
      TensorMismatch         a tensor that is not what its parameter set says
      TensorOutOfPlace       units of a sample in another order than that of their parameter set
      SampleIncomplete       a sample that ends before its last tensor

A message says what was found and, where it helps, what was expected.
"""


class CodecError(Exception):
    """A unit that cannot be written or read."""


class UnitTruncated(CodecError):
    """The unit ends inside a field."""


class UnitVersionUnknown(CodecError):
    """The unit's format version is not the one that this package reads."""


class UnitKindUnknown(CodecError):
    """The unit is neither a topology nor a tensor."""


class UnitMalformed(CodecError):
    """A header field has a value that no writer writes."""


class LimitExceeded(CodecError):
    """A name, rank, tensor or graph is larger than the limits in force allow."""


class DtypeUnsupported(CodecError):
    """Units do not carry this element type; such a tensor stays inside the topology."""


class CodecUnknown(CodecError):
    """The codec code in the header is of no codec here."""


class CodecUnsuitable(CodecError):
    """The codec cannot hold numbers of that precision or type."""


class PayloadCorrupt(CodecError):
    """The payload does not decode to exactly the elements that the header promises."""


class ChecksumMismatch(CodecError):
    """The header or the side information was damaged after it was written."""


class BaseMissing(CodecError):
    """An enhancement layer or a delta says nothing without the tensor that it refines."""


class LayersMismatch(CodecError):
    """The units are not the layers of one tensor in their order."""


class BaseMismatch(CodecError):
    """The tensor is not the one that the delta says the difference from, or no delta can be."""


class BufferMismatch(CodecError):
    """The output array given has another shape or dtype, or is not C-contiguous and writable."""


class ParameterSetMalformed(CodecError):
    """The parameter set of intermediate data says what cannot be."""


class ParameterSetUnknown(CodecError):
    """The tensor names a parameter set that has not come, or so long ago that it is forgotten."""


class ProfileUnknown(CodecError):
    """The codec profile of intermediate data is reserved, or of a later version of the format."""


class ModelVersionUnknown(CodecError):
    """The intermediate data is of a model, or a version of it, that the receiver does not run."""


class CutUnknown(CodecError):
    """The intermediate data is of a cut that the receiver does not run the rest of."""


class TensorMismatch(CodecError):
    """A tensor of intermediate data is not of the type, shape or codec of its parameter set."""


class TensorOutOfPlace(CodecError):
    """A unit of a sample is not the one that its parameter set puts there."""


class SampleIncomplete(CodecError):
    """The sample ends, and tensors of its parameter set have not come."""
