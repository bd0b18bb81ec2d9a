"""What clients of a storm were told: a line a command that was answered, appended at once, so that a kill loses none.

A command that was acknowledged has to be in the log, unless the database was put back to a backup that was begun before
the answer: then it has to be there only if its last try was sent after the database was back.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson

__all__ = [
    "Acknowledged",
    "Journal",
    "Lost",
    "is_perhaps_lost",
    "last_number",
    "open_journal",
    "read_journals",
    "write",
]

_TAIL = 1 << 16


class Acknowledged(NamedTuple):
    """An answer: to which command, of which kind, with which status and error code; seconds as of `time.monotonic`.

    `events` is how many the answer speaks of, `places` are `task/generation` of each where they are of tasks.
    """

    key: str
    status: int
    code: str
    sent: float
    answered: float
    events: int
    places: Sequence[str] = ()


class Lost(NamedTuple):
    """A time of which a database knows nothing any more: since its backup began until it was back."""

    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Journal:
    """Where one process writes its lines; the time is the same clock for every process of the machine."""

    descriptor: int


def open_journal(path: Path) -> Journal:
    return Journal(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND))


def write(journal: Journal, said: Acknowledged) -> None:
    os.write(journal.descriptor, orjson.dumps(tuple(said._replace(answered=time.monotonic()))) + b"\n")


def read_journals(directory: Path) -> Iterator[Acknowledged]:
    """Yield every whole line of every process; a kill may have left half a line behind."""
    for path in sorted(directory.glob("*.journal")):
        with path.open("rb") as lines:
            for line in lines:
                if line.startswith(b"[") and line.endswith(b"]\n"):
                    yield Acknowledged(*orjson.loads(line))


def last_number(path: Path, prefix: str) -> int:
    """Return the highest number in the last keys `<prefix>-<number>` of a journal, 0 where there is none."""
    if not path.exists():
        return 0
    with path.open("rb") as lines:
        lines.seek(max(0, path.stat().st_size - _TAIL))
        keys = [line.split(b'"', 2)[1].decode() for line in lines.read().splitlines() if line.startswith(b'["')]
    numbers = [key.removeprefix(f"{prefix}-") for key in keys if key.startswith(f"{prefix}-")]
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def is_perhaps_lost(said: Acknowledged, losses: Sequence[Lost]) -> bool:
    """Tell whether a database that was put back may have forgotten what was acknowledged."""
    return any(said.answered > lost.began and said.sent < lost.ended for lost in losses)


def count_refusals(said: Iterator[Acknowledged]) -> Counter[str]:
    return Counter(each.code for each in said if each.code)
