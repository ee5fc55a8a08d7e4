"""Many values in the order of time, and what they say together. Pure.

Samples are read once and in order, so that memory holds the values of one bucket, however long
the period is.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from fivegms_af.errors import MembersRefused
from fivegms_af.reports.paging import Period, refused
from fivegms_api.report_views import Bucket, Statistics

MAX_SAMPLES = 250_000
"""What one answer is made of at most, so that a busy machine has it in time too."""
MAX_BUCKETS = 10_000
MAX_BUCKET_S = 30 * 86_400
DAY = timedelta(days=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


_NO_LABELS: Mapping[str, str] = MappingProxyType({})


class Sample(NamedTuple):
    """A value of a parameter at an instant; `labels` say where it comes from.

    A tuple, because MAX_SAMPLES of them may pass for one answer.
    """

    at: datetime
    parameter: str
    unit: str | None
    value: float
    labels: Mapping[str, str] = _NO_LABELS


def bounded(samples: Iterable[Sample], limit: int) -> Iterator[Sample]:
    """The samples; raises MembersRefused after `limit` of them."""
    for number, sample in enumerate(samples):
        if number == limit:
            raise too_many(limit)
        yield sample


def too_many(limit: int) -> MembersRefused:
    """The refusal of a period that has more than `limit` values."""
    return refused("from", f"the period has more than {limit} values; ask for a shorter one")


def last_day(now: datetime) -> Period:
    """The period of a request that names none."""
    return Period(now - DAY, now)


def check_ends(period: Period) -> tuple[datetime, datetime]:
    """Both ends of a period. Raises MembersRefused where it lacks one."""
    if period.since is None or period.until is None:
        raise refused("from", "the period needs both ends")
    return period.since, period.until


def check_buckets(period: Period, bucket_s: int) -> tuple[datetime, datetime]:
    """Both ends of a period. Raises MembersRefused where it has more than MAX_BUCKETS."""
    since, until = check_ends(period)
    if (until - since).total_seconds() > MAX_BUCKETS * bucket_s:
        raise refused("bucket", f"cuts the period into more than {MAX_BUCKETS} buckets")
    return since, until


def bucket_start(at: datetime, bucket_s: int) -> datetime:
    """When the bucket began that `at` is in; buckets begin at multiples of their length.

    >>> bucket_start(datetime(2026, 11, 23, 12, 0, 59, tzinfo=UTC), 60).second
    0
    """
    return at - (at - _EPOCH) % timedelta(seconds=bucket_s)


def buckets(samples: Iterable[Sample], bucket_s: int) -> Iterator[Bucket]:
    """What the values of each bucket say; samples in the order of time."""
    for start, group in groupby(samples, key=lambda sample: bucket_start(sample.at, bucket_s)):
        values = array("d", (sample.value for sample in group))
        yield Bucket(start=start, **statistics(values).model_dump())


def statistics(values: "array[float]") -> Statistics:
    """What at least one value says."""
    numbers = np.frombuffer(values, dtype=np.float64)
    p50, p95 = np.percentile(numbers, (50, 95), method="inverted_cdf")
    return Statistics(
        count=len(numbers),
        mean=float(numbers.mean()),
        minimum=float(numbers.min()),
        maximum=float(numbers.max()),
        p50=float(p50),
        p95=float(p95),
    )
