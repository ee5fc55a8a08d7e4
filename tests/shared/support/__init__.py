"""Where the project and the data beside it lie."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("FIVEGMS_SHARED", PROJECT.parent / "shared"))
NOT_BESIDE_THE_PROJECT = "not beside the project"


def shared_data(name: str) -> Path:
    """Where test data beside the project lies (3GPP YAML, the DASH schema), or a skip.

    Its licence keeps it out of the project, so this is the one skip that CI allows too.
    """
    path = SHARED / name
    if not path.exists():
        pytest.skip(
            f"{name} is {NOT_BESIDE_THE_PROJECT} (set FIVEGMS_SHARED to the folder that has it)"
        )
    return path
