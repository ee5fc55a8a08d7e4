"""Which cuts to take for a number of subsets: the best by bytes, multiply-accumulates or memory.

Pure: it reads a survey's figures and nothing is cut. All ways to choose are compared, by dynamic
programming over the cuts, so the result is the best there is among the cuts of `cuts.find_cuts`:

- `bytes`: as few as possible between subsets, all cuts together;
- `macs`, `memory`: the subset that needs most needs as little as possible; among equals, the fewest
  bytes between subsets.

By bytes alone the best cut of most networks is the last, after all the work; limits on the first
subset, the UE's, make it a choice.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from fivegms_api.model_preparation import CutSearch
from fivegms_prepare.cuts import Cut, Survey
from fivegms_prepare.errors import NoCutFound

Figures = NDArray[np.float64]
Columns = Callable[[Survey, Sequence[int]], Iterator[Figures]]
"""What a subset needs, by where it ends and starts.

For each boundary in order but the first, the needs of the subsets that end there, one for each
earlier boundary that they can start at. A boundary is the last node before it; the first is -1.
"""


def search_cuts(survey: Survey, request: CutSearch) -> tuple[Cut, ...]:
    """The cuts between `request.subsets` subsets, in execution order. Raises NoCutFound."""
    cuts = [cut for cut in survey.cuts if _fits(cut.size_bytes, request.max_cut_bytes)]
    heads = np.array([_fits_a_head(cut, request) for cut in cuts], bool)
    boundaries = [-1, *(cut.position for cut in cuts), len(survey.nodes) - 1]
    sizes = np.array([0.0, *(float(cut.size_bytes or 0) for cut in cuts), 0.0])
    first = np.array([False, *heads, False])
    columns = _COLUMNS[request.minimise]

    def needs() -> Iterator[Figures]:
        return columns(survey, boundaries)

    ceiling = _lowest_ceiling(needs(), first, request.subsets)
    if not np.isfinite(ceiling):
        raise NoCutFound(_why_not(survey, request))
    chosen = _fewest_bytes(needs(), sizes, first, request.subsets, ceiling)
    return tuple(cuts[index - 1] for index in chosen)


def _fits(figure: int | None, limit: int | None) -> bool:
    return figure is not None and (limit is None or figure <= limit)


def _fits_a_head(cut: Cut, request: CutSearch) -> bool:
    limits = (
        (cut.head.macs, request.max_head_macs),
        (cut.head.memory_bytes, request.max_head_memory_bytes),
    )
    return all(limit is None or _fits(figure, limit) for figure, limit in limits)


def _why_not(survey: Survey, request: CutSearch) -> str:
    sizes = [cut.size_bytes for cut in survey.cuts if cut.size_bytes is not None]
    fitting = sum(_fits_a_head(cut, request) for cut in survey.cuts)
    return (
        f"no {request.subsets} subsets can be found: of {len(survey.cuts)} cuts, {len(sizes)} have "
        f"a known size, at least {min(sizes, default=0)} bytes, and {fitting} have a first subset "
        "within the limits: relax the limits or ask for fewer subsets"
    )


def _no_needs(_survey: Survey, boundaries: Sequence[int]) -> Iterator[Figures]:
    for end in range(1, len(boundaries)):
        yield np.zeros(end)


def _macs(survey: Survey, boundaries: Sequence[int]) -> Iterator[Figures]:
    counts = (np.inf if node.macs is None else float(node.macs) for node in survey.nodes)
    sums = np.array([*accumulate(counts, initial=0.0)])[np.add(boundaries, 1)]
    for end in range(1, len(boundaries)):
        yield _difference(sums[end], sums[:end])


def _difference(whole: float, parts: Figures) -> Figures:
    return whole - parts if np.isfinite(whole) else np.full(len(parts), np.inf)


def _memory(survey: Survey, boundaries: Sequence[int]) -> Iterator[Figures]:
    """A constant weighs in every subset that reads it, however often it does."""
    weights = np.zeros(len(boundaries))
    live = np.zeros(len(boundaries))
    read_at: dict[str, int] = {}
    end = 1
    for index, node in enumerate(survey.nodes):
        for name in survey.constants[index]:
            # New in a subset that starts at or after the node that read it last.
            start = int(np.searchsorted(boundaries, read_at.get(name, -1)))
            weights[start:end] += survey.weights_bytes[name]
            read_at[name] = index
        here = np.inf if node.live_bytes is None else float(node.live_bytes)
        np.maximum(live[:end], here, out=live[:end])
        if index == boundaries[end]:
            yield weights[:end] + live[:end]
            end += 1


_COLUMNS: dict[str, Columns] = {"bytes": _no_needs, "macs": _macs, "memory": _memory}


def _lowest_ceiling(needs: Iterator[Figures], first: NDArray[np.bool_], subsets: int) -> float:
    """The least that the neediest of the subsets can need; infinite where there is no way."""
    reached = np.full((subsets + 1, len(first)), np.inf)
    for end, column in enumerate(needs, start=1):
        if first[end]:
            reached[1, end] = column[0]
        for count in range(2, subsets + 1):
            reached[count, end] = np.min(np.maximum(reached[count - 1, :end], column))
    return float(reached[subsets, -1])


def _fewest_bytes(
    needs: Iterator[Figures],
    sizes: Figures,
    first: NDArray[np.bool_],
    subsets: int,
    ceiling: float,
) -> list[int]:
    """The boundaries between subsets none of which needs more than the ceiling."""
    crossed = np.full((subsets + 1, len(first)), np.inf)
    before = np.zeros((subsets + 1, len(first)), int)
    for end, column in enumerate(needs, start=1):
        if first[end] and column[0] <= ceiling:
            crossed[1, end] = sizes[end]
        for count in range(2, subsets + 1):
            so_far = np.where(column <= ceiling, crossed[count - 1, :end], np.inf)
            start = int(np.argmin(so_far))
            before[count, end], crossed[count, end] = start, so_far[start] + sizes[end]
    chosen = [int(before[subsets, -1])]
    for count in range(subsets - 1, 1, -1):
        chosen.insert(0, int(before[count, chosen[0]]))
    return chosen
