"""Where the files of a package lie, relative to it, and what may not be such a place.

    graph.nnef                     the structure
    graph.quant                    how <label>.dat are quantised
    graph.<representation>.quant   how <label>.<representation>.dat are
    <label>.dat                    a variable; its label may have folders: conv1/filter
    <label>.<representation>.dat   the same in another representation

NNEF names the first, second and fourth; it lets a tensor have several files, each of another
quantised version (TR 26.927 6.5.6), and leaves open how they are told apart. The infix is ours.
"""

import re

from fivegms_codecs.nnef.errors import PathUnsafe

GRAPH = "graph.nnef"
PLAIN = ""
"""The representation of `<label>.dat`."""

_PART = re.compile(r"[^/\\:\x00-\x1f\x7f]{1,255}")
_REPRESENTATION = re.compile(r"[A-Za-z0-9_-]{1,32}")
_MAX_CHARACTERS = 1024


def check_path(path: str) -> str:
    """The path, if it stays inside the package. Raises PathUnsafe."""
    parts = path.split("/")
    fine = all(_PART.fullmatch(part) and part not in (".", "..") for part in parts)
    if not fine or len(path) > _MAX_CHARACTERS:
        raise PathUnsafe(f"{path[:100]!r} is no place inside a package")
    return path


def tensor_path(label: str, representation: str = PLAIN) -> str:
    """Where a variable's data lies. Raises PathUnsafe."""
    return check_path(f"{label}{_infix(representation)}.dat")


def quantisation_path(representation: str = PLAIN) -> str:
    """Where a representation's quantisation file lies. Raises PathUnsafe."""
    return check_path(f"graph{_infix(representation)}.quant")


def representation_of(path: str, label: str) -> str | None:
    """The representation that a file holds of a variable, or None if it is not of it."""
    if path == f"{label}.dat":
        return PLAIN
    middle = path.removeprefix(f"{label}.").removesuffix(".dat")
    if len(middle) + len(label) + 5 == len(path) and _REPRESENTATION.fullmatch(middle):
        return middle
    return None


def _infix(representation: str) -> str:
    if representation == PLAIN:
        return ""
    if not _REPRESENTATION.fullmatch(representation):
        raise PathUnsafe(f"{representation[:100]!r} is no name of a representation")
    return f".{representation}"
