"""Digests of decoded weights: what a delta is bound to, and what it is checked against.

The digest of a tensor is SHA-256 over its name, type and shape, written as a unit's header writes
them, and the SHA-256 of its numbers, little-endian in C order. That of all weights is SHA-256 over
the tensors' digests in the order of their names' UTF-8 bytes. So it depends on what a graph is
given, and not on how that travelled; and a tensor that is hashed once need not be there for the
rest.
"""

import struct
from collections.abc import Mapping
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.dtypes import dtype_of
from fivegms_codecs.frames import as_bytes


def tensor_digest(name: str, array: NDArray[np.generic]) -> bytes:
    """The 32 bytes of one tensor's digest. Raises DtypeUnsupported."""
    dtype = dtype_of(array.dtype)
    encoded = name.encode()
    header = struct.pack("<BBH", dtype, array.ndim, len(encoded))
    shape = struct.pack(f"<{array.ndim}Q", *array.shape)
    numbers = np.asarray(array, dtype.numpy, order="C")
    return sha256(header + shape + encoded + sha256(as_bytes(numbers).data).digest()).digest()


def combine(digests: Mapping[str, bytes]) -> str:
    """The digest of all weights, in lower-case hex, from those of the tensors by name."""
    names = sorted(digests, key=str.encode)
    return sha256(b"".join(digests[name] for name in names)).hexdigest()


def weights_digest(tensors: Mapping[str, NDArray[np.generic]]) -> str:
    """The digest of all weights, in lower-case hex. Raises DtypeUnsupported."""
    return combine({name: tensor_digest(name, array) for name, array in tensors.items()})
