"""Client secrets as a file may hold them: salted scrypt hashes (RFC 7914). Pure but for the salt.

`scrypt$N$R$P$SALT$HASH`, salt and hash in base64. Hashing takes about 50 ms and 16 MiB by design;
what a hash in the file may cost is bounded when it is read.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Self

N, R, P = 2**14, 8, 1
MAX_N = 2**17
SALT_BYTES = 16
HASH_BYTES = 32
GENERATED_BYTES = 32
MAX_SECRET_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class SecretHash:
    """A salt, a hash, and what it costs: N a power of two, times R, times P."""

    n: int
    r: int
    p: int
    salt: bytes
    hash: bytes

    @classmethod
    def of(cls, secret: str) -> Self:
        """Hash `secret` with a new salt."""
        salt = secrets.token_bytes(SALT_BYTES)
        return cls(N, R, P, salt, _scrypt(secret, salt, N, R, P, HASH_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the form above. Raises ValueError that does not repeat the text."""
        name, _, rest = text.partition("$")
        parts = rest.split("$")
        if name != "scrypt" or len(parts) != 5 or not all(map(_is_number, parts[:3])):
            raise ValueError("a secret's hash has the form scrypt$N$R$P$SALT$HASH")
        n, r, p = (int(part) for part in parts[:3])
        if not (N <= n <= MAX_N and n & (n - 1) == 0 and r == R and 1 <= p <= 4):
            raise ValueError(f"scrypt takes N from {N} to {MAX_N}, R {R} and P from 1 to 4 here")
        try:
            salt, digest = (base64.b64decode(part, validate=True) for part in parts[3:])
        except (binascii.Error, ValueError) as error:
            raise ValueError("the salt or the hash of a secret is no base64") from error
        if not (SALT_BYTES <= len(salt) <= 64 and HASH_BYTES <= len(digest) <= 64):
            raise ValueError(f"salt and hash have {SALT_BYTES} and {HASH_BYTES} to 64 bytes")
        return cls(n, r, p, salt, digest)

    def matches(self, secret: str) -> bool:
        """Whether this is the hash of `secret`; takes its time."""
        computed = _scrypt(secret, self.salt, self.n, self.r, self.p, len(self.hash))
        return hmac.compare_digest(computed, self.hash)

    def __str__(self) -> str:
        salt, digest = (base64.b64encode(part).decode() for part in (self.salt, self.hash))
        return f"scrypt${self.n}${self.r}${self.p}${salt}${digest}"


def generate_secret() -> str:
    """A secret that nobody guesses: 256 bits."""
    return secrets.token_urlsafe(GENERATED_BYTES)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 8


def _scrypt(secret: str, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
    memory = 130 * n * r * p + 2**20
    return hashlib.scrypt(secret.encode(), salt=salt, n=n, r=r, p=p, dklen=length, maxmem=memory)
