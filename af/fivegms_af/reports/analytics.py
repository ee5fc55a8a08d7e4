"""Application-layer statistics and predictions of a session's metrics (TR 26.927 5.3). Pure."""

from array import array
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

from fivegms_af.reports.forecast import MIN_VALUES, next_value
from fivegms_af.reports.series import Sample, bucket_start, statistics
from fivegms_api.report_views import BacktestedError, Forecast, MetricAnalytics


def analyse(
    metric: str, samples: Iterable[Sample], bucket_s: int, now: datetime, most: int
) -> MetricAnalytics | None:
    """What the first `most` samples of a metric, newest first, say; None without any.

    The series that is forecast is the mean of each interval that has values and is over.
    """
    newest = iter(samples)
    values = array("d")
    intervals: dict[datetime, list[float]] = {}
    unit = None
    for sample in islice(newest, most):
        values.append(sample.value)
        total = intervals.setdefault(bucket_start(sample.at, bucket_s), [0.0, 0.0])
        total[0] += sample.value
        total[1] += 1
        unit = unit or sample.unit
    if not values:
        return None
    length = timedelta(seconds=bucket_s)
    over = sorted(item for item in intervals.items() if item[0] + length <= now)
    means = [total / count for _, (total, count) in over]
    analytics = MetricAnalytics(
        metric=metric,
        unit=unit,
        complete=next(newest, None) is None,
        statistics=statistics(values),
    )
    if len(means) < MIN_VALUES:
        reason = (
            f"{len(means)} intervals of {bucket_s} s that are over have values; "
            f"a forecast needs {MIN_VALUES}"
        )
        return analytics.model_copy(update={"no_forecast": reason})
    forecast = _forecast(means, over[-1][0], length)
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
