"""The next value of a series, with how wrong such forecasts were about its past. Pure.

Three methods run along the series: the value before, an exponentially weighted mean, and Holt's
level and trend. Each forecast is that of the method that was least wrong until then, also in the
back-test, so the error that is told includes the choice of the method.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import fmean

MIN_VALUES = 8
"""A forecast from fewer values would be a guess."""

_WARM_UP = 3
_COVERAGE = 0.9
_MEAN_WEIGHT = 0.3
_LEVEL_WEIGHT, _TREND_WEIGHT = 0.5, 0.2


@dataclass(frozen=True, slots=True)
class NextValue:
    """A forecast. `margin` covers nine of ten back-tested errors; `errors` are all of them."""

    value: float
    margin: float
    method: str
    errors: tuple[float, ...]

    @property
    def mean_absolute_error(self) -> float:
        """Of the back-test."""
        return fmean(abs(error) for error in self.errors)

    @property
    def root_mean_square_error(self) -> float:
        """Of the back-test."""
        return sqrt(fmean(error**2 for error in self.errors))


def next_value(series: Sequence[float]) -> NextValue:
    """The forecast of what follows `series`. Raises ValueError for fewer than MIN_VALUES.

    >>> next_value([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).method
    'holt'
    """
    if len(series) < MIN_VALUES:
        raise ValueError(f"a forecast needs {MIN_VALUES} values")
    forecasts = {name: list(method(series)) for name, method in _METHODS.items()}
    wrong = dict.fromkeys(_METHODS, 0.0)
    errors = []
    for place in range(1, len(series)):
        if place >= _WARM_UP:
            chosen = _least(wrong)
            errors.append(series[place] - forecasts[chosen][place - 1])
        for name in _METHODS:
            wrong[name] += abs(series[place] - forecasts[name][place - 1])
    chosen = _least(wrong)
    return NextValue(forecasts[chosen][-1], _margin(errors), chosen, tuple(errors))


def _least(wrong: Mapping[str, float]) -> str:
    return min(wrong, key=lambda name: wrong[name])


def _margin(errors: Sequence[float]) -> float:
    sizes = sorted(abs(error) for error in errors)
    return sizes[ceil(_COVERAGE * len(sizes)) - 1]


def _value_before(series: Sequence[float]) -> Iterator[float]:
    yield from series


def _weighted_mean(series: Sequence[float]) -> Iterator[float]:
    mean = series[0]
    for value in series:
        mean += _MEAN_WEIGHT * (value - mean)
        yield mean


def _holt(series: Sequence[float]) -> Iterator[float]:
    level, trend = series[0], 0.0
    for place, value in enumerate(series):
        expected = level + trend
        before, level = level, expected + _LEVEL_WEIGHT * (value - expected)
        if place == 1:  # the first step is all that is known of the trend
            level, trend = value, value - before
        else:
            trend += _TREND_WEIGHT * (level - before - trend)
        yield level + trend


_METHODS: Mapping[str, Callable[[Sequence[float]], Iterator[float]]] = {
    "value-before": _value_before,
    "weighted-mean": _weighted_mean,
    "holt": _holt,
}
"""Each yields, after every value, its forecast of the next."""
