"""From a line to an entry: three formats, and the choice between them. Pure.

Web-server access logs (common and combined, with a request time behind them: `0.123` in seconds as nginx writes it, a
whole number in microseconds as Apache's %D), JSON lines, and plain lines with a level or a time.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never

from examples.log_analyst.entry import Entry, normalise_level
from examples.log_analyst.json_lines import parse_json_line
from examples.log_analyst.times import find_time, parse_access_time

__all__ = ["LogFormat", "detect_format", "is_continuation", "parse_line"]


class LogFormat(StrEnum):
    """What kind of log it is."""

    ACCESS = "access"
    JSON_LINES = "json_lines"
    PLAIN = "plain"


_ACCESS = re.compile(
    r'(?:\S+:\d+ )?\S+ \S+ [^\["]{0,200}\[(?P<time>[^\]]{1,40})\] "(?P<request>(?:[^"\\]|\\.)*)" '
    r'(?P<status>[1-5]\d\d) (?:\d+|-)(?: "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*")?(?P<rest>.*)'
)
_DURATION = re.compile(r"(?<![\w.])(?P<number>\d+(?:\.\d+)?)(?![\w.])")
_NAMED_DURATION = re.compile(
    r"\b(?:rt|request_time|duration|took|in)[=: ]\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s)\b"
)
_LEVEL = re.compile(
    r"\b(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|SEVERE|CRIT(?:ICAL)?|FATAL|ALERT|EMERG|PANIC)\b"
)
_SMALL_LEVEL = re.compile(r"(?:^|[\s\[<(|=])(debug|info|notice|warn(?:ing)?|error|critical|fatal)\s{0,9}[\]>)|:\s]")
_CONTINUATION = re.compile(
    r"\s|Traceback |Caused by|During handling|The above exception|[\w.]+(?:Error|Exception)\b|[}\])]"
)
_HEAD = 200
"""A level further on in a line is a word of the message."""


def parse_line(log_format: LogFormat, line: str) -> Entry | None:
    """Return what the line says in this format; None where it is not of it."""
    match log_format:
        case LogFormat.ACCESS:
            return _parse_access(line)
        case LogFormat.JSON_LINES:
            return parse_json_line(line)
        case LogFormat.PLAIN:
            return _parse_plain(line)
        case _:
            assert_never(log_format)


def detect_format(sample: Sequence[str]) -> LogFormat:
    """Return the format that fits most lines of the sample; plain where nothing fits better."""
    lines = [line for line in sample if line.strip()]
    counts = {
        log_format: sum(parse_line(log_format, line) is not None for line in lines)
        for log_format in (LogFormat.ACCESS, LogFormat.JSON_LINES)
    }
    best = max(counts, key=lambda log_format: counts[log_format])
    return best if lines and counts[best] * 2 >= len(lines) else LogFormat.PLAIN


def is_continuation(line: str) -> bool:
    """Tell whether an unparsable line goes on with the entry before it, as lines of a stack trace do."""
    return _CONTINUATION.match(line) is not None


def _parse_access(line: str) -> Entry | None:
    match = _ACCESS.match(line)
    time = parse_access_time(match["time"]) if match else None
    if match is None or time is None:
        return None
    method, _, target = match["request"].partition(" ")
    path = target.rpartition(" ")[0] or target
    return Entry(
        at=time[0],
        has_zone=time[1],
        status=int(match["status"]),
        message=match["request"],
        method=method if path else "",
        path=path or None,
        duration_ms=_read_access_duration(match["rest"]),
    )


def _read_access_duration(rest: str) -> float | None:
    match = _DURATION.search(rest.replace('"', " ").replace("rt=", " ").replace("request_time=", " "))
    if match is None:
        return None
    number = float(match["number"])
    return number * 1000 if "." in match["number"] else number / 1000


def _parse_plain(line: str) -> Entry | None:
    head = line[:_HEAD]
    match = _LEVEL.search(head) or _SMALL_LEVEL.search(head)
    time = find_time(line)
    if line[:1].isspace() or (match is None and time is None):
        return None
    duration = _NAMED_DURATION.search(line)
    return Entry(
        at=time[0] if time else None,
        has_zone=time[1] if time else True,
        level=normalise_level(match[1]) if match else None,
        message=line[match.end() :].lstrip(" \t]>)|:-") if match else line,
        duration_ms=float(duration["number"]) * (1 if duration["unit"] == "ms" else 1000) if duration else None,
    )
