"""The ledger: finished tasks in SQLite, with the memory of what was seen and a place for what could not be understood.

All of a batch is one transaction. An event that is given again changes nothing. One that cannot be understood is put
aside with its body and its error, so that the others go on; `retry_dead_letters` tries those again.
"""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["Entry", "Recorded", "open_ledger", "record_entries", "retry_dead_letters"]

_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS seen (event_id TEXT PRIMARY KEY, stream TEXT, epoch INTEGER, position INTEGER);
CREATE INDEX IF NOT EXISTS seen_place ON seen (stream, epoch, position);
CREATE TABLE IF NOT EXISTS finished_tasks (task_id TEXT PRIMARY KEY, outcome TEXT, finished_at TEXT, event_id TEXT);
CREATE TABLE IF NOT EXISTS dead_letters (event_id TEXT PRIMARY KEY, stream TEXT, entry TEXT, body BLOB, error TEXT);
"""
_OUTCOMES: Final = {f"task.{outcome}": outcome for outcome in ("completed", "failed", "canceled", "rejected")}
_LOST: Final = "SELECT event_id FROM seen WHERE stream = ? AND epoch < ? AND position >= ?"


class Entry(NamedTuple):
    """One entry of a stream: its id in two parts, the event's id, and the envelope as it stands there."""

    stream: str
    epoch: int
    position: int
    event_id: str
    body: bytes

    @property
    def entry_id(self) -> str:
        """The id that Redis knows it by."""
        return f"{self.epoch}-{self.position}"


class Recorded(NamedTuple):
    """What became of a batch: entries that were new, that were known, and those of the new that were put aside."""

    new: int = 0
    known: int = 0
    put_aside: int = 0


def open_ledger(path: Path | str) -> sqlite3.Connection:
    """Open the database, which is made when it is missing; several members may share it."""
    database = sqlite3.connect(path, autocommit=True, timeout=30)
    database.executescript(_SCHEMA)
    return database


def record_entries(database: sqlite3.Connection, entries: Sequence[Entry]) -> Recorded:
    """Record entries in one transaction; then they may be acknowledged. Raises sqlite3.Error, and nothing is done."""
    new = put_aside = 0
    database.execute("BEGIN IMMEDIATE")
    try:
        _undo_lost_future(database, entries)
        for entry in entries:
            values = (entry.event_id, entry.stream, entry.epoch, entry.position)
            if database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?)", values).rowcount:
                new += 1
                put_aside += not _apply_or_put_aside(database, entry)
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
    return Recorded(new, len(entries) - new, put_aside)


def retry_dead_letters(database: sqlite3.Connection) -> int:
    """Try what was put aside again, and return how many of them are done now."""
    rows = database.execute("SELECT event_id, stream, entry, body FROM dead_letters ORDER BY rowid").fetchall()
    done = 0
    for event_id, stream, entry_id, body in rows:
        epoch, _, position = entry_id.partition("-")
        database.execute("BEGIN IMMEDIATE")
        database.execute("DELETE FROM dead_letters WHERE event_id = ?", (event_id,))
        done += _apply_or_put_aside(database, Entry(stream, int(epoch), int(position), event_id, body))
        database.execute("COMMIT")
    return done


def _apply_or_put_aside(database: sqlite3.Connection, entry: Entry) -> bool:
    """Apply an event; one that cannot be understood becomes a dead letter. Any other error is the batch's."""
    try:
        _apply(database, entry)
    except (ValueError, KeyError, TypeError) as error:
        values = (entry.event_id, entry.stream, entry.entry_id, entry.body, f"{type(error).__name__}: {error}")
        database.execute("INSERT INTO dead_letters VALUES (?, ?, ?, ?, ?)", values)
        return False
    return True


def _apply(database: sqlite3.Connection, entry: Entry) -> None:
    """Do what the event means here: the only part that another integration would write anew."""
    event = json.loads(entry.body)
    if outcome := _OUTCOMES.get(event["type"]):
        task_id = event["subject"].removeprefix("task/")
        database.execute(
            "INSERT OR REPLACE INTO finished_tasks VALUES (?, ?, ?, ?)",
            (task_id, outcome, event["time"], entry.event_id),
        )


def _undo_lost_future(database: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Undo what stood in an older epoch where a later one goes on: the database went back in time before it."""
    starts: dict[tuple[str, int], int] = {}
    for stream, epoch, position, *_ in entries:
        starts[stream, epoch] = min(position, starts.get((stream, epoch), position))
    for (stream, epoch), position in starts.items():
        lost = (stream, epoch, position)
        database.execute(f"DELETE FROM finished_tasks WHERE event_id IN ({_LOST})", lost)  # noqa: S608 - a constant
        database.execute(f"DELETE FROM dead_letters WHERE event_id IN ({_LOST})", lost)  # noqa: S608 - a constant
        database.execute("DELETE FROM seen WHERE stream = ? AND epoch < ? AND position >= ?", lost)
