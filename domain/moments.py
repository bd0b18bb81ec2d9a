"""Moments as the store compares and sorts them: whole microseconds since 1970. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["EPOCH", "microseconds"]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Return microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)
