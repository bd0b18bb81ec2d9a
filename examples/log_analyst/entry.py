"""What one line of a log says, whatever its format."""

import re
from dataclasses import dataclass
from datetime import datetime

__all__ = ["LEVELS", "Entry", "normalise_level"]

LEVELS = ("debug", "info", "warning", "error", "critical")
"""From the least severe to the most."""

_SYNONYMS = {
    "trace": "debug", "verbose": "debug", "fine": "debug", "dbg": "debug",
    "information": "info", "notice": "info", "inf": "info", "log": "info",
    "warn": "warning", "wrn": "warning",
    "err": "error", "severe": "error", "exception": "error", "failure": "error",
    "fatal": "critical", "crit": "critical", "alert": "critical", "emerg": "critical", "emergency": "critical",
    "panic": "critical",
}  # fmt: skip
_STEPS_OF_TEN = {1: "debug", 2: "debug", 3: "info", 4: "warning", 5: "error", 6: "critical"}
_DIGITS = re.compile(r"[1-6]0")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; `at` is None where it has no time, `has_zone` tells whether that named its zone."""

    at: datetime | None = None
    has_zone: bool = True
    level: str | None = None
    status: int | None = None
    message: str = ""
    method: str = ""
    path: str | None = None
    duration_ms: float | None = None


def normalise_level(value: object) -> str | None:
    """Return one of LEVELS for a level's usual names and for pino's numbers; None for anything else."""
    text = str(value).strip().lower()
    if text in LEVELS:
        return text
    if _DIGITS.fullmatch(text):
        return _STEPS_OF_TEN[int(text) // 10]
    return _SYNONYMS.get(text)
