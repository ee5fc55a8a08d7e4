"""An NNEF document under construction, from the nodes of an ONNX graph.

ONNX aligns the shapes of operands from the last axis and NNEF from the first, so operands are
brought to one rank here; numbers that are constants become variables with labels named after what
uses them (`conv1/filter`), and single ones literals.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite, prod
from typing import TypeAlias

import numpy as np

from fivegms_codecs.nnef import Graph, NnefError, elaborate
from fivegms_codecs.nnef.syntax import (
    Array,
    Assignment,
    Call,
    Document,
    Expression,
    GraphDefinition,
    Literal,
    Name,
)
from fivegms_codecs.nnef.writer import is_identifier
from fivegms_prepare.errors import NnefUnsupported
from fivegms_prepare.nnef.building import NdArray
from fivegms_prepare.nnef.folding import KnownValues

Given: TypeAlias = "Expression | int | float | bool | str | Sequence[Given]"
"""What an argument may be given as."""

_TYPES = {"float32": "scalar", "int64": "integer", "int32": "integer", "bool": "logical"}
_UNFIT = re.compile(r"[^A-Za-z0-9_]+")


class Variables(Mapping[str, NdArray]):
    """Numbers by label, each made when it is asked for, so that not all are held at once."""

    def __init__(self, readers: Mapping[str, Callable[[], NdArray]]) -> None:
        self._readers = readers

    def __getitem__(self, label: str) -> NdArray:
        return self._readers[label]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


class Draft:
    """Assignments as they are added, and the names that ONNX's values have in NNEF."""

    def __init__(self, values: KnownValues) -> None:
        self.values = values
        self._declarations: list[Assignment] = []
        self._body: list[Assignment] = []
        self._readers: dict[str, Callable[[], NdArray]] = {}
        self._variables: dict[tuple[str, tuple[int, ...]], Name] = {}
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an ONNX value."""
        return self.values.shape(name)

    def external(self, name: str) -> None:
        """Declare an input of the graph."""
        call = Call("external", self._type(name), (), (("shape", expression(self.shape(name))),))
        self._declarations.append(Assignment(Name(self.identifier(name)), call))

    def identifier(self, name: str) -> str:
        """What an ONNX value is called in NNEF."""
        if name not in self._names:
            self._names[name] = self.fresh(name)
        return self._names[name]

    def fresh(self, wanted: str) -> str:
        """A name that nothing has, like that one."""
        base = _UNFIT.sub("_", wanted) or "value"
        base = base if is_identifier(base) else f"n_{base}"
        name, count = base, 0
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        return name

    def operand(
        self,
        name: str,
        label: str,
        *,
        rank: int | None = None,
        shape: Sequence[int] | None = None,
        literal: bool = True,
    ) -> Expression:
        """An ONNX value as an argument.

        With `rank`, axes of extent 1 are put before its own; with `shape`, it has that one. A
        constant becomes a variable, whose label begins as `label`, or a literal if it is one number
        and `literal` allows.
        """
        own = self.shape(name)
        if literal and self.values.is_known(name) and prod(own) == 1 and shape is None:
            value = self.values.array(name).reshape(()).item()
            if not isinstance(value, float) or isfinite(value):
                return Literal(value)
        if rank is not None and len(own) < rank:
            shape = (*(1,) * (rank - len(own)), *own)
        wanted = tuple(own if shape is None else shape)
        if self.values.is_known(name):
            return self._variable(name, label, wanted)
        reference = Name(self.identifier(name))
        if wanted == own:
            return reference
        return self.call("reshape", reference, shape=wanted)

    def call(
        self,
        operation: str,
        *positional: Expression,
        to: Sequence[str] | None = None,
        dtype: str | None = None,
        **named: Given,
    ) -> Name:
        """Add a call that gives the ONNX values `to`, or a value of its own; gives the first."""
        targets = [self.identifier(name) for name in to or ()] or [self.fresh(operation)]
        arguments = tuple((key, expression(value)) for key, value in named.items())
        names = tuple(Name(target) for target in targets)
        target = Array(names) if operation in ("split", "unstack") else names[0]
        self._body.append(Assignment(target, Call(operation, dtype, positional, arguments)))
        return names[0]

    def finish(
        self, name: str, inputs: Sequence[str], outputs: Sequence[str]
    ) -> tuple[Graph, Variables]:
        """The graph, every shape checked, and its variables. Raises NnefUnsupported."""
        document = Document(
            (),
            (),
            GraphDefinition(
                self.fresh(name),
                tuple(self.identifier(one) for one in inputs),
                tuple(self.identifier(one) for one in outputs),
                (*self._declarations, *self._body),
            ),
        )
        try:
            graph = elaborate(document)
        except NnefError as error:
            raise NnefUnsupported(f"NNEF has no such graph: {error}") from error
        self._check_shapes(graph)
        return graph, Variables(self._readers)

    def _check_shapes(self, graph: Graph) -> None:
        for name, identifier in self._names.items():
            tensor = graph.tensors.get(identifier)
            if tensor is not None and tensor.shape != self.shape(name):
                raise NnefUnsupported(
                    f"{name!r} is {list(self.shape(name))} in ONNX and {list(tensor.shape)} in NNEF"
                )

    def _variable(self, name: str, label: str, shape: tuple[int, ...]) -> Name:
        found = self._variables.get((name, shape))
        if found is not None:
            return found
        identifier = self.fresh(label)
        path = self._path(label)
        dtype = self._type(name)
        declared = shape or (1,)
        values = self.values
        self._readers[path] = lambda: values.array(name).reshape(declared)
        call = Call(
            "variable", dtype, (), (("shape", expression(declared)), ("label", Literal(path)))
        )
        self._declarations.append(Assignment(Name(identifier), call))
        self._variables[name, shape] = Name(identifier)
        return Name(identifier)

    def _path(self, label: str) -> str:
        """A label that no variable has; its folder is called as what uses it."""
        folder, _, parameter = label.rpartition("/")
        base = f"{_UNFIT.sub('_', folder) or 'graph'}/{parameter}"
        path, count = base, 0
        while path in self._readers:
            count += 1
            path = f"{base}_{count}"
        return path

    def _type(self, name: str) -> str:
        dtype = self.values.dtype(name).name
        if dtype not in _TYPES:
            raise NnefUnsupported(f"{name!r} is of type {dtype}, which NNEF models do not hold")
        return _TYPES[dtype]


def expression(value: Given) -> Expression:
    """A value as it stands in a document."""
    match value:
        case bool() | str():
            return Literal(value)
        case int() | np.integer():
            return Literal(int(value))
        case float() | np.floating():
            return Literal(float(value))
        case list() | tuple():
            return Array(tuple(expression(one) for one in value))
        case _:
            return value  # type: ignore[return-value]
