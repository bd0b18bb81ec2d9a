"""From lines to a summary: look at the first lines, choose the format, count the rest, and sum up."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from examples.log_analyst.buckets import make_buckets
from examples.log_analyst.entry import LEVELS, Entry
from examples.log_analyst.parse import LogFormat, detect_format, is_continuation, parse_line
from examples.log_analyst.summary import BusyMinute, PathTiming, Summary, Trouble, Unparsable
from examples.log_analyst.tally import Samples, Tally, add_entry
from examples.log_analyst.times import epoch_minute

__all__ = ["analyse_log", "find_percentile"]

_SAMPLE_LINES = 100
_UNPARSABLE_SAMPLES = 3
_SAMPLE_LENGTH = 200
_TOP = 10


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines by kind: `blank`, `parsed`, `continuation`, `unparsable`; and samples of the last."""

    kinds: Counter[str] = field(default_factory=Counter)
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
    entry = parse_line(log_format, line) if line.strip() else None
    kind = _find_kind(line, entry, is_first=not seen.kinds["parsed"])
    seen.kinds[kind] += 1
    if entry is not None:
        add_entry(tally, entry)
    if kind == "unparsable" and len(seen.samples) < _UNPARSABLE_SAMPLES:
        seen.samples.append(line[:_SAMPLE_LENGTH])


def _find_kind(line: str, entry: Entry | None, *, is_first: bool) -> str:
    if not line.strip():
        return "blank"
    if entry is not None:
        return "parsed"
    return "continuation" if not is_first and is_continuation(line) else "unparsable"


def _sum_up(log_format: LogFormat, tally: Tally, seen: _Lines) -> Summary:
    first_at, last_at = tally.times.get("first"), tally.times.get("last")
    return Summary(
        log_format=log_format,
        lines=seen.kinds.total(),
        parsed=seen.kinds["parsed"],
        continuation=seen.kinds["continuation"],
        blank=seen.kinds["blank"],
        unparsable=Unparsable(count=seen.kinds["unparsable"], samples=tuple(seen.samples)),
        first_at=first_at,
        last_at=last_at,
        span_seconds=(last_at - first_at).total_seconds() if first_at and last_at else 0.0,
        is_zone_assumed=tally.totals["without_zone"] > 0,
        errors=tally.totals["errors"],
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
