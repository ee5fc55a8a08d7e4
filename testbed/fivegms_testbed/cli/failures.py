"""Which error ends a command with which exit code.

The table is total over the base errors of our packages; anything else is a defect and ends with
INTERNAL. It stands on every package, so it is loaded when something has failed, and not before.
"""

from fivegms_af.errors import ApplicationFunctionError
from fivegms_as.errors import ApplicationServerError
from fivegms_client.errors import (
    BadEntry,
    BadOption,
    ClientError,
    ModelDamaged,
    NoSuitableVariant,
    NotTrusted,
    SegmentCorrupt,
    ServerUnreachable,
)
from fivegms_codecs.errors import CodecError
from fivegms_engine.errors import EngineError
from fivegms_manifests.errors import ManifestError
from fivegms_prepare.errors import ModelRefused
from fivegms_testbed import gap
from fivegms_testbed.cli.exit_codes import ExitCode
from fivegms_testbed.errors import BadFile, ProviderError, SigningError
from fivegms_testbed.inspection import InspectionRefused, InspectionUnanswered
from fivegms_testbed.m1_connection import AfUnreachable, NoAddress
from fivegms_testbed.prepared_folder import FolderDamaged
from fivegms_testbed.provider import PreparationFailed, SourceUnknown, VersionExists
from fivegms_testbed.publication import FileMissing

_BY_ERROR: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
    (AfUnreachable, ExitCode.UNREACHABLE),
    (ServerUnreachable, ExitCode.UNREACHABLE),
    (gap.ServerUnreachable, ExitCode.UNREACHABLE),
    (SegmentCorrupt, ExitCode.INTEGRITY),
    (ModelDamaged, ExitCode.INTEGRITY),
    (FolderDamaged, ExitCode.INTEGRITY),
    (NotTrusted, ExitCode.INTEGRITY),
    (NoSuitableVariant, ExitCode.NOTHING_RUNNABLE),
    (BadEntry, ExitCode.BAD_INPUT),
    (BadOption, ExitCode.BAD_INPUT),
    (PreparationFailed, ExitCode.BAD_INPUT),
    (NoAddress, ExitCode.BAD_INPUT),
    (VersionExists, ExitCode.BAD_INPUT),
    (SourceUnknown, ExitCode.BAD_INPUT),
    (FileMissing, ExitCode.BAD_INPUT),
    (ProviderError, ExitCode.REFUSED),
    (ClientError, ExitCode.REFUSED),
    (ModelRefused, ExitCode.BAD_INPUT),
    (ManifestError, ExitCode.BAD_INPUT),
    (CodecError, ExitCode.BAD_INPUT),
    (InspectionUnanswered, ExitCode.UNREACHABLE),
    (InspectionRefused, ExitCode.REFUSED),
    (BadFile, ExitCode.BAD_INPUT),
    (SigningError, ExitCode.BAD_INPUT),
    (EngineError, ExitCode.BAD_INPUT),
    (ApplicationFunctionError, ExitCode.BAD_INPUT),
    (ApplicationServerError, ExitCode.BAD_INPUT),
    (OSError, ExitCode.BAD_INPUT),
)


def exit_code(error: BaseException) -> ExitCode:
    """The code for an error: the first row of the table whose type it is."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.INTERNAL)
