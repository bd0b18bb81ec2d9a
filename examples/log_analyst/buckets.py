"""The bars of the chart: stretches of time of a round length, so many that they can be told apart. Pure."""

import math
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from examples.log_analyst.summary import Bucket
from examples.log_analyst.tally import Tally

__all__ = ["MOST_BUCKETS", "make_buckets"]

MOST_BUCKETS = 60
_DAY = 86_400
_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, _DAY)
"""Seconds; longer ones are whole numbers of days."""


def make_buckets(tally: Tally) -> tuple[Bucket, ...]:
    """Return the bars from the first time to the last without gaps; none for a log without times.

    Bars may be shorter than a minute where the log has few different seconds.
    """
    if not tally.times:
        return ()
    first, last = (int(tally.times[end].timestamp()) for end in ("first", "last"))
    is_by_second = _has_every_second(tally)
    counts = tally.seconds if is_by_second else {minute * 60: seen for minute, seen in tally.minutes.items()}
    width = _find_width(last - first + 1, 1 if is_by_second else 60)
    return _fill(counts, first // width * width, last, width)


def _has_every_second(tally: Tally) -> bool:
    by_second = sum(sum(seen.values()) for seen in tally.seconds.values())
    return by_second == sum(sum(seen.values()) for seen in tally.minutes.values())


def _find_width(span: int, least: int) -> int:
    fitting = (width for width in _WIDTHS if width >= least and span / width < MOST_BUCKETS)
    days = math.ceil(span / (MOST_BUCKETS - 1) / _DAY)
    return next(fitting, days * _DAY)


def _fill(counts: Mapping[int, Counter[str]], start: int, last: int, width: int) -> tuple[Bucket, ...]:
    bars: dict[int, Counter[str]] = {second: Counter() for second in range(start, last + 1, width)}
    for second, seen in counts.items():
        bars[max(start, second // width * width)].update(seen)
    return tuple(
        Bucket(start=datetime.fromtimestamp(second, UTC), seconds=width, counts=dict(seen))
        for second, seen in bars.items()
    )
