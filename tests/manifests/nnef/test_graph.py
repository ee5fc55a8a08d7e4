"""What a document means: data nodes, operation nodes, fragments, and compound operations."""

import pytest

from fivegms_codecs.nnef import (
    DataKind,
    NnefLimits,
    TensorRef,
    errors,
    is_compound,
    lower,
    read_graph,
    standard,
)
from fivegms_codecs.nnef.shapes import RULES
from support.nnef_graphs import BODIES, FRAGMENTS, NUMPY_ONLY, OPERATORS, graph_of

BOTH = f"{FRAGMENTS} {OPERATORS}"
DATA = {"external", "constant", "variable"}
ALL_BODIES = {name: bodies[0] for name, bodies in {**BODIES, **NUMPY_ONLY}.items()}


@pytest.mark.requirement("R157")
@pytest.mark.requirement("R157a")
def test_edges_lead_from_data_to_operations_and_on_to_data() -> None:
    graph = graph_of("a = relu(x); b, c = moments(a, axes = [1]); y = add(b, a);")
    assert [one.name for one in graph.consumers("a")] == ["moments", "add"]
    assert graph.producer("c").name == "moments"
    assert graph.producer("y").inputs() == ("b", "a")
    assert graph.producer("b").outputs() == ("b", "c")
    assert graph.consumers("y") == ()
    with pytest.raises(KeyError):
        graph.producer("nonesuch")


@pytest.mark.requirement("R157b")
def test_an_operation_has_all_its_attributes() -> None:
    graph = graph_of("k = constant<scalar>(shape = [5, 4, 1, 1], value = [1.0]); y = conv(x, k);")
    assert graph.producer("y").arguments == {
        "input": TensorRef("x"),
        "filter": TensorRef("k"),
        "bias": 0.0,
        "border": "constant",
        "padding": (),
        "stride": (),
        "dilation": (),
        "groups": 1,
    }


@pytest.mark.requirement("R158")
@pytest.mark.requirement("R158a")
@pytest.mark.requirement("R158b")
@pytest.mark.requirement("R158c")
@pytest.mark.requirement("R158d")
def test_data_nodes_are_external_constant_variable_or_regular() -> None:
    graph = graph_of(
        "c = constant<scalar>(shape = [1, 4], value = [2.0]); "
        "v = variable<scalar>(shape = [1, 4], label = 'v'); s = add(c, v); y = mul(x, s);"
    )
    kinds = {name: tensor.kind for name, tensor in graph.tensors.items()}
    assert kinds == {
        "x": DataKind.EXTERNAL,
        "c": DataKind.CONSTANT,
        "v": DataKind.VARIABLE,
        "s": DataKind.REGULAR,
        "y": DataKind.REGULAR,
    }
    assert graph.tensors["s"].shape == (1, 4)
    assert graph.tensors["y"].shape == (2, 4, 9, 8)
    assert graph.parameters == 4


@pytest.mark.requirement("R157c")
@pytest.mark.parametrize("name", [name for name in standard() if is_compound(name)])
def test_every_compound_operation_is_made_of_primitive_ones(name: str) -> None:
    body = ALL_BODIES.get(name)
    if body is None:  # regions of interest, which no body here has
        body = ROI.format(name)
    graph = graph_of(body)
    assert name in {one.name for one in graph.operations}
    lowered = lower(graph)
    assert not [one.name for one in lowered.operations if is_compound(one.name)]
    assert (lowered.inputs, lowered.outputs) == (graph.inputs, graph.outputs)
    kept = {name: lowered.tensors[name] for name in graph.outputs}
    assert {name: tensor.shape for name, tensor in kept.items()} == {
        name: graph.tensors[name].shape for name in graph.outputs
    }


ROI = (
    "r = constant<scalar>(shape = [3, 4], value = [1.0]); "
    "b = constant<integer>(shape = [3], value = [0]); "
    "y = {}(x, r, b, output_size = [2, 2], sampling_rate = [2, 2]);"
)


@pytest.mark.requirement("R157d")
def test_primitive_operations_are_left_as_they_are() -> None:
    graph = graph_of("a = exp(x); y = sum_reduce(a, axes = [1]);")
    assert lower(graph) == graph


def test_every_operation_has_a_rule_for_its_shape_and_no_rule_is_of_none() -> None:
    assert RULES.keys() == standard().keys()


def test_operations_can_be_lowered_one_by_one() -> None:
    graph = graph_of("a = softmax(x); y = relu(a);")
    lowered = lower(graph, lambda name: name == "softmax")
    assert [one.name for one in lowered.operations][-1] == "relu"
    assert "softmax" not in [one.name for one in lowered.operations]


def test_fragments_are_put_in_place_of_their_calls() -> None:
    graph = graph_of(
        "y = scaled_sum(x, n = 3, flags = [true, false]);",
        before=BOTH
        + """
        fragment scaled(v: tensor<scalar>, by: scalar = 2.0) -> (w: tensor<scalar>) { w = v * by; }
        fragment scaled_sum(v: tensor<scalar>, n: integer, flags: logical[]) -> (w: tensor<scalar>)
        {
            parts = [for i in range_of([0] * n) yield scaled(v, by = scalar(i))];
            both = [for f in flags if f yield relu(v)];
            w = add_n(parts + both) if length_of(both) == 1 && (n in [2, 3]) else -v;
        }
        """,
    )
    names = [one.name for one in graph.operations]
    assert names == ["external", "mul", "mul", "mul", "relu", "add_n"]
    assert graph.producer("y").inputs() == tuple(
        output for one in graph.operations[1:5] for output in one.outputs()
    )


def test_expressions_compute_what_is_known() -> None:
    graph = graph_of(
        "s = shape_of(x); y = reshape(x, shape = [s[0] * s[1], integer('7') + 2, s[3]] + s[:0]);",
        before=OPERATORS,
    )
    assert graph.tensors["y"].shape == (8, 9, 8)


def test_an_alias_becomes_a_copy_under_its_own_name() -> None:
    graph = graph_of("y = x;", before=OPERATORS)
    assert graph.producer("y").name == "copy"
    [a, b] = graph_of("[y, z] = copy_n(x, times = 2);", outputs="y, z").outputs
    assert (a, b) == ("y", "z")
    lowered = lower(graph_of("[y, z] = copy_n(x, times = 2);", outputs="y, z"))
    assert [one.name for one in lowered.operations] == ["external", "copy", "copy"]


def test_generic_operations_take_the_type_of_their_arguments() -> None:
    graph = graph_of(
        "c = lt(x, 0.0); d = transpose(c, axes = [1, 0]); i = cast<integer>(d); "
        "y = reshape(i, shape = [-1]);"
    )
    assert [graph.tensors[name].dtype for name in "cdiy"] == [
        "logical", "logical", "integer", "integer"
    ]  # fmt: skip


REFUSED = [
    ("y = relu(z);", errors.NameUnknown),
    ("z = relu(x);", errors.NameUnknown),
    ("y = relu(x); y = relu(x);", errors.NameTaken),
    ("y = frobnicate(x);", errors.OperationUnknown),
    ("y = relu(x, x);", errors.ArgumentInvalid),
    ("y = relu();", errors.ArgumentInvalid),
    ("y = relu(x, x = x);", errors.ArgumentInvalid),
    ("y = relu(z = x);", errors.ArgumentInvalid),
    ("y = softmax(x, axes = 1);", errors.ArgumentInvalid),
    ("y = softmax(x, axes = [1], axes = [1]);", errors.ArgumentInvalid),
    ("y = softmax(x, axes = [1.5]);", errors.ArgumentInvalid),
    ("y = leaky_relu(x, alpha = 'a');", errors.ArgumentInvalid),
    ("y = pad(x, padding = [(0, 0, 0)]);", errors.ArgumentInvalid),
    ("c = lt(x, 0.0); y = relu(c);", errors.ArgumentInvalid),
    ("y = relu<scalar>(x);", errors.ArgumentInvalid),
    ("a, b = relu(x); y = relu(x);", errors.ArgumentInvalid),
    ("[a, b] = split(x, axis = 1, ratios = [1, 1, 2]); y = copy(a);", errors.ArgumentInvalid),
    ("e = external(shape = [1]); y = relu(x);", errors.ArgumentInvalid),
    ("y = variable(shape = [0], label = 'v');", errors.ShapeInvalid),
    ("y = constant(shape = [3], value = [1.0, 2.0]);", errors.ShapeInvalid),
    ("y = variable(shape = [65536, 65536], label = 'v');", errors.TooLarge),
    ("y = tile(x, repeats = [1000000000, 1000000000, 1, 1]);", errors.TooLarge),
    ("z = copy_n(x, times = 1000000); y = relu(x);", errors.TooLarge),
]


@pytest.mark.parametrize(("body", "refusal"), REFUSED)
def test_what_contradicts_itself_is_refused_by_name(
    body: str, refusal: type[errors.NnefError]
) -> None:
    with pytest.raises(refusal):
        graph_of(body)


REFUSED_EXPRESSIONS = [
    "1 / 0", "2 ^ 65", "2 ^ -1", "9223372036854775807 + 1", "(-8.0) ^ 0.5", "10.0 ^ 400.0",
    "'a' * 2", "[1] + 1", "[1] == [1]", "1 < 'a'", "true + 1", "!1", "[1][1]", "1[0]",
    "[1][0:2]", "[1]['a']", "length_of(1)", "length_of()", "integer('x')", "shape_of(1)",
    "integer([1])", "1 if 1 else 2", "1 if x else 2", "[for i in 3 yield i]", "x && 1",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED_EXPRESSIONS)
def test_expressions_without_a_value_are_refused(text: str) -> None:
    with pytest.raises(errors.ArgumentInvalid):
        graph_of(f"n = {text}; y = relu(x);", before=OPERATORS)


def test_arrays_of_a_loop_must_be_of_one_length() -> None:
    with pytest.raises(errors.ShapeInvalid):
        graph_of("n = [for i in [1], j in [1, 2] yield i]; y = relu(x);", before=OPERATORS)


@pytest.mark.parametrize(
    "text",
    [
        "[0] * 1000000000000",
        "[for i in [0] * 1000 yield [0] * 10000]",
        "length_of('" + "a" * 1000 + "' + '" + "a" * 1000 + "') * 1",
    ],
)
def test_what_an_expression_costs_is_bounded(text: str) -> None:
    with pytest.raises(errors.TooLarge):
        graph_of(f"n = {text}; y = relu(x);", before=OPERATORS, limits=NnefLimits(max_steps=1500))


FRAGMENT_FAULTS = [
    ("fragment f(v: tensor<scalar>) -> (w: tensor<scalar>) { w = f(v); }", errors.TooLarge),
    ("fragment f(v: tensor<scalar>) -> (w: tensor<scalar>);", errors.OperationUnknown),
    ("fragment f(v: tensor<scalar>) -> (w: tensor<scalar>) { u = v; }", errors.NameUnknown),
    ("fragment f(v: tensor<scalar>) -> (w: integer) { w = v; }", errors.ArgumentInvalid),
    ("fragment f<?>(v: scalar = 1.0) -> (w: tensor<?>) { w = v; }", errors.ArgumentInvalid),
    ("fragment relu(v: tensor<scalar>) -> (w: tensor<scalar>) { w = v; }", errors.NameTaken),
    ("fragment f(v: scalar) -> (v: scalar) { }", errors.NameTaken),
]


@pytest.mark.parametrize(("fragment", "refusal"), FRAGMENT_FAULTS)
def test_fragments_that_come_to_nothing_are_refused(
    fragment: str, refusal: type[errors.NnefError]
) -> None:
    with pytest.raises(refusal):
        graph_of(f"y = f({'x' if '<?>' not in fragment else ''});", before=BOTH + fragment)


def test_an_input_must_be_external() -> None:
    with pytest.raises(errors.ArgumentInvalid):
        read_graph("version 1.0; graph g(y) -> (y) { y = constant(shape = [1], value = [1.0]); }")
