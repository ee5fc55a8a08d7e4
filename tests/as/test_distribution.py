"""A distribution by value: what it carries, where a path leads, for how long an answer is kept."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_api.common_data import path_fault
from fivegms_api.content_hosting import CachingDirectives
from fivegms_api.provider_pattern import ProviderPattern
from fivegms_as.distribution import CachingRule, Distribution
from fivegms_as.errors import UnknownContent
from fivegms_as.namespace import StoredObject

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SHA256 = "ab" * 32


def stored(path="a.mpd", *templates):
    return StoredObject(path, SHA256, 7, "x/y", NOW, templates)


def rewriting(*rules):
    parsed = ((ProviderPattern.parse(pattern), mapped) for pattern, mapped in rules)
    return Distribution(rewriting=tuple(parsed))


def rule(pattern=".", statuses=(), no_cache=False, max_age=None):
    directives = CachingDirectives(no_cache=no_cache, max_age=max_age)
    return CachingRule(ProviderPattern.parse(pattern), frozenset(statuses), directives)


SILENT = CachingRule(ProviderPattern.parse("mpd"), frozenset(), None)


def test_a_distribution_carries_what_its_template_made_or_else_what_was_ingested():
    one, ingested = Distribution(template="t1"), Distribution()
    held = [stored(), stored("a", "t1"), stored("a", "t2"), stored("a", "t1", "t2")]
    assert [one.carries(each) for each in held] == [False, True, False, True]
    assert [ingested.carries(each) for each in held] == [True, False, False, False]


def test_what_signs_a_manifest_goes_out_with_it():
    one = Distribution(template="t1")
    signed = [stored("model.mpd.release.json"), stored("model.mpd.sigstore.json")]
    assert all(one.carries(each) for each in signed)
    assert not one.carries(stored("model.mpd.release.json", "t2"))


def test_where_a_model_is_entered_only_its_folder_goes_out():
    deep, shallow = Distribution(model_manifest="a/1/m.mpd"), Distribution(model_manifest="m.mpd")
    held = [stored("a/1/s.m4s"), stored("a/1/m.mpd"), stored("a/10/m.mpd"), stored("net.onnx")]
    assert [deep.carries(each) for each in held] == [True, True, False, False]
    assert all(shallow.carries(each) for each in held)


@pytest.mark.parametrize(
    ("rules", "path", "content"),
    [
        ([], "a/b.mpd", "a/b.mpd"),
        ([("^/old/", "/new/")], "old/b.mpd", "new/b.mpd"),
        ([("^/old/", "/new/")], "a/old/b.mpd", "a/old/b.mpd"),
        ([("^/old/", "/")], "old/deep/b.mpd", "deep/b.mpd"),
        ([("^/$", "/models/")], "b.mpd", "models/b.mpd"),
        ([("x", "y")], "x/x/x", "y/x/x"),  # once, and never in the leaf
        ([("x", "y"), ("y", "z")], "x/a", "y/a"),  # the first that matches is the last
        ([("q", "y"), ("x", "z")], "x/a", "z/a"),
        ([("(a)", r"\1$1")], "a/b", None),  # no references, and no backslash in a content path
        ([("ü", "u")], "grün/b", "grun/b"),
    ],
)
def test_a_path_is_rewritten_by_the_first_rule_that_matches(rules, path, content):
    distribution = rewriting(*rules)
    if content is None:
        with pytest.raises(UnknownContent):
            distribution.content_path(path)
    else:
        assert distribution.content_path(path) == content


@pytest.mark.parametrize("mapped", ["/../", "//", "/a\\", "/\x00/", "/" + "a" * 1024 + "/"])
def test_a_path_that_cannot_be_content_is_not_there(mapped):
    with pytest.raises(UnknownContent):
        rewriting(("^/x/", mapped)).content_path("x/b")


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_rule_leads_out_of_the_content(mapped, path):
    with suppress(UnknownContent):
        assert path_fault(rewriting(("^/[^/]*/", mapped)).content_path(path)) is None


@pytest.mark.parametrize(
    ("rules", "status", "said"),
    [
        ([rule(max_age=60)], 200, "max-age=60"),
        ([rule(max_age=0)], 200, "max-age=0"),
        ([rule(no_cache=True, max_age=60)], 200, "no-cache"),
        ([rule()], 200, None),
        ([rule("[.]m4s$", max_age=60)], 200, None),
        ([rule("[.]m4s$", max_age=60), rule("mpd", max_age=5)], 200, "max-age=5"),
        ([rule(max_age=60), rule(max_age=5)], 200, "max-age=60"),
        ([rule(statuses=[404], max_age=60)], 200, None),
        ([rule(statuses=[404], max_age=60)], 404, "max-age=60"),
        ([rule(statuses=[200], max_age=60)], 404, None),
        ([rule(statuses=[200], max_age=60)], 206, "max-age=60"),
        ([rule(statuses=[200], max_age=60)], 304, "max-age=60"),
        ([rule(statuses=[206], max_age=60)], 200, None),
        ([rule(max_age=60)], 404, "max-age=60"),
        ([SILENT, rule(max_age=60)], 200, None),
    ],
)
def test_the_first_caching_rule_that_fits_says_how_long(rules, status, said):
    distribution = Distribution(caching=tuple(rules))
    assert distribution.ruled_cache_control("a.mpd", status) == said


def test_without_a_rule_the_path_says_how_long():
    named_by_digest = stored(f"s/{SHA256}.m4s")
    open_to_all, fenced = Distribution(), Distribution(locators=("DE",))
    assert open_to_all.cache_control("a.mpd", stored()) == "no-cache"
    assert "public" in open_to_all.cache_control(named_by_digest.path, named_by_digest)
    kept = fenced.cache_control(named_by_digest.path, named_by_digest)
    assert kept == "private, max-age=31536000, immutable"


def test_no_shared_cache_keeps_what_not_everyone_may_have():
    fenced = Distribution(locators=("DE",), caching=(rule(max_age=60),))
    assert fenced.cache_control("a.mpd", stored()) == "private, max-age=60"


def test_only_a_distribution_without_settings_is_plain():
    assert Distribution().plain
    assert Distribution(template="t1").plain
    settings = {"names": frozenset("a"), "certificate": "c", "locators": ("DE",), "origin": "o"}
    for name, value in settings.items():
        assert not Distribution(**{name: value}).plain
    assert not rewriting(("a", "b")).plain
    assert not Distribution(caching=(rule(),)).plain
