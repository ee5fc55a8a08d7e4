"""Every error that a package raises on purpose ends a command with a code that says what it was."""

import pytest

from fivegms_af.errors import ApplicationFunctionError
from fivegms_as.errors import ApplicationServerError, DataFolderInUse
from fivegms_client.errors import ClientError
from fivegms_codecs.errors import CodecError
from fivegms_engine.errors import EngineError
from fivegms_manifests.errors import ManifestError
from fivegms_prepare.errors import ModelRefused
from fivegms_testbed.cli.exit_codes import ExitCode
from fivegms_testbed.cli.failures import exit_code
from fivegms_testbed.errors import TestbedError
from fivegms_testbed.inspection import InspectionFailed, InspectionRefused, InspectionUnanswered

BASES = (
    ApplicationFunctionError,
    ApplicationServerError,
    ClientError,
    CodecError,
    EngineError,
    ManifestError,
    ModelRefused,
    TestbedError,
)


def leaves(base: type[BaseException]) -> list[type[BaseException]]:
    below = [leaf for one in base.__subclasses__() for leaf in leaves(one)]
    return below or [base]


@pytest.mark.parametrize("base", BASES, ids=lambda base: str(base.__name__))
def test_no_error_of_ours_passes_for_a_defect(base: type[BaseException]) -> None:
    for leaf in leaves(base):
        assert exit_code(leaf.__new__(leaf)) not in (ExitCode.OK, ExitCode.INTERNAL), leaf


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ZeroDivisionError, ExitCode.INTERNAL),
        (OSError, ExitCode.BAD_INPUT),
        (KeyboardInterrupt, ExitCode.INTERRUPTED),
        (DataFolderInUse, ExitCode.BAD_INPUT),
        (InspectionFailed, ExitCode.BAD_INPUT),
        (InspectionRefused, ExitCode.REFUSED),
        (InspectionUnanswered, ExitCode.UNREACHABLE),
    ],
)
def test_a_code_says_which_kind(error: type[BaseException], code: ExitCode) -> None:
    assert exit_code(error()) is code
