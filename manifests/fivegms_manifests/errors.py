"""Every refusal of this package.

    ManifestError
      DocumentTooLarge       an MPD, or a part of it, exceeds the reader's limits
      MalformedXml           not well-formed XML in UTF-8
      MalformedJson          not one plain JSON object in UTF-8
      DoctypeForbidden       a document type declaration, which can expand without bound
      NotAModelManifest      well-formed, but not the MPD of a model
      MissingElement         an element or attribute that must be there is not
      DuplicateElement       an element that may be there once is there again
      MissingAttribute
      InvalidValue           an attribute or text that does not parse, or is out of range
      ForbiddenUrl           a URL that a UE must not follow
      DuplicateId            two subsets, variants or compositions of one id
      UnknownReference       an id that nothing has
      StatedTotalDiffers     stated size or digest of a variant is not that of its segments
      UnsupportedConstruct   DASH that this reader does not do, and must not ignore
      BoxMalformed           a box that ends early, or whose size is impossible
      BoxMissing             a box that the format requires
      BoxRepeated            a box that may be there once is there again
      BoxUnsupported         a box version, flag or layout outside the format
      SegmentLimitExceeded   more samples or boxes, or a larger sample, than the limits allow
      SampleOutOfBounds      a sample that does not lie in its media data box
      FileNameUnsafe         a name for a file that is more than one, or none
      SegmentTooLong         more bytes arrived than the manifest promised
      SegmentTooShort        fewer bytes arrived than the manifest promised
      DigestMismatch         the bytes that arrived are not those of the manifest
      ReleaseMalformed       JSON that is not a provider's release of a manifest
      KeyUnusable            not a key for encrypted segments
      NotDecryptable         a segment encrypted with another key, or for another place, or changed

A message about an MPD begins with the element it is about.
"""


class ManifestError(Exception):
    """A manifest or segment that cannot be written, read or trusted."""


class DocumentTooLarge(ManifestError):
    """The document, its depth, its element count or one of its tags exceeds the limits."""


class MalformedXml(ManifestError):
    """The document is not well-formed XML in UTF-8."""


class MalformedJson(ManifestError):
    """The document is not one plain JSON object in UTF-8."""


class DoctypeForbidden(ManifestError):
    """The document has a document type declaration."""


class NotAModelManifest(ManifestError):
    """The document is not the MPD of a model (of media, perhaps)."""


class MissingElement(ManifestError):
    """A required element is missing."""


class DuplicateElement(ManifestError):
    """An element that may occur once occurs again."""


class MissingAttribute(ManifestError):
    """A required attribute is missing."""


class InvalidValue(ManifestError):
    """A value does not parse, or is outside its range."""


class ForbiddenUrl(ManifestError):
    """A URL is neither a plain relative path nor http(s)."""


class DuplicateId(ManifestError):
    """Two elements of one kind share an id."""


class UnknownReference(ManifestError):
    """An id names nothing in the manifest."""


class StatedTotalDiffers(ManifestError):
    """The stated size or digest of a variant disagrees with its segments."""


class UnsupportedConstruct(ManifestError):
    """A DASH construct that would change the meaning, and that this reader does not do."""


class BoxMalformed(ManifestError):
    """A box ends early or has an impossible size."""


class BoxMissing(ManifestError):
    """A required box is missing."""


class BoxRepeated(ManifestError):
    """A box that may occur once occurs again."""


class BoxUnsupported(ManifestError):
    """A box version, flag or layout is outside the format."""


class SegmentLimitExceeded(ManifestError):
    """More boxes or samples, or a larger sample, than the limits or the format allow."""


class SampleOutOfBounds(ManifestError):
    """A sample does not lie inside the media data box after its movie fragment."""


class FileNameUnsafe(ManifestError):
    """A name that leads to another folder, or is none that files have."""


class SegmentTooLong(ManifestError):
    """More bytes arrived than the manifest promised."""


class SegmentTooShort(ManifestError):
    """Fewer bytes arrived than the manifest promised."""


class DigestMismatch(ManifestError):
    """The bytes that arrived do not have the manifest's digest."""


class ReleaseMalformed(ManifestError):
    """The document is JSON, and not a provider's release of a manifest."""


class KeyUnusable(ManifestError):
    """The bytes are not a key for encrypted segments."""


class NotDecryptable(ManifestError):
    """A segment was encrypted with another key, or for another place, or was changed since."""
