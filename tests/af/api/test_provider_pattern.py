"""Patterns from providers: RE2, bounded, never slow."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_api.provider_pattern import MAX_PATTERN_CHARACTERS, ProviderPattern


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"\.mpd$", "a/b.mpd", True),
        (r"\.mpd$", "a/b.mpd.bak", False),
        ("^a/", "b/a/", False),
        ("", "anything", True),
        ("ü", "grün", True),
        ("(a+)+$", "a" * 100_000 + "b", False),
    ],
)
def test_a_pattern_is_looked_for_anywhere(pattern, text, found):
    assert ProviderPattern.parse(pattern).found_in(text) is found


def test_the_first_occurrence_is_replaced_literally():
    rule = ProviderPattern.parse("o+")
    assert rule.replaced_in("foo/oo", r"\0$1") == r"f\0$1/oo"
    assert rule.replaced_in("bar", "x") is None
    assert ProviderPattern.parse("ü").replaced_in("aüb", "") == "ab"


@pytest.mark.parametrize(
    "pattern",
    ["(", r"(a)\1", "(?=a)", "a{2000}", "((a{100}){100}){100}", "a" * (MAX_PATTERN_CHARACTERS + 1)],
)
def test_what_is_no_pattern_is_refused_with_a_reason(pattern, capfd):
    with pytest.raises(ValueError, match=r"must have|is no regular expression of RE2: \S"):
        ProviderPattern.parse(pattern)
    assert capfd.readouterr().err == ""


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_text_is_a_pattern_or_is_refused(pattern, text):
    with suppress(ValueError):
        ProviderPattern.parse(pattern).replaced_in(text, "")
