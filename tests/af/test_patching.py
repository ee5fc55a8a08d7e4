"""The tables of RFC 7396 appendix A and RFC 6902 appendix A, and what they leave to imagination."""

from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.errors import PatchDoesNotApply, PatchMalformed
from fivegms_af.patching import MAX_OPERATIONS, json_patch, merge_patch

MERGES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

PATCHES: list[tuple[Any, list[Any], Any]] = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"foo": "bar", "baz": "qux"}),
    ({"f": ["a", "c"]}, [{"op": "add", "path": "/f/1", "value": "b"}], {"f": ["a", "b", "c"]}),
    ({"f": ["a"]}, [{"op": "add", "path": "/f/1", "value": "b"}], {"f": ["a", "b"]}),
    ({"a": 1, "b": 2}, [{"op": "remove", "path": "/a"}], {"b": 2}),
    ({"f": ["a", "b", "c"]}, [{"op": "remove", "path": "/f/1"}], {"f": ["a", "c"]}),
    ({"a": 1}, [{"op": "replace", "path": "/a", "value": 2}], {"a": 2}),
    ({"a": 1}, [{"op": "replace", "path": "", "value": [1]}], [1]),
    ({"a": 1}, [{"op": "add", "path": "", "value": [1]}], [1]),
    ({"f": {"b": 1}, "q": {}}, [{"op": "move", "from": "/f/b", "path": "/q/t"}],
     {"f": {}, "q": {"t": 1}}),
    ({"f": [1, 2, 3, 4]}, [{"op": "move", "from": "/f/1", "path": "/f/3"}], {"f": [1, 3, 4, 2]}),
    ({"f": 1}, [{"op": "move", "from": "/f", "path": "/f"}], {"f": 1}),
    ({"f": {"a": 1}}, [{"op": "copy", "from": "/f", "path": "/g"}], {"f": {"a": 1}, "g": {"a": 1}}),
    ({"b": "q", "f": ["a", 2]}, [{"op": "test", "path": "/b", "value": "q"},
     {"op": "test", "path": "/f/1", "value": 2.0}], {"b": "q", "f": ["a", 2]}),
    ({"a": {"x": 1, "y": 2}}, [{"op": "test", "path": "/a", "value": {"y": 2, "x": 1}}],
     {"a": {"x": 1, "y": 2}}),
    ({"f": "b"}, [{"op": "add", "path": "/c", "value": {"g": {}}, "xyz": 1}],
     {"f": "b", "c": {"g": {}}}),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    ({"f": ["a"]}, [{"op": "add", "path": "/f/-", "value": ["b"]}], {"f": ["a", ["b"]]}),
    ({"": 1}, [{"op": "replace", "path": "/", "value": 2}], {"": 2}),
    ({"a": None}, [{"op": "test", "path": "/a", "value": None}], {"a": None}),
]  # fmt: skip

NOT_APPLICABLE = [
    [{"op": "test", "path": "/a", "value": "1"}],
    [{"op": "test", "path": "/a", "value": True}],
    [{"op": "test", "path": "/b", "value": None}],
    [{"op": "add", "path": "/b/c", "value": 1}],
    [{"op": "add", "path": "/l/3", "value": 1}],
    [{"op": "add", "path": "/l/01", "value": 1}],
    [{"op": "add", "path": "/l/-1", "value": 1}],
    [{"op": "add", "path": "/l/x", "value": 1}],
    [{"op": "add", "path": "/l/١", "value": 1}],
    [{"op": "add", "path": "/a/b", "value": 1}],
    [{"op": "replace", "path": "/l/2", "value": 1}],
    [{"op": "replace", "path": "/l/-", "value": 1}],
    [{"op": "remove", "path": "/b"}],
    [{"op": "remove", "path": ""}],
    [{"op": "copy", "from": "/b", "path": "/c"}],
    [{"op": "move", "from": "/b", "path": "/c"}],
]

MALFORMED: list[Any] = [
    {"op": "add", "path": "/a", "value": 1},
    "add",
    [1],
    [{}],
    [{"op": "spoil", "path": "/a"}],
    [{"op": ["add"], "path": "/a", "value": 1}],
    [{"op": "add", "path": "/a"}],
    [{"op": "add", "value": 1}],
    [{"op": "add", "path": "a", "value": 1}],
    [{"op": "add", "path": 1, "value": 1}],
    [{"op": "move", "path": "/a"}],
    [{"op": "move", "from": "/l", "path": "/l/0"}],
    [{"op": "move", "from": "", "path": "/l"}],
    [{"op": "test", "path": "/a", "value": 1}] * (MAX_OPERATIONS + 1),
]


@pytest.mark.parametrize(("target", "patch", "merged"), MERGES)
def test_merge_patch(target: Any, patch: Any, merged: Any) -> None:
    before = deepcopy(target)
    assert merge_patch(target, patch) == merged
    assert target == before


@pytest.mark.parametrize(("target", "patch", "patched"), PATCHES)
def test_json_patch(target: Any, patch: Any, patched: Any) -> None:
    before = deepcopy(target), deepcopy(patch)
    assert json_patch(target, patch) == patched
    assert (target, patch) == before


@pytest.mark.parametrize("patch", NOT_APPLICABLE)
def test_a_patch_for_another_state_does_not_apply(patch: Any) -> None:
    with pytest.raises(PatchDoesNotApply):
        json_patch({"a": 1, "l": [1, 2]}, patch)


@pytest.mark.parametrize("patch", MALFORMED)
def test_what_is_no_patch_is_refused(patch: Any) -> None:
    with pytest.raises(PatchMalformed):
        json_patch({"a": 1, "l": [1, 2]}, patch)


def test_a_patch_that_doubles_the_document_over_and_over_is_stopped() -> None:
    doubling = [{"op": "copy", "from": "", "path": f"/{step}"} for step in range(MAX_OPERATIONS)]
    with pytest.raises(PatchMalformed, match="copy"):
        json_patch({"a": "x" * 100}, doubling)


def test_a_patch_that_nests_the_document_in_itself_is_stopped() -> None:
    nesting = [{"op": "copy", "from": "", "path": "/a" * 2**step} for step in range(1, 12)]
    for operations in (nesting[:6], nesting):  # too deep to keep, too deep to handle
        with pytest.raises(PatchMalformed, match=r"deep|recursion"):
            json_patch({"a": {}}, operations)


documents = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("ab/~", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
pointers = st.lists(st.sampled_from(["a", "b", "0", "1", "-", "~0", "~1", ""]), max_size=3).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
operations = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
        "path": pointers,
        "from": pointers,
        "value": documents,
    }
)


@given(documents, st.lists(operations, max_size=5))
def test_any_patch_applies_or_is_named_and_never_touches_its_target(
    target: Any, patch: Any
) -> None:
    before = deepcopy(target)
    with suppress(PatchMalformed, PatchDoesNotApply):
        json_patch(target, patch)
    assert target == before


@given(documents, documents)
def test_merging_twice_is_merging_once(target: Any, patch: Any) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once
