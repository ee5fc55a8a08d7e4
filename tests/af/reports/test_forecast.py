"""Forecasts and analytics by value: they follow what is there, and tell how wrong they were."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.reports.analytics import analyse
from fivegms_af.reports.forecast import MIN_VALUES, next_value
from fivegms_af.reports.series import Sample

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_constant_stays_and_was_never_wrong() -> None:
    found = next_value([5.0] * 20)
    assert (found.value, found.margin, found.mean_absolute_error) == (5, 0, 0)


def test_a_trend_goes_on() -> None:
    found = next_value([3.0 * place for place in range(30)])
    assert found.value == pytest.approx(90)
    assert found.method == "holt"


def test_a_walk_is_where_it_was() -> None:
    steps = [0.0, 5, 5, 9, 9, 9, 4, 4, 4, 4, 12, 12, 12, 12]
    assert next_value(steps).method == "value-before"


def test_noise_about_a_mean_is_smoothed() -> None:
    noise = [10 + 3 * math.sin(place * 2.9) for place in range(40)]
    found = next_value(noise)
    assert found.method == "weighted-mean"
    assert found.value == pytest.approx(10, abs=2)


def test_the_margin_covers_nine_of_ten_errors() -> None:
    found = next_value([math.sin(place) + place % 7 for place in range(60)])
    covered = sum(abs(error) <= found.margin for error in found.errors)
    assert covered >= 0.9 * len(found.errors)
    assert found.root_mean_square_error >= found.mean_absolute_error


def test_too_few_values() -> None:
    with pytest.raises(ValueError, match="needs 8"):
        next_value([1.0] * (MIN_VALUES - 1))


@given(st.lists(st.floats(0, 1e18), min_size=MIN_VALUES, max_size=50))
def test_any_series_has_a_finite_forecast(series: list[float]) -> None:
    found = next_value(series)
    assert math.isfinite(found.value)
    assert math.isfinite(found.root_mean_square_error)
    assert len(found.errors) == len(series) - 3


def samples(count: int) -> list[Sample]:
    """One each minute, the newest first."""
    return [Sample(NOON + timedelta(minutes=n), "x", "ms", float(n)) for n in range(count)][::-1]


def test_an_interval_that_is_not_over_is_not_forecast_from() -> None:
    now = NOON + timedelta(minutes=10, seconds=30)
    analytics = analyse("x", samples(11), 60, now, most=99)
    assert analytics is not None
    assert analytics.forecast is not None
    assert analytics.statistics.count == 11
    assert analytics.forecast.start == NOON + timedelta(minutes=10)
    assert analytics.forecast.backtest.count == 7


def test_nothing_is_said_of_nothing() -> None:
    assert analyse("x", [], 60, NOON, most=99) is None


def test_the_newest_values_are_analysed_and_it_is_said_that_there_are_more() -> None:
    now = NOON + timedelta(days=1)
    some = analyse("x", samples(20), 60, now, most=9)
    assert some is not None
    assert (some.complete, some.statistics.count, some.statistics.minimum) == (False, 9, 11)
    assert some.forecast is not None
    assert some.forecast.value == pytest.approx(20)
    every = analyse("x", samples(20), 60, now, most=20)
    assert every is not None
    assert every.complete
