"""What several test modules share: data that lies beside the project, small models, free ports."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("FIVEGMS_SHARED", PROJECT.parent / "shared"))


def shared_data(name: str) -> Path:
    """Where test data beside the project lies (3GPP YAML, the DASH schema), or a skip."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(
            f"{name} is not beside the project (set FIVEGMS_SHARED to the folder that has it)"
        )
    return path
