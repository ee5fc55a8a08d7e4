"""Damaged and made-up text: a named refusal or a graph, never another exception."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivegms_codecs.nnef import NnefLimits, errors, lower, read_graph, write_graph
from fivegms_codecs.nnef.quantisation import read_quantisation
from support.nnef_graphs import BODIES, FRAGMENTS, OPERATORS, text_of

TEXTS = [text_of(bodies[-1]) for bodies in BODIES.values()] + [
    text_of(
        "y = f(x, 3);",
        before=f"{FRAGMENTS} {OPERATORS} fragment f(v: tensor<scalar>, n: integer = 2) -> "
        "(w: tensor<scalar>) { a = [for i in range_of([0] * n) yield v * scalar(i)]; "
        "w = add_n(a[1:] + [v]) if n > 2 && !(n in [5]) else relu(v); }",
    )
]
QUANTISED = (
    '"a": min_max_linear_quantize(min = -1.0, max = 1.0, bits = 8, signed = true, '
    "symmetric = false);"
)
WORDS = [*"()[]{}<>=:;,?!+-*/^", "->", "in", "for", "yield", "if", "else", "tensor", "x", "y", "1"]
SMALL = NnefLimits(max_steps=20_000, max_tensor_bytes=2**24)

texts = st.sampled_from(TEXTS)


def read_or_refused(text: str | bytes) -> None:
    try:
        graph = read_graph(text, SMALL)
        lower(graph, limits=SMALL)
        assert read_graph(write_graph(graph), SMALL) == graph
    except errors.NnefError:
        return


@given(texts, st.integers(0, 2000))
def test_text_that_was_cut_off(text: str, end: int) -> None:
    read_or_refused(text[:end])


@settings(max_examples=300)
@given(texts, st.integers(0, 2000), st.integers(0, 5), st.lists(st.sampled_from(WORDS), max_size=3))
def test_text_in_which_something_else_stands(
    text: str, at: int, length: int, words: list[str]
) -> None:
    at %= len(text)
    read_or_refused(text[:at] + " ".join(words) + text[at + length :])


@given(texts, st.integers(0, 2000), st.binary(max_size=3))
def test_bytes_in_which_something_else_stands(text: str, at: int, patch: bytes) -> None:
    data = text.encode()
    at %= len(data)
    read_or_refused(data[:at] + patch + data[at + len(patch) :])


@given(texts, st.integers(-(2**63), 2**63))
def test_numbers_of_any_size(text: str, number: int) -> None:
    for digit in "1239":
        read_or_refused(text.replace(f" {digit}", f" {number}"))


@given(st.integers(0, 200), st.text(max_size=3))
def test_quantisation_files(at: int, patch: str) -> None:
    text = QUANTISED[:at] + patch + QUANTISED[at + len(patch) :]
    try:
        read_quantisation(text)
    except errors.NnefError:
        return


@pytest.mark.parametrize(
    "text",
    [
        text_of("y = " + "relu(" * 5000 + "x" + ")" * 5000 + ";", before=OPERATORS),
        text_of("y = x" + " + x" * 5000 + ";", before=OPERATORS),
        text_of("n = " + "[" * 5000 + "]" * 5000 + "; y = relu(x);"),
        text_of("y = x if true else " * 5000 + "x;", before=OPERATORS),
        text_of("n = " + "-" * 5000 + "1; y = relu(x);", before=OPERATORS),
        text_of("y = relu(x);", before="fragment f(a: " + "(" * 5000 + ");"),
        text_of("y = relu(x);", before=f"{FRAGMENTS} fragment f(a: " + "(" * 5000 + ");"),
    ],
    ids=range(7),
)  # fmt: skip
def test_nesting_does_not_exhaust_the_stack(text: str) -> None:
    with pytest.raises(errors.NnefError):
        read_graph(text)
