"""What a UE calls itself, the same each time: a random identifier in a file of the user's.

An AF that rolls a version out by share goes by the identifier, so that a UE which got the version
keeps it; reports bear it. It says nothing of the device or the user, and only the AF is told it.
Whoever removes the file is another UE from then on.
"""

import os
import re
import tempfile
from pathlib import Path
from uuid import uuid4

from platformdirs import user_state_path

from fivegms_api.ai_model_rollouts import UE_NAME_PATTERN
from fivegms_client.errors import IdentityUnusable

_MOST_BYTES = 1024


def default_identity_file() -> Path:
    """In the user's state folder, by the manners of the operating system."""
    return user_state_path("fivegms") / "ue-id"


def kept_client_id(file: Path) -> str:
    """The identifier in `file`; the first time, a new one that is kept there.

    Raises IdentityUnusable.
    """
    try:
        if not file.exists():
            _keep(file, uuid4().hex)
        with file.open("rb") as opened:
            text = opened.read(_MOST_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise IdentityUnusable(
            f"this UE's identifier cannot be kept in {file} ({error}); give one, or do without"
        ) from error
    if not re.fullmatch(UE_NAME_PATTERN, text):
        raise IdentityUnusable(f"{file} holds no identifier; remove it, and a new one is made")
    return text


def _keep(file: Path, text: str) -> None:
    """Write a file that nobody ever sees half of; the first of several processes wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "w") as opened:
            opened.write(f"{text}\n")
        os.link(draft, file)
    except FileExistsError:
        return
    finally:
        Path(draft).unlink()
