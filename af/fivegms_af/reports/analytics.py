"""Application-layer statistics and predictions of a session's metrics (TR 26.927 5.3). Pure."""

from array import array
from collections.abc import Iterable
from datetime import datetime, timedelta

from fivegms_af.reports.forecast import MIN_VALUES, next_value
from fivegms_af.reports.series import Sample, bucket_start, statistics
from fivegms_api.report_views import BacktestedError, Forecast, MetricAnalytics


def analyse(
    metric: str, samples: Iterable[Sample], bucket_s: int, now: datetime
) -> MetricAnalytics | None:
    """What the samples of a metric, in the order of time, say; None without any.

    The series that is forecast is the mean of each interval that has values and is over.
    """
    values = array("d")
    intervals: dict[datetime, list[float]] = {}
    unit = None
    for sample in samples:
        values.append(sample.value)
        total = intervals.setdefault(bucket_start(sample.at, bucket_s), [0.0, 0.0])
        total[0] += sample.value
        total[1] += 1
        unit = sample.unit
    if not values:
        return None
    length = timedelta(seconds=bucket_s)
    means = {start: total / n for start, (total, n) in intervals.items() if start + length <= now}
    analytics = MetricAnalytics(metric=metric, unit=unit, statistics=statistics(values))
    if len(means) < MIN_VALUES:
        reason = (
            f"{len(means)} intervals of {bucket_s} s that are over have values; "
            f"a forecast needs {MIN_VALUES}"
        )
        return analytics.model_copy(update={"no_forecast": reason})
    forecast = _forecast(list(means.values()), max(means), length)
    return analytics.model_copy(update={"forecast": forecast})


def _forecast(means: list[float], last: datetime, length: timedelta) -> Forecast:
    """Of the interval after the last one that is over and has values."""
    found = next_value(means)
    return Forecast(
        start=last + length,
        end=last + 2 * length,
        value=found.value,
        low=found.value - found.margin,
        high=found.value + found.margin,
        method=found.method,
        backtest=BacktestedError(
            count=len(found.errors),
            mean_absolute=found.mean_absolute_error,
            root_mean_square=found.root_mean_square_error,
        ),
    )
