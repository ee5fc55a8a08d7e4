"""What can go wrong in the testbed itself, by cause; leaves live beside the code that raises them.

    TestbedError
      BadFile                a file that the user named
        InspectionFailed       cannot be had, or is too large to look at
          InspectionUnanswered   no HTTP answer
          InspectionRefused      an answer that is an error
        NotMeasurable          is a model that does not run on made-up numbers
        ArraysUnreadable       does not hold the arrays that the model takes
        OutputUnknown          its name says neither video nor picture
        AlreadyConverted       a model is of the format that it is to be converted to
        NotPrepared            a folder has no prepared model that can be hosted
        FolderIncomplete       files that a manifest names are not in its folder
        FolderDamaged          a segment is not what its manifest says
        SignatureOutdated      what lies beside a manifest signs another one
        KeyFileUnusable        a private key cannot be written, read, or signed with
      SigningError           a model cannot be signed
        SigningRefused         devices would refuse what was asked to be signed
        SignerMissing          the library that signs is not installed
        SigningFailed          the library that signs did not
      ServerUnreachable      a server of a deployment that is examined does not answer
      ProviderError          between a provider and a 5GMS system
        NoAddress              not an address of an AF
        AfUnreachable          no HTTP answer
        TokenUnavailable       no access token is to be had
        RequestRefused         an answer that is an error
        VersionExists          the session has that version already
        SourceUnknown          the session has no source of the version that a delta starts from
        UploadUnfinished       a folder arrived in part, and stays to go on from
        HostingChanges         others change the hosting all the time
        PreparationFailed      the model arrived and could not be prepared
        FileMissing            a file of the publication is not beside the model
        UploadFailed           a file did not arrive
          UploadRefused          an answer that is an error
        NotOfSession           the session hosts nothing at the address of a manifest

Errors of the packages below pass through unchanged.
"""


class TestbedError(Exception):
    """The base of every error of this package."""

    __test__ = False  # not a test, whatever a collector makes of the name


class BadFile(TestbedError):
    """A file that the user named cannot be used."""


class ProviderError(TestbedError):
    """What can go wrong between a provider and a 5GMS system."""


class SigningError(TestbedError):
    """A model cannot be signed."""
