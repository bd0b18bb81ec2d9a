"""From lines to a summary: look at the first lines, choose the format, count the rest, and sum up."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from examples.log_analyst.buckets import make_buckets
from examples.log_analyst.entry import LEVELS
from examples.log_analyst.parse import LogFormat, detect_format, is_continuation, parse_line
from examples.log_analyst.summary import BusyMinute, PathTiming, Summary, Trouble, Unparsable
from examples.log_analyst.tally import Samples, Tally, add_entry
from examples.log_analyst.times import epoch_minute

__all__ = ["analyse_log", "find_percentile"]

_SAMPLE_LINES = 100
_UNPARSABLE_SAMPLES = 3
_SAMPLE_LENGTH = 200
_TOP = 10


@dataclass(slots=True)
class _Lines:
    total: int = 0
    blank: int = 0
    continuation: int = 0
    unparsable: int = 0
    samples: list[str] = field(default_factory=list)


def analyse_log(lines: Iterable[str]) -> Summary:
    """Return what a log says; reads the lines once and keeps none of them."""
    remaining = iter(lines)
    sample = list(islice(remaining, _SAMPLE_LINES))
    log_format = detect_format(sample)
    tally, seen = Tally(), _Lines()
    for line in chain(sample, remaining):
        _count_line(log_format, line, tally, seen)
    return _sum_up(log_format, tally, seen)


def find_percentile(values: Sequence[float], fraction: float) -> float:
    """Return the nearest-rank percentile of sorted values; `fraction` 0 to 1, at least one value."""
    rank = -int(-fraction * len(values) // 1)
    return values[max(0, min(len(values), rank) - 1)]


def _count_line(log_format: LogFormat, line: str, tally: Tally, seen: _Lines) -> None:
    seen.total += 1
    if not line.strip():
        seen.blank += 1
        return
    entry = parse_line(log_format, line)
    if entry is not None:
        add_entry(tally, entry)
    elif tally.parsed and is_continuation(line):
        seen.continuation += 1
    else:
        seen.unparsable += 1
        if len(seen.samples) < _UNPARSABLE_SAMPLES:
            seen.samples.append(line[:_SAMPLE_LENGTH])


def _sum_up(log_format: LogFormat, tally: Tally, seen: _Lines) -> Summary:
    span = 0.0
    if tally.first_at is not None and tally.last_at is not None:
        span = (tally.last_at - tally.first_at).total_seconds()
    return Summary(
        log_format=log_format,
        lines=seen.total,
        parsed=tally.parsed,
        continuation=seen.continuation,
        blank=seen.blank,
        unparsable=Unparsable(count=seen.unparsable, samples=tuple(seen.samples)),
        first_at=tally.first_at,
        last_at=tally.last_at,
        span_seconds=span,
        is_zone_assumed=tally.is_zone_assumed,
        errors=tally.errors,
        levels={level: tally.levels[level] for level in LEVELS if tally.levels[level]},
        statuses=dict(sorted(tally.statuses.items())),
        busiest_minutes=_find_busiest(tally),
        top_errors=_find_troubles(tally),
        top_paths=dict(_rank(tally.paths)),
        slowest_paths=_find_slowest(tally.timings),
        buckets=make_buckets(tally),
    )


def _rank(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_TOP]


def _find_busiest(tally: Tally) -> tuple[BusyMinute, ...]:
    totals = {minute: sum(counts.values()) for minute, counts in tally.minutes.items()}
    busiest = sorted(totals, key=lambda minute: (-totals[minute], minute))[:5]
    return tuple(
        BusyMinute(minute=epoch_minute(minute), count=totals[minute], errors=tally.minute_errors[minute])
        for minute in busiest
    )


def _find_troubles(tally: Tally) -> tuple[Trouble, ...]:
    worst = sorted(tally.troubles.items(), key=lambda item: (-item[1].count, item[0]))[:_TOP]
    return tuple(
        Trouble(text=text, count=seen.count, example=seen.example, first_at=seen.first_at, last_at=seen.last_at)
        for text, seen in worst
    )


def _find_slowest(timings: dict[str, Samples]) -> tuple[PathTiming, ...]:
    timed = (_time_path(path, samples) for path, samples in timings.items())
    return tuple(sorted(timed, key=lambda timing: (-timing.p95_ms, timing.path))[:_TOP])


def _time_path(path: str, samples: Samples) -> PathTiming:
    values = sorted(samples.values)
    return PathTiming(
        path=path,
        count=samples.count,
        p50_ms=round(find_percentile(values, 0.50), 3),
        p95_ms=round(find_percentile(values, 0.95), 3),
        max_ms=round(samples.largest, 3),
    )
