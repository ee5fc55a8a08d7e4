"""A package: a structure file, a tensor file for each variable, and quantisation files.

A package is a mapping from paths to bytes, whatever it lies in; `archive` makes one of a tar file.
Tensor files are not read before they are asked for (TR 26.927 6.5.6).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.nnef.elaboration import read_graph
from fivegms_codecs.nnef.errors import (
    PackageInvalid,
    QuantisationInvalid,
    TooLarge,
    VariableMismatch,
    VariableMissing,
)
from fivegms_codecs.nnef.graph import Graph
from fivegms_codecs.nnef.limits import DEFAULT_LIMITS, NnefLimits
from fivegms_codecs.nnef.paths import (
    GRAPH,
    PLAIN,
    quantisation_path,
    representation_of,
    tensor_path,
)
from fivegms_codecs.nnef.quantisation import (
    Quantisation,
    dequantise,
    quantise_int8,
    read_quantisation,
    write_quantisation,
)
from fivegms_codecs.nnef.tensor_file import read_tensor, tensor_parts
from fivegms_codecs.nnef.writer import write_graph

NdArray = NDArray[np.generic]
Files = Mapping[str, "bytes | memoryview"]
Parts = Sequence["bytes | memoryview"]

INT8 = "int8"
"""The representation that `package_files` can write beside the plain one."""

_NUMPY = {"scalar": np.float32, "integer": np.int64, "logical": np.bool_}
_KINDS = {"scalar": "f", "integer": "iu", "logical": "b"}


class Package:
    """A package to read. Making one parses its graph and raises what `read_graph` does.

    Raises PackageInvalid if it has none, and TooLarge.
    """

    def __init__(self, files: Files, limits: NnefLimits = DEFAULT_LIMITS) -> None:
        if GRAPH not in files:
            raise PackageInvalid(f"the package has no {GRAPH}")
        if len(files) > limits.max_files:
            raise TooLarge(f"{len(files)} files; the limit is {limits.max_files}")
        self._files = files
        self._limits = limits
        self.graph: Graph = read_graph(bytes(files[GRAPH]), limits)
        self._variables = self.graph.variables()
        self._quantisations: dict[str, Mapping[str, Quantisation]] = {}

    def representations(self, label: str) -> tuple[str, ...]:
        """The representations that the package has of a variable; `""` is the plain one."""
        return self._representations.get(label, ())

    @cached_property
    def _representations(self) -> Mapping[str, tuple[str, ...]]:
        """By label. Read from the paths once: a package may have very many of both."""
        found: dict[str, list[str]] = {}
        for path in sorted(self._files):
            for label in _labels_in(path):
                representation = representation_of(path, label)
                if label in self._variables and representation is not None:
                    found.setdefault(label, []).append(representation)
        return {label: tuple(sorted(names)) for label, names in found.items()}

    def load(self, label: str, representation: str = PLAIN) -> NdArray:
        """A variable's numbers: float32, int64 or bool, of the shape that the graph declares.

        Levels are made numbers as the representation's quantisation file says. Raises
        VariableMissing, VariableMismatch, QuantisationInvalid and what `read_tensor` does.
        """
        declaration = self._variables.get(label)
        path = tensor_path(label, representation)
        if declaration is None or path not in self._files:
            raise VariableMissing(f"the package has no {path}")
        (name,) = declaration.outputs()
        tensor = self.graph.tensors[name]
        stored = read_tensor(self._files[path], self._limits)
        array = stored.array
        if stored.quantised:
            array = dequantise(array, self._how(name, representation))
        if array.shape != tensor.shape or array.dtype.kind not in _KINDS[tensor.dtype]:
            raise VariableMismatch(
                f"{path} holds {array.dtype} {list(array.shape)}; {name} is declared "
                f"{tensor.dtype} {list(tensor.shape)}"
            )
        return array.astype(_NUMPY[tensor.dtype], copy=False)

    def variables(self, prefer: Sequence[str] = (PLAIN,)) -> dict[str, NdArray]:
        """Every variable by label, each in the first of the preferred representations it has.

        Raises VariableMissing if it has none of them.
        """
        return {
            label: self.load(label, self._pick(label, prefer)) for label in self.graph.variables()
        }

    def _pick(self, label: str, prefer: Sequence[str]) -> str:
        known = self.representations(label)
        for representation in prefer:
            if representation in known:
                return representation
        raise VariableMissing(f"{label!r} is there as {list(known)}, not as {list(prefer)}")

    def _how(self, name: str, representation: str) -> Quantisation:
        path = quantisation_path(representation)
        if path not in self._files:
            raise QuantisationInvalid(f"{name} is quantised, and the package has no {path}")
        if path not in self._quantisations:
            self._quantisations[path] = read_quantisation(bytes(self._files[path]), self._limits)
        entries = self._quantisations[path]
        if name not in entries:
            raise QuantisationInvalid(f"{name} is quantised, and {path} has no entry for it")
        return entries[name]


def package_files(
    graph: Graph, variables: Mapping[str, NdArray], *, int8: bool = False
) -> Iterator[tuple[str, Parts]]:
    """The files of a package by path, each in parts, the graph first.

    `variables` are by label. With `int8`, each float32 variable of rank 2 or more has a quantised
    representation too. Raises VariableMissing, VariableMismatch, PathUnsafe and what `write_graph`
    and `write_tensor` do.
    """
    yield GRAPH, (write_graph(graph).encode(),)
    entries: dict[str, Quantisation] = {}
    for label, declaration in sorted(graph.variables().items()):
        if label not in variables:
            raise VariableMissing(f"{label!r} has no data")
        (name,) = declaration.outputs()
        array = variables[label]
        if array.shape != graph.tensors[name].shape:
            raise VariableMismatch(f"{label!r} is of shape {list(array.shape)}")
        yield tensor_path(label), tensor_parts(array)
        if int8 and array.ndim > 1 and array.dtype == np.float32:
            levels, entries[name] = quantise_int8(array.astype(np.float32, copy=False))
            yield tensor_path(label, INT8), tensor_parts(levels, quantised=True)
    if entries:
        yield quantisation_path(INT8), (write_quantisation(entries).encode(),)


def _labels_in(path: str) -> tuple[str, ...]:
    """The labels that a tensor file may be of: a label can have dots itself."""
    stem = path.removesuffix(".dat")
    return (stem, stem.rpartition(".")[0]) if stem != path else ()
