"""A document to a flat graph: fragments put in place of their calls, every shape propagated.

Compound operations stay as they are unless `lower` is asked to put primitive ones in their place.
Names that the graph assigns are kept; what fragments make inside is named after what they make.
"""

from collections.abc import Callable, Mapping

from fivegms_codecs.nnef import operations as standard_operations
from fivegms_codecs.nnef.arguments import Arguments, ResultShape
from fivegms_codecs.nnef.binding import bind, conform, generic_type
from fivegms_codecs.nnef.errors import (
    ArgumentInvalid,
    NameTaken,
    NameUnknown,
    OperationUnknown,
    TooLarge,
)
from fivegms_codecs.nnef.evaluation import Evaluator
from fivegms_codecs.nnef.graph import (
    DataKind,
    Graph,
    Operation,
    Results,
    Shape,
    Tensor,
    TensorRef,
    Value,
    references,
)
from fivegms_codecs.nnef.limits import DEFAULT_LIMITS, NnefLimits
from fivegms_codecs.nnef.operations import is_compound
from fivegms_codecs.nnef.parser import parse_document
from fivegms_codecs.nnef.scope import Hint, Scope, Wanted
from fivegms_codecs.nnef.shapes import result_shapes
from fivegms_codecs.nnef.syntax import (
    GENERIC,
    Array,
    ArrayOf,
    Assignment,
    Call,
    Document,
    Expression,
    Fragment,
    Name,
    Result,
    TensorOf,
    Tuple,
)

_ITEM_BYTES = 4


def read_graph(text: str | bytes, limits: NnefLimits = DEFAULT_LIMITS) -> Graph:
    """The graph of a structure file. Raises a leaf of NnefError."""
    return elaborate(parse_document(text, limits), limits)


def elaborate(document: Document, limits: NnefLimits = DEFAULT_LIMITS) -> Graph:
    """The flat graph of a document. Raises a leaf of NnefError."""
    own = {fragment.name: fragment for fragment in document.fragments}
    for name in own.keys() & standard_operations.standard().keys():
        raise NameTaken(f"line {own[name].line}: {name} is an operation of the standard")
    definition = document.graph
    assigned = {name for one in definition.body for name in _target_names(one.target)}
    builder = _Builder(own, assigned, limits, lambda _: False)
    builder.run(definition.body)
    _check_interface(builder.tensors, definition.inputs, definition.outputs)
    return Graph(
        definition.name,
        definition.inputs,
        definition.outputs,
        tuple(builder.operations),
        builder.tensors,
    )


def lower(
    graph: Graph,
    wanted: Callable[[str], bool] = is_compound,
    limits: NnefLimits = DEFAULT_LIMITS,
) -> Graph:
    """The same network with the compound operations that are `wanted` put in terms of others.

    By default all are, so that primitive operations alone remain. Raises TooLarge.
    """
    builder = _Builder(
        {}, set(graph.tensors), limits, lambda name: is_compound(name) and wanted(name)
    )
    for operation in graph.operations:
        builder.repeat(operation)
    return Graph(
        graph.name, graph.inputs, graph.outputs, tuple(builder.operations), builder.tensors
    )


class _Builder:
    """Operations and tensors as they come about.

    `own` are the document's fragments, `reserved` the names that are not free for new tensors,
    `expands` says which standard operations to put in terms of others.
    """

    def __init__(
        self,
        own: Mapping[str, Fragment],
        reserved: set[str],
        limits: NnefLimits,
        expands: Callable[[str], bool],
    ) -> None:
        self.operations: list[Operation] = []
        self.tensors: dict[str, Tensor] = {}
        self._own = own
        self._reserved = reserved
        self._limits = limits
        self._expands = expands
        self._evaluator = Evaluator(self, limits)
        self._counts: dict[str, int] = {}

    def run(self, body: tuple[Assignment, ...]) -> None:
        """The body of the graph itself."""
        scope = Scope(hints={name: Wanted(name, exact=True) for name in self._reserved})
        for assignment in body:
            self._assign(assignment, scope)
            for name in _target_names(assignment.target):
                self._materialise(name, scope)

    def repeat(self, operation: Operation) -> None:
        """An operation of another graph, under the same names."""
        fragment = standard_operations.standard()[operation.name]
        hints = tuple(_exact(result) for result in operation.results.values())
        hint = hints[0] if len(hints) == 1 else hints
        value = self._invoke(fragment, dict(operation.arguments), operation.dtype, hint)
        found = value if len(hints) > 1 and isinstance(value, tuple) else (value,)
        for wanted, one in zip(operation.results.values(), found, strict=True):
            self._copy_aliases(wanted, one)

    def call(self, call: Call, scope: Scope, hint: Hint) -> Value:
        """The results of a call in a body."""
        fragment = self._fragment(call)
        positional = [self._evaluator.evaluate(one, scope) for one in call.positional]
        named = {key: self._evaluator.evaluate(one, scope) for key, one in call.named}
        if len(named) < len(call.named):
            raise ArgumentInvalid(f"line {call.line}: {call.name} has an argument twice")
        explicit = scope.dtype if call.dtype == GENERIC else call.dtype
        return self._invoke_checked(fragment, positional, named, explicit, hint, call.line)

    def operate(self, name: str, operands: tuple[Value, ...], hint: Hint) -> Value:
        """The result of an operator on tensors."""
        fragment = standard_operations.standard()[name]
        return self._invoke_checked(fragment, list(operands), {}, None, hint, 0)

    def shape(self, tensor: TensorRef) -> Shape:
        """A tensor's shape."""
        return self.tensors[tensor.name].shape

    def _fragment(self, call: Call) -> Fragment:
        fragment = self._own.get(call.name) or standard_operations.standard().get(call.name)
        if fragment is None:
            raise OperationUnknown(f"line {call.line}: there is no operation {call.name!r}")
        if call.name in self._own and fragment.body is None:
            raise OperationUnknown(
                f"line {call.line}: {call.name!r} is declared without a body: what it computes is "
                "not known here"
            )
        return fragment

    def _invoke_checked(
        self,
        fragment: Fragment,
        positional: list[Value],
        named: dict[str, Value],
        explicit: str | None,
        hint: Hint,
        line: int,
    ) -> Value:
        bound = bind(
            fragment, positional, named, lambda one: self._evaluator.evaluate(one, Scope())
        )
        dtype = generic_type(fragment, explicit, bound, self.tensors)
        values: dict[str, Value] = {}
        for parameter in fragment.parameters:
            value = conform(bound[parameter.name], parameter.type, dtype, self.tensors)
            if value is None:
                raise ArgumentInvalid(
                    f"line {line}: {fragment.name}: {parameter.name!r} is not of its type"
                )
            values[parameter.name] = value
        return self._invoke(fragment, values, dtype, hint)

    def _invoke(
        self, fragment: Fragment, values: dict[str, Value], dtype: str | None, hint: Hint
    ) -> Value:
        if fragment.name in self._own or self._expands(fragment.name):
            return self._expand(fragment, values, dtype, hint)
        return self._emit(fragment, values, dtype, hint)

    def _expand(
        self, fragment: Fragment, values: dict[str, Value], dtype: str | None, hint: Hint
    ) -> Value:
        hints = hint if isinstance(hint, tuple) and len(fragment.results) > 1 else (hint,)
        names = (result.name for result in fragment.results)
        scope = Scope(
            prefix=f"{_first_name(hint) or fragment.name}_",
            dtype=dtype,
            hints={name: one for name, one in zip(names, hints, strict=False) if one is not None},
            values=values,
        )
        for assignment in fragment.body or ():
            self._assign(assignment, scope)
        results = tuple(self._result(fragment, one, scope) for one in fragment.results)
        return results[0] if len(results) == 1 else results

    def _result(self, fragment: Fragment, result: Result, scope: Scope) -> Value:
        value = scope.look_up(result.name, fragment.line)
        found = conform(value, result.type, scope.dtype, self.tensors)
        if found is None:
            raise ArgumentInvalid(f"{fragment.name}: the result {result.name!r} is not of its type")
        return found

    def _assign(self, assignment: Assignment, scope: Scope) -> None:
        hint = _hint_of(assignment.target, scope)
        self._define(
            assignment.target,
            self._evaluator.evaluate(assignment.value, scope, hint),
            scope,
            assignment.line,
        )

    def _define(self, target: Expression, value: Value, scope: Scope, line: int) -> None:
        match target:
            case Name(text):
                scope.define(text, value, line)
            case Array(items) | Tuple(items):
                if not isinstance(value, tuple) or len(value) != len(items):
                    raise ArgumentInvalid(f"line {line}: {len(items)} names for other results")
                for item, one in zip(items, value, strict=True):
                    self._define(item, one, scope, line)
            case _:
                raise ArgumentInvalid(f"line {line}: a name belongs before '='")

    def _materialise(self, name: str, scope: Scope) -> None:
        """What the graph assigns has a tensor of that name, by a copy if it is another's alias."""
        value = scope.values[name]
        if isinstance(value, TensorRef) and value.name != name:
            scope.values[name] = self.operate("copy", (value,), Wanted(name, exact=True))

    def _copy_aliases(self, wanted: Results, found: Value) -> None:
        if isinstance(wanted, TensorRef):
            if found != wanted:
                self.operate("copy", (found,), Wanted(wanted.name, exact=True))
            return
        for one, other in zip(wanted, found if isinstance(found, tuple) else (), strict=True):
            self._copy_aliases(one, other)

    def _emit(
        self, fragment: Fragment, values: dict[str, Value], dtype: str | None, hint: Hint
    ) -> Value:
        known = {name: self.tensors[name].shape for name in references(tuple(values.values()))}
        shapes = result_shapes(fragment.name, Arguments(values, known))
        several = len(fragment.results) > 1
        hints: tuple[Hint, ...] = (_loose(hint) if several else hint,) * len(shapes)
        if several and isinstance(hint, tuple) and len(hint) == len(shapes):
            hints = hint
        results: dict[str, Results] = {}
        for result, shape, one in zip(fragment.results, shapes, hints, strict=True):
            results[result.name] = self._declare(fragment.name, result, shape, dtype, one)
        self.operations.append(Operation(fragment.name, values, results, dtype))
        found = tuple(results.values())
        return found if several else found[0]

    def _declare(
        self, operation: str, result: Result, shape: ResultShape, dtype: str | None, hint: Hint
    ) -> Results:
        if isinstance(result.type, ArrayOf):
            shapes = [one for one in shape if isinstance(one, tuple)]
            hints: tuple[Hint, ...] = (_loose(hint),) * len(shapes)
            if isinstance(hint, tuple) and len(hint) == len(shapes):
                hints = hint
            item = Result(result.name, result.type.item)
            tensors = zip(shapes, hints, strict=True)
            return tuple(self._tensor(operation, item, one, dtype, each) for one, each in tensors)
        return self._tensor(
            operation, result, tuple(s for s in shape if isinstance(s, int)), dtype, hint
        )

    def _tensor(
        self, operation: str, result: Result, shape: Shape, dtype: str | None, hint: Hint
    ) -> TensorRef:
        declared = result.type.dtype if isinstance(result.type, TensorOf) else None
        name = self._free_name(hint, operation)
        kind = DataKind(operation) if operation in _DECLARING else DataKind.REGULAR
        tensor = Tensor(name, str(dtype if declared == GENERIC else declared), shape, kind)
        if tensor.volume * _ITEM_BYTES > self._limits.max_tensor_bytes:
            raise TooLarge(f"tensor {name} of shape {list(shape)} is above the limit")
        self.tensors[name] = tensor
        return TensorRef(name)

    def _free_name(self, hint: Hint, operation: str) -> str:
        if isinstance(hint, Wanted) and hint.exact:
            if hint.name in self.tensors:
                raise NameTaken(f"{hint.name!r} is defined already")
            return hint.name
        base = hint.name if isinstance(hint, Wanted) else operation
        while True:
            count = self._counts.get(base, 0)
            self._counts[base] = count + 1
            name = f"{base}_{count}" if count else base
            if name not in self.tensors and name not in self._reserved:
                return name


_DECLARING = (DataKind.EXTERNAL, DataKind.CONSTANT, DataKind.VARIABLE)


def _check_interface(
    tensors: Mapping[str, Tensor], inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> None:
    for name in outputs:
        if name not in tensors:
            raise NameUnknown(f"the graph's output {name!r} is not defined")
    external = {one.name for one in tensors.values() if one.kind is DataKind.EXTERNAL}
    for name in sorted(external ^ set(inputs)):
        where = "is external and no input" if name in external else "is no external tensor"
        raise ArgumentInvalid(f"{name!r} {where} of the graph")


def _target_names(target: Expression) -> list[str]:
    match target:
        case Name(text):
            return [text]
        case Array(items) | Tuple(items):
            return [name for item in items for name in _target_names(item)]
        case _:
            return []


def _hint_of(target: Expression, scope: Scope) -> Hint:
    match target:
        case Name(text):
            return scope.hint(text)
        case Array(items) | Tuple(items):
            return tuple(_hint_of(item, scope) for item in items)
        case _:
            return None


def _exact(results: Results) -> Hint:
    if isinstance(results, TensorRef):
        return Wanted(results.name, exact=True)
    return tuple(Wanted(one.name, exact=True) for one in results)


def _loose(hint: Hint) -> Hint:
    """One name for several tensors can only begin theirs."""
    return Wanted(hint.name, exact=False) if isinstance(hint, Wanted) else None


def _first_name(hint: Hint) -> str | None:
    match hint:
        case Wanted(name):
            return name
        case (first, *_):
            return _first_name(first)
        case _:
            return None
