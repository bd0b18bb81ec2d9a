"""JSON lines: the usual names of the usual fields, as structlog, pino, bunyan and the like write them. Pure."""

import json
import math
from collections.abc import Mapping
from typing import Any

from client import clean_text
from examples.log_analyst.entry import Entry, normalise_level
from examples.log_analyst.times import parse_time

__all__ = ["parse_json_line"]

_TIMES = ("timestamp", "time", "@timestamp", "ts", "datetime", "date", "asctime")
_LEVELS = ("level", "severity", "log.level", "levelname", "log_level", "lvl")
_MESSAGES = ("event", "message", "msg", "error", "exception")
_STATUSES = ("status", "status_code", "http_status", "http.status_code")
_METHODS = ("method", "http_method", "request_method")
_PATHS = ("path", "request_path", "uri", "route", "url")
_MILLISECONDS = ("duration_ms", "elapsed_ms", "latency_ms", "took_ms", "response_time_ms", "responseTime")
_SECONDS = ("duration", "duration_seconds", "elapsed", "latency", "request_time", "duration_s")


def parse_json_line(line: str) -> Entry | None:
    """Return what an object says; None for anything that is not an object with at least one field known here."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    entry = _read_entry(fields) if isinstance(fields, dict) else None
    return None if entry == Entry() else entry


def _read_entry(fields: Mapping[str, Any]) -> Entry:
    time = parse_time(_first(fields, _TIMES))
    status = _number(_first(fields, _STATUSES))
    path = _first(fields, _PATHS)
    milliseconds = _number(_first(fields, _MILLISECONDS))
    seconds = _number(_first(fields, _SECONDS))
    return Entry(
        at=time[0] if time else None,
        has_zone=time[1] if time else True,
        level=normalise_level(_first(fields, _LEVELS)),
        status=int(status) if status is not None and 100 <= status <= 599 else None,  # noqa: PLR2004 - HTTP's range
        message=clean_text(_describe(fields)),
        method=clean_text(str(_first(fields, _METHODS) or "")).upper(),
        path=clean_text(path) if isinstance(path, str) and path.startswith(("/", "http://", "https://")) else None,
        duration_ms=milliseconds if milliseconds is not None else None if seconds is None else seconds * 1000,
    )


def _describe(fields: Mapping[str, Any]) -> str:
    """Return the message, with the exception's last line where there is one beside it."""
    message = str(_first(fields, _MESSAGES) or "")
    exception = fields.get("exception") or fields.get("exc_info") or fields.get("error")
    last_line = exception.strip().rpartition("\n")[2] if isinstance(exception, str) else ""
    return message if not last_line or last_line in message else f"{message}: {last_line}"


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:  # noqa: ANN401 - whatever the JSON holds
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
