"""The bookkeeping of eviction, against the plainest model of it."""

from hypothesis import given
from hypothesis import strategies as st

from fivegms_as.pull_cache import PullCache


def filled(capacity_bytes, **sizes):
    cache = PullCache(capacity_bytes)
    for path, size_bytes in sizes.items():
        cache.put(("s", path), size_bytes)
    return cache


def test_the_least_recently_used_goes_until_the_rest_fits():
    cache = filled(10, a=4, b=4, c=4, d=4)
    cache.use(("s", "a"))
    assert cache.shed(()) == [("s", "b"), ("s", "c")]
    assert cache.size_bytes == 8
    assert cache.shed(()) == []


def test_what_is_kept_stays_and_counts():
    cache = filled(5, a=4, b=4, c=4)
    assert cache.shed({("s", "a")}) == [("s", "b"), ("s", "c")]
    assert ("s", "a") in cache


def test_a_session_is_followed_without_losing_its_order():
    cache = filled(8, a=4, b=4)
    cache.follow("s", {"c": 4, "b": 4, "a": 4})
    assert cache.shed(()) == [("s", "a")]
    cache.follow("s", {"c": 4})
    assert cache.size_bytes == 4
    cache.follow("other", {})
    assert ("s", "c") in cache


_PATHS = st.sampled_from("abcdef")
_STEPS = st.one_of(
    st.tuples(st.just("put"), _PATHS, st.integers(0, 9)),
    st.tuples(st.just("use"), _PATHS, st.none()),
    st.tuples(st.just("drop"), _PATHS, st.none()),
)


@given(steps=st.lists(_STEPS, max_size=40), capacity_bytes=st.integers(1, 20))
def test_it_is_a_list_by_last_use_that_is_cut_at_the_front(steps, capacity_bytes):
    cache = PullCache(capacity_bytes)
    model = []
    for step, path, size_bytes in steps:
        held = dict(model)
        model = [entry for entry in model if step == "use" or entry[0] != path]
        match step:
            case "put":
                cache.put(("s", path), size_bytes)
                model.append((path, size_bytes))
            case "use":
                cache.use(("s", path))
                model = [e for e in model if e[0] != path] + [e for e in model if e[0] == path]
            case "drop":
                cache.drop(("s", path))
        gone = []
        while sum(size for _, size in model) > capacity_bytes:
            gone.append(("s", model.pop(0)[0]))
        assert cache.shed(()) == gone
        assert cache.size_bytes == sum(size for _, size in model)
        assert all((("s", p) in cache) == (p in dict(model)) for p in (*held, path))
