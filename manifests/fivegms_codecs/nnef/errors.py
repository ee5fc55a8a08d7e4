"""Every refusal of the NNEF reader and writer.

    NnefError
      SyntaxInvalid         the text does not follow the grammar
      VersionUnknown        another version of NNEF, of its text or of a tensor file
      ExtensionUnknown      the document asks for an extension that is not known here
      ExtensionMissing      a syntax is used whose extension the document does not name
      TooLarge              above one of the `NnefLimits`
      NameUnknown           a value is used that nothing defines
      NameTaken             a value, fragment or parameter is defined twice
      OperationUnknown      no such operation, neither standard nor defined with a body
      ArgumentInvalid       an argument is missing, too many, or not of its type
      ShapeInvalid          the shapes of an operation's inputs do not go together
      TensorFileInvalid     a binary tensor file whose header and data do not agree
      ItemTypeUnknown       numbers of a type or width that is not read here
      VariableMissing       the package has no data for a variable
      VariableMismatch      the data is not of the shape or type that the graph declares
      QuantisationInvalid   a quantisation file, or an entry of it, cannot be applied
      PathUnsafe            a label or an archive member that would lie outside the package
      PackageInvalid        an archive that is none, or that lacks a graph
      Unsupported           right NNEF that this interpreter does not compute

A message names the place: a line of the text, an operation, a tensor or a file.
"""

from fivegms_codecs.errors import CodecError


class NnefError(CodecError):
    """NNEF that cannot be read, written or computed."""


class SyntaxInvalid(NnefError):
    """The text does not follow the grammar of NNEF 1.0."""


class VersionUnknown(NnefError):
    """The text or a tensor file is of a version other than 1.0."""


class ExtensionUnknown(NnefError):
    """The document asks for an extension that is not known here."""


class ExtensionMissing(NnefError):
    """A fragment or an operator expression in a document that does not enable them."""


class TooLarge(NnefError):
    """The text, its nesting, a tensor or an archive is larger than the limits in force."""


class NameUnknown(NnefError):
    """A value is used that nothing defines."""


class NameTaken(NnefError):
    """Two things of one scope have the same name."""


class OperationUnknown(NnefError):
    """There is no such operation, neither standard nor defined with a body in the document."""


class ArgumentInvalid(NnefError):
    """An argument is missing, given twice, not of its declared type, or out of its range."""


class ShapeInvalid(NnefError):
    """The shapes of an operation's inputs do not go together."""


class TensorFileInvalid(NnefError):
    """The header of a tensor file contradicts itself or its data."""


class ItemTypeUnknown(NnefError):
    """A tensor file holds numbers of a type or width that is not read here."""


class VariableMissing(NnefError):
    """The package has no data for a variable of the graph."""


class VariableMismatch(NnefError):
    """A variable's data is not of the shape or type that the graph declares."""


class QuantisationInvalid(NnefError):
    """A quantisation file, or one entry of it, cannot be read or applied."""


class PathUnsafe(NnefError):
    """A label or an archive member would lie outside the package."""


class PackageInvalid(NnefError):
    """An archive that is none, or a package without a graph."""


class Unsupported(NnefError):
    """Right NNEF that this interpreter does not compute."""
