"""NNEF text: what is read, what the one text of a graph is, and what is refused by name."""

import pytest

from fivegms_codecs.nnef import Graph, NnefLimits, errors, parse_document, read_graph, write_graph
from fivegms_codecs.nnef.syntax import (
    Array,
    Binary,
    Call,
    Comprehension,
    Conditional,
    Expression,
    Literal,
    Name,
    Range,
    Subscript,
    Tuple,
    Unary,
)
from support.nnef_graphs import BODIES, FRAGMENTS, NUMPY_ONLY, OPERATORS, graph_of, text_of

ALL_BODIES = [body for bodies in (*BODIES.values(), *NUMPY_ONLY.values()) for body in bodies]


def parsed(text: str) -> Expression:
    """An expression, of a document that enables all of them."""
    document = parse_document(f"version 1.0; {OPERATORS} graph g(x) -> (y) {{ y = {text}; }}")
    return document.graph.body[0].value


def number(value: float | bool | str) -> Literal:
    return Literal(value)


@pytest.mark.requirement("R154a")
@pytest.mark.parametrize("body", ALL_BODIES)
def test_the_text_of_a_graph_is_read_back_as_the_same_graph(body: str) -> None:
    graph = graph_of(body)
    text = write_graph(graph)
    assert read_graph(text) == graph
    assert write_graph(read_graph(text)) == text


def test_the_text_is_canonical() -> None:
    graph = graph_of(
        'k=variable(label="a/b",shape=[1,4]); # a comment\n m ,v=moments( x,axes=[1] );y=add(m,k) ;'
    )
    assert write_graph(graph) == (
        "version 1.0;\n"
        "\n"
        "graph net(x) -> (y)\n"
        "{\n"
        "    x = external<scalar>(shape = [2, 4, 9, 8]);\n"
        "    k = variable<scalar>(shape = [1, 4], label = 'a/b');\n"
        "    m, v = moments(x, axes = [1]);\n"
        "    y = add(m, k);\n"
        "}\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-1", number(-1)),
        ("1e-5", number(1e-5)),
        ("2.", number(2.0)),
        ("'it\"s'", number('it"s')),
        ("true", number(True)),
        ("[]", Array(())),
        ("[(1, 2), (3, 4)]", Array(tuple(Tuple((number(a), number(a + 1))) for a in (1, 3)))),
        ("a + b * c", Binary("+", Name("a"), Binary("*", Name("b"), Name("c")))),
        ("a - b - c", Binary("-", Binary("-", Name("a"), Name("b")), Name("c"))),
        ("a ^ -2.0", Binary("^", Name("a"), number(-2.0))),
        ("(a + b) * c", Binary("*", Binary("+", Name("a"), Name("b")), Name("c"))),
        ("a < b && !c", Binary("&&", Binary("<", Name("a"), Name("b")), Unary("!", Name("c")))),
        ("a if b else c", Conditional(Name("b"), Name("a"), Name("c"))),
        ("a[0]", Subscript(Name("a"), number(0))),
        ("a[1:]", Range(Name("a"), number(1), None)),
        ("a[:b]", Range(Name("a"), None, Name("b"))),
        ("1 in a", Binary("in", number(1), Name("a"))),
        (
            "[for i in a, j in b if i yield j]",
            Comprehension((("i", Name("a")), ("j", Name("b"))), Name("i"), Name("j")),
        ),
        ("f<scalar>(a, b = 1)", Call("f", "scalar", (Name("a"),), (("b", number(1)),))),
        ("length_of(a)", Call("length_of", None, (Name("a"),), ())),
    ],
)
def test_expressions(text: str, expected: Expression) -> None:
    assert parsed(text) == expected


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", errors.SyntaxInvalid),
        ("version 1.0; graph g(x) -> (y) { y = relu(x) }", errors.SyntaxInvalid),
        ("version 1.0; graph g(x) -> (y) { }; ", errors.SyntaxInvalid),
        ("version 1.0; graph g(x) -> (y) { y = f(a = 1, x); }", errors.SyntaxInvalid),
        ("version 1.0; graph g(x) -> (y) { y = f(99999999999999999999); }", errors.SyntaxInvalid),
        ("version 1.0; graph g(x) -> (y) { y = f(9999999999999999999); }", errors.SyntaxInvalid),
        ("version 1.0; graph g(x) -> (y) { y = f(-true); }", errors.SyntaxInvalid),
        ("version 1.0; graph g(x) -> (y) { y = @; }", errors.SyntaxInvalid),
        ("version 1.0; graph g(x) -> (y) { 1 = x; }", errors.SyntaxInvalid),
        (b"version 1.0; \xff", errors.SyntaxInvalid),
        (f"version 1.0; {OPERATORS} graph g(x) -> (y) {{ y = x[]; }}", errors.SyntaxInvalid),
        (
            f"version 1.0; {FRAGMENTS} fragment f(x: thing) -> (y: scalar); graph g() -> () {{}}",
            errors.SyntaxInvalid,
        ),
        ("version 1; graph g(x) -> (y) { }", errors.SyntaxInvalid),
        ("version 1.1; graph g(x) -> (y) { }", errors.VersionUnknown),
        ("version 1.0; extension KHR_new; graph g(x) -> (y) { }", errors.ExtensionUnknown),
        ("version 1.0; fragment f() -> (); graph g(x) -> (y) { }", errors.ExtensionMissing),
        ("version 1.0; graph g(x) -> (y) { y = x + x; }", errors.ExtensionMissing),
        ("version 1.0; graph g(x) -> (y) { y = relu(relu(x)); }", errors.ExtensionMissing),
        ("version 1.0; graph g(x) -> (y) { y = f((1)); }", errors.ExtensionMissing),
        ("version 1.0; graph g(x, x) -> (y) { }", errors.NameTaken),
        (
            f"version 1.0; {FRAGMENTS} " + "fragment f() -> (); " * 2 + "graph g() -> () {}",
            errors.NameTaken,
        ),
    ],
)
def test_what_is_no_document_is_refused_by_name(
    text: str | bytes, refusal: type[errors.NnefError]
) -> None:
    with pytest.raises(refusal):
        parse_document(text)


@pytest.mark.parametrize(
    "nested",
    ["[" * 50 + "]" * 50, "-" * 100 + "a", "+".join("a" * 100), "a" + "[0]" * 100, "(" * 60],
)
def test_expressions_are_as_deep_as_the_limit_allows(nested: str) -> None:
    with pytest.raises(errors.TooLarge):
        parsed(nested)


def test_a_long_text_is_refused_before_it_is_read() -> None:
    with pytest.raises(errors.TooLarge):
        parse_document("#" * 100, NnefLimits(max_text_bytes=99))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "1st"},
        {"name": "graph"},
        {"inputs": ("a-b",)},
    ],
)
def test_what_has_no_text_is_not_written(change: dict[str, object]) -> None:
    graph = graph_of("y = relu(x);")
    fields = {name: getattr(graph, name) for name in Graph.__slots__}
    with pytest.raises(errors.ArgumentInvalid):
        write_graph(Graph(**(fields | change)))


def test_a_quote_of_either_kind_can_be_written_and_both_cannot() -> None:
    with pytest.raises(errors.SyntaxInvalid):
        read_graph(text_of("""y = variable(shape = [1], label = 'it's');"""))
    graph = graph_of("""y = variable(shape = [1], label = "it's");""")
    assert read_graph(write_graph(graph)) == graph
