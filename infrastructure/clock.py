"""The local clock: for logs, timeouts and measuring. Decisions take their time from the database, never from here."""

import time
from datetime import UTC, datetime

__all__ = ["monotonic_seconds", "now", "unix_milliseconds"]


def now() -> datetime:
    """Return the time of this machine, in UTC."""
    return datetime.now(UTC)


def monotonic_seconds() -> float:
    """Return seconds on a clock that never goes back."""
    return time.monotonic()


def unix_milliseconds() -> int:
    """Return milliseconds since 1970 on this machine's clock."""
    return time.time_ns() // 1_000_000
