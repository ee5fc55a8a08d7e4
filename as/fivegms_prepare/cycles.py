"""Find a cycle in a directed graph, without recursion: the graph comes from outside."""

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import TypeVar

Vertex = TypeVar("Vertex", bound=Hashable)


def cycle(edges: Mapping[Vertex, Collection[Vertex]]) -> list[Vertex] | None:
    """The vertices of one cycle in the order of its edges, or None if there is none.

    >>> cycle({1: {2}, 2: {3}, 3: {2}})
    [2, 3]
    >>> cycle({1: {2}, 2: set()}) is None
    True
    """
    done: set[Vertex] = set()
    for start in edges:
        loop = _from(start, edges, done)
        if loop:
            return loop
    return None


def _from(
    start: Vertex, edges: Mapping[Vertex, Collection[Vertex]], done: set[Vertex]
) -> list[Vertex] | None:
    """Depth first from `start`; `done` gathers the vertices that lead to no cycle."""
    if start in done:
        return None
    path: dict[Vertex, Iterator[Vertex]] = {start: iter(edges[start])}
    while path:
        vertex = next(reversed(path))
        following = next((other for other in path[vertex] if other not in done), None)
        if following is None:
            done.add(vertex)
            del path[vertex]
        elif following in path:
            trail = list(path)
            return trail[trail.index(following) :]
        else:
            path[following] = iter(edges.get(following, ()))
    return None
