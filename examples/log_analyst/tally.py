"""Counting entries one by one, in bounded memory however long the log is."""

from array import array
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from examples.log_analyst.entry import Entry
from examples.log_analyst.normalise import normalise_message, normalise_path

__all__ = ["MOST_KINDS", "Samples", "Seen", "Tally", "add_entry", "add_sample", "find_category", "is_error"]

MOST_KINDS = 10_000
"""Different errors or paths that are told apart; the rest counts as `(other)`."""

_OTHER = "(other)"
_MOST_SECONDS = 900
"""Seconds that are counted one by one; beyond, minutes must do."""

_MOST_SAMPLES = 8_192
_FIRST_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Samples:
    """Durations in milliseconds: all of them, then every second, every fourth… so that the number stays bounded."""

    values: "array[float]" = field(default_factory=lambda: array("d"))
    step: int = 1
    count: int = 0
    largest: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """An error that was seen: how often, an example, and when."""

    example: str
    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Everything counted so far; `minutes` and `seconds` are keyed by the epoch's.

    `totals` has `parsed`, `errors` and `without_zone`; `times` has `first` and `last` once a line had a time.
    """

    totals: Counter[str] = field(default_factory=Counter)
    times: dict[str, datetime] = field(default_factory=dict)
    levels: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    minutes: dict[int, Counter[str]] = field(default_factory=dict)
    seconds: dict[int, Counter[str]] = field(default_factory=dict)
    minute_errors: Counter[int] = field(default_factory=Counter)
    troubles: dict[str, Seen] = field(default_factory=dict)
    paths: Counter[str] = field(default_factory=Counter)
    timings: dict[str, Samples] = field(default_factory=dict)


def add_entry(tally: Tally, entry: Entry) -> None:
    """Count one entry."""
    tally.totals["parsed"] += 1
    if entry.level is not None:
        tally.levels[entry.level] += 1
    if entry.status is not None:
        tally.statuses[str(entry.status)] += 1
    if entry.at is not None:
        _add_time(tally, entry.at, find_category(entry))
        tally.totals["without_zone"] += not entry.has_zone
    if is_error(entry):
        _add_trouble(tally, entry)
    if entry.path is not None:
        _add_path(tally, entry, entry.path)


def is_error(entry: Entry) -> bool:
    """Tell whether the entry is a server error, or a line of the level error or critical."""
    return entry.level in {"error", "critical"} or (entry.status or 0) >= _FIRST_SERVER_ERROR


def find_category(entry: Entry) -> str:
    """Return what the entry counts as in the chart: its level, else its status class, else `other`."""
    if entry.level is not None:
        return entry.level
    return "other" if entry.status is None else f"{entry.status // 100}xx"


def add_sample(samples: Samples, value: float) -> Samples:
    """Return the samples with one more; at the bound every second one is dropped, and kept from then on."""
    if samples.count % samples.step == 0:
        samples.values.append(value)
    is_full = len(samples.values) >= _MOST_SAMPLES
    return Samples(
        values=samples.values[::2] if is_full else samples.values,
        step=samples.step * 2 if is_full else samples.step,
        count=samples.count + 1,
        largest=max(samples.largest, value),
    )


def _add_time(tally: Tally, at: datetime, category: str) -> None:
    second = int(at.timestamp())
    tally.times["first"] = min(at, tally.times.get("first", at))
    tally.times["last"] = max(at, tally.times.get("last", at))
    tally.minutes.setdefault(second // 60, Counter())[category] += 1
    if second in tally.seconds or len(tally.seconds) < _MOST_SECONDS:
        tally.seconds.setdefault(second, Counter())[category] += 1


def _add_trouble(tally: Tally, entry: Entry) -> None:
    tally.totals["errors"] += 1
    if entry.at is not None:
        tally.minute_errors[int(entry.at.timestamp()) // 60] += 1
    request = f"{entry.method} {normalise_path(entry.path)}".strip() if entry.path is not None else ""
    message = normalise_message(entry.message) if entry.level is not None or not request else ""
    status = f"{entry.status} " if entry.status is not None else ""
    text = f"{status}{' '.join(filter(None, (request, message)))}".strip() or "(no message)"
    name = _bound(tally.troubles, text)
    tally.troubles[name] = _see_again(tally.troubles.get(name, Seen(entry.message[:500])), entry.at)


def _see_again(seen: Seen, at: datetime | None) -> Seen:
    if at is None:
        return replace(seen, count=seen.count + 1)
    first_at, last_at = min(at, seen.first_at or at), max(at, seen.last_at or at)
    return Seen(seen.example, seen.count + 1, first_at, last_at)


def _add_path(tally: Tally, entry: Entry, path: str) -> None:
    name = f"{entry.method} {normalise_path(path)}".strip()
    tally.paths[_bound(tally.paths, name)] += 1
    if entry.duration_ms is not None and entry.duration_ms >= 0:
        timed = _bound(tally.timings, name)
        tally.timings[timed] = add_sample(tally.timings.get(timed, Samples()), entry.duration_ms)


def _bound[Value](known: dict[str, Value] | Counter[str], name: str) -> str:
    return name if name in known or len(known) < MOST_KINDS else _OTHER
