"""Reading the times that logs write. A time without a zone is taken as UTC, and the caller is told. Pure."""

import re
from datetime import UTC, datetime, timedelta, timezone

__all__ = ["epoch_minute", "find_time", "parse_access_time", "parse_time"]

_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_ACCESS_TIME = re.compile(r"(\d{2})/([A-Za-z]{3})/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?: ([+-])(\d{2}):?(\d{2}))?")
_ISO_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?(?:Z|UTC\b|[+-]\d{2}:?\d{2}))?"
)
_FRACTION = re.compile(r"(?<=[.])\d+")
_MILLISECONDS_FROM = 1e11
"""Epoch numbers above it are in milliseconds: in seconds it lies in the year 5138."""
_LARGEST_EPOCH_SECONDS = 253_402_300_799.0


def parse_time(value: object) -> tuple[datetime, bool] | None:
    """Return the time (in UTC) of ISO 8601 text or an epoch number, and whether it named a zone; None without one."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _from_epoch(float(value))
    match = _ISO_TIME.match(str(value).strip())
    return None if match is None else _from_iso(match[0])


def find_time(line: str) -> tuple[datetime, bool] | None:
    """Return the first ISO time within the line's first 80 characters."""
    match = _ISO_TIME.search(line[:80])
    return None if match is None else _from_iso(match[0])


def parse_access_time(text: str) -> tuple[datetime, bool] | None:
    """Return the time of `22/Nov/2026:10:15:32 +0100`; None where it is not one."""
    match = _ACCESS_TIME.fullmatch(text)
    month = _MONTHS.get(match[2].lower()) if match else None
    if match is None or month is None:
        return None
    offset = timedelta(hours=int(match[8] or 0), minutes=int(match[9] or 0))
    try:
        zone = timezone(-offset if match[7] == "-" else offset)
        at = datetime(int(match[3]), month, int(match[1]), int(match[4]), int(match[5]), int(match[6]), tzinfo=zone)
        return at.astimezone(UTC), match[7] is not None
    except (ValueError, OverflowError):
        return None


def _from_iso(text: str) -> tuple[datetime, bool] | None:
    written = text.replace(",", ".").replace(" UTC", "Z").replace("UTC", "Z").strip()
    written = _FRACTION.sub(lambda digits: digits[0][:6].ljust(6, "0"), written.replace(" +", "+").replace(" -", "-"))
    try:
        at = datetime.fromisoformat(written)
        return (at.replace(tzinfo=UTC), False) if at.tzinfo is None else (at.astimezone(UTC), True)
    except (ValueError, OverflowError):
        return None


def _from_epoch(number: float) -> tuple[datetime, bool] | None:
    seconds = number / 1000 if number > _MILLISECONDS_FROM else number
    if not 0 < seconds < _LARGEST_EPOCH_SECONDS:
        return None
    return datetime.fromtimestamp(seconds, UTC), True


def epoch_minute(minute: int) -> datetime:
    """Return the start of a minute that is counted from the epoch."""
    return datetime.fromtimestamp(minute * 60, UTC)
