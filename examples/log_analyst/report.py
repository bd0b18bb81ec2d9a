"""The Markdown artifact: what a person wants to know first, then the tables. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from examples.log_analyst.summary import Summary

__all__ = ["write_report"]

_FORMAT_NAMES = {"access": "web-server access log", "json_lines": "log of JSON lines", "plain": "plain log"}
_LONGEST_CELL = 120


def write_report(summary: Summary, title: str = "Log") -> str:
    """Return the report as Markdown; sections that would be empty are left out."""
    sections = (
        f"# {_cell(title)}",
        _headline(summary),
        _table("Levels", ("level", "lines", "share"), _shares(summary.levels)),
        _table("Statuses", ("status", "requests", "share"), _shares(summary.statuses)),
        _table("Most frequent errors", ("error", "count", "first", "last"), _errors(summary)),
        _table("Slowest paths", ("path", "requests", "p50", "p95", "longest"), _timings(summary)),
        _table(
            "Most requested paths",
            ("path", "requests"),
            ((f"`{_cell(path)}`", count) for path, count in summary.top_paths.items()),
        ),
        _table("Busiest minutes (UTC)", ("minute", "lines", "errors"), _minutes(summary)),
        _unparsable(summary),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _headline(summary: Summary) -> str:
    if summary.lines == summary.blank:
        return "The log is empty: there is nothing to analyse."
    if not summary.parsed:
        return f"None of the {summary.lines:,} lines could be understood."
    name = _FORMAT_NAMES[summary.log_format]
    share = summary.errors / summary.parsed
    errors = f"**{_count(summary.errors, 'error')}** ({share:.1%})" if summary.errors else "**no errors**"
    sentences = [f"A {name} of {_count(summary.lines, 'line')} with {errors}."]
    if summary.first_at is not None and summary.last_at is not None:
        times = f"from {_time(summary.first_at)} to {_time(summary.last_at)} UTC"
        sentences.append(f"It spans {_duration(summary.span_seconds)}, {times}.")
    if summary.top_errors:
        worst = summary.top_errors[0]
        sentences.append(f"The most frequent error is `{_cell(worst.text)}` ({_count(worst.count, 'time')}).")
    if summary.slowest_paths:
        slowest = summary.slowest_paths[0]
        sentences.append(f"The slowest path is `{_cell(slowest.path)}` with a p95 of {_milliseconds(slowest.p95_ms)}.")
    if summary.is_zone_assumed:
        sentences.append("Times without a zone were taken as UTC.")
    return " ".join(sentences)


def _shares(counts: dict[str, int]) -> list[tuple[object, ...]]:
    total = sum(counts.values())
    return [(name, f"{count:,}", f"{count / total:.1%}") for name, count in counts.items()]


def _errors(summary: Summary) -> list[tuple[object, ...]]:
    return [
        (f"`{_cell(error.text)}`", f"{error.count:,}", _time(error.first_at), _time(error.last_at))
        for error in summary.top_errors
    ]


def _timings(summary: Summary) -> list[tuple[object, ...]]:
    return [
        (
            f"`{_cell(timing.path)}`",
            f"{timing.count:,}",
            *map(_milliseconds, (timing.p50_ms, timing.p95_ms, timing.max_ms)),
        )
        for timing in summary.slowest_paths
    ]


def _minutes(summary: Summary) -> list[tuple[object, ...]]:
    return [
        (f"{busy.minute:%Y-%m-%d %H:%M}", f"{busy.count:,}", f"{busy.errors:,}") for busy in summary.busiest_minutes
    ]


def _unparsable(summary: Summary) -> str:
    if not summary.unparsable.count or not summary.parsed:
        return ""
    samples = "\n".join(f"    {_printable(sample[:_LONGEST_CELL])}" for sample in summary.unparsable.samples)
    count = _count(summary.unparsable.count, "line")
    return f"## Lines of another form\n\n{count} could not be understood, such as:\n\n{samples}"


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    body = [f"| {' | '.join(map(str, row))} |" for row in rows]
    if not body:
        return ""
    alignment = ["---", *(["---:"] * (len(columns) - 1))]
    head = [f"| {' | '.join(columns)} |", f"| {' | '.join(alignment)} |"]
    return "\n".join([f"## {title}", "", *head, *body])


def _cell(text: str) -> str:
    """Return text that can stand between backticks in a table."""
    plain = _printable(" ".join(text.replace("`", "'").replace("|", "¦").split()))
    return plain if len(plain) <= _LONGEST_CELL else plain[: _LONGEST_CELL - 1] + "…"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def _milliseconds(value: float) -> str:
    return f"{value / 1000:,.2f} s" if value >= 1000 else f"{value:.3g} ms"  # noqa: PLR2004 - milliseconds in a second


def _duration(seconds: float) -> str:
    for size, noun in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {noun}s"
    return f"{seconds:.0f} seconds" if seconds >= 10 else f"{seconds:.1f} seconds"  # noqa: PLR2004 - a digit is enough
