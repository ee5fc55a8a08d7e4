"""The least that makes a file of each format what it is, made without the format's own library."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

NNEF_TEXT = (
    b"# made by hand\nversion 1.0;\n"
    b"graph net(x) -> (y) { x = external(shape = [1, 4]); y = relu(x); }\n"
)
SAVED_MODEL_PB = b"\x08\x01\x12\x04\x0a\x02\x22\x00"
KERAS_FILES = {"metadata.json": b"{}", "config.json": b"{}", "model.weights.h5": b""}
EXPORTED_FILES = {
    "net/archive_format": b"pt2",
    "net/archive_version": b"0",
    "net/models/model.json": b"{}",
    "net/data/weights/weight_0": bytes(64),
}
OLD_EXPORTED_FILES = {"version": b"8.5", "serialized_exported_program.json": b"{}"}


def hdf5(size_bytes: int = 2048, *, version: int = 0, before: int = 0) -> bytes:
    """An HDF5 file whose superblock says its size, after a block of the user's own."""
    signature = b"\x89HDF\r\n\x1a\n"
    fixed = bytes([version, 0, 0, 0, 0, 8, 8, 0]) if version < 2 else bytes([version, 8, 8, 0])
    rest = bytes({0: 8, 1: 12}.get(version, 0))
    addresses = struct.pack("<QQQ", 0, 2**64 - 1, size_bytes)
    return (bytes(before) + signature + fixed + rest + addresses).ljust(size_bytes, b"\0")


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    """A tar file; mode `w:gz` for a compressed one."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def folder_of(files: Mapping[str, bytes], folder: Path) -> Path:
    """The same files in a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


NNEF_FILES = {"graph.nnef": NNEF_TEXT, "conv1/filter.dat": b"\1" * 99, "graph.quant": b"# none\n"}
SAVED_MODEL_FILES = {
    "saved_model.pb": SAVED_MODEL_PB,
    "fingerprint.pb": b"\x08\x01",
    "variables/variables.index": b"index",
    "variables/variables.data-00000-of-00001": b"\2" * 5000,
    "assets/words.txt": b"one\ntwo\n",
}
