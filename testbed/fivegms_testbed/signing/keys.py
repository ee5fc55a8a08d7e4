"""A provider's key pair: ECDSA on P-256, the private half for its owner's eyes alone."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from fivegms_client.trust.keys import PublicKey, fingerprint, usable
from fivegms_testbed.errors import BadFile


class KeyFileUnusable(BadFile):
    """A key file cannot be written, read, or signed with."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key's file, what opens it, and the public half."""

    file: Path
    public_key: PublicKey
    password: str | None = field(default=None, repr=False)

    @property
    def fingerprint(self) -> str:
        """What devices know the key by."""
        return fingerprint(self.public_key)

    @property
    def public_pem(self) -> str:
        """The public half as a PEM file has it."""
        pem = self.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem.decode()


def public_file(file: Path) -> Path:
    """Where the public half of a key goes: `provider.pem`, `provider.pub.pem`."""
    return file.with_suffix(f".pub{file.suffix or '.pem'}")


def make_key_pair(file: Path, password: str | None = None) -> SigningKey:
    """Write a new private key to `file`, and its public half beside it; nothing is replaced.

    Raises KeyFileUnusable.
    """
    private_key = ec.generate_private_key(ec.SECP256R1())
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, _encryption(password))
    key = SigningKey(file, private_key.public_key(), password)
    _write_new(file, pem, 0o600)
    try:
        _write_new(public_file(file), key.public_pem.encode(), 0o644)
    except KeyFileUnusable:
        file.unlink()
        raise
    return key


def read_signing_key(file: Path, password: str | None = None) -> SigningKey:
    """The key in a PEM file. Raises KeyFileUnusable."""
    try:
        private_key = load_pem_private_key(
            file.read_bytes(), password.encode() if password else None
        )
    except OSError as error:
        raise KeyFileUnusable(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileUnusable(f"{file} is no private key that opens here: {error}") from error
    public_key = usable(private_key.public_key())
    if public_key is None:
        raise KeyFileUnusable(
            f"{file} is a key of a kind that devices do not take; `fivegms keygen` makes one"
        )
    return SigningKey(file, public_key, password)


def _encryption(password: str | None) -> KeySerializationEncryption:
    return BestAvailableEncryption(password.encode()) if password else NoEncryption()


def _write_new(file: Path, data: bytes, mode: int) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
    except OSError as error:
        raise KeyFileUnusable(
            f"{file} cannot be written: {error.strerror}; an existing key is never replaced"
        ) from error
