"""The signature itself: an OpenSSF model-signing 1.0 bundle over files, by its own library.

The library signs folders. It is given one that holds the files and nothing else, so that
`model_signing verify key` takes the result wherever these files lie, segments beside them or not.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fivegms_testbed.errors import SigningError
from fivegms_testbed.signing.keys import SigningKey

_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LIBRARIES = frozenset({"model_signing", "OpenSSL"})


class SignerMissing(SigningError):
    """The library that signs is not installed."""


class SigningFailed(SigningError):
    """The library that signs did not."""


def sign_files(files: Mapping[str, bytes], subject: str, key: SigningKey) -> bytes:
    """A bundle over `files`, by name; `subject` tells people what they are.

    Raises SignerMissing, SigningFailed.
    """
    with TemporaryDirectory(prefix="fivegms-signing-") as parent:
        folder = Path(parent) / (subject if _FOLDER_NAME.fullmatch(subject) else "model")
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        bundle = Path(parent) / "bundle"
        try:
            _signing_of(key).sign(folder, bundle)
        except (OSError, ValueError, TypeError) as error:
            raise SigningFailed(f"model-signing did not sign: {error}") from error
        return bundle.read_bytes()


def _signing_of(key: SigningKey) -> Any:
    try:
        hashing = import_module("model_signing.hashing")
        signing = import_module("model_signing.signing")
    except ModuleNotFoundError as error:
        if error.name not in _LIBRARIES:
            raise
        raise SignerMissing(
            f"signing needs {error.name}; install fivegms-ai with the extra `sign`"
        ) from error
    everything = hashing.Config().set_ignored_paths(paths=(), ignore_git_paths=False)
    config = signing.Config().set_hashing_config(everything)
    # Version 1.1 hands the password to `cryptography` as it is, which takes bytes.
    password = key.password.encode() if key.password else None
    return config.use_elliptic_key_signer(private_key=key.file, password=password)
